"""Comparison: where a window falls apart best, and whether the budget of false alarms allows to say so.

Every split of the window into before and after is judged by the likelihood ratio of two coins against
one (for anything between 0 and 1 it is an upper bound), divided by how dependent observations are. The
variance is an estimate, so the ratio is Student's and not the normal one. What is needed follows from
the budget: 100,000 / n comparisons of ``n`` new observations are looks of their own.
"""

from collections.abc import Callable
from itertools import pairwise
from math import inf, log, log2, sqrt
from typing import NamedTuple

from monitors.alarm import Alarm, Direction, Phase
from monitors.dependence import Reading
from monitors.effect import Effect
from monitors.spec import LevelSpec
from monitors.window import Window

LOOKS = 0.45
"""Looks for each stretch of its own and each doubling of its length, up to where an alarm is due.

Set by what coins do: `make bars` measures it, with the budget as a knob.
"""

FEW = 30.0
"""The evidence (nats) that a stretch of one observation needs on top: chance is coarse in short ones."""

BURSTS = 0.6
"""The same of a loss, for each unit by which its effect exceeds 1 and each squared nat that is needed.

A long burst is no new level. Of sums of bursts the far tail is thicker than the normal one, and the more so
the farther out: in the expansion of its logarithm the second term grows with the square of the first.
"""

SKEW = 0.5
"""Where a loss that varies less than a coin lies between a normal law (0) and the worst of its variance (1).

Losses of probabilities that are sure and seldom wrong stray more easily than a normal law would: with 0 there
were ten times as many false alarms as the budget allows, with 1 a tenth.
"""

GOOD_NEWS = 3.0
"""The evidence (nats) that an improvement needs on top: it can wait, the budget is for calls."""

LEAST = 1.0
"""The evidence below which nothing is ever said, whatever the budget (in nats)."""


class Split(NamedTuple):
    """The best split of a window: counts, means and evidence, needed and found, in nats.

    ``onset`` is the event time of the last observation before the change, in seconds.
    """

    n_before: int
    n_after: int
    before: float
    after: float
    score: float
    needed: float
    effect: Effect
    onset: float

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before

    @property
    def variance(self) -> float:
        """The variance of the change."""
        before = self.before * (1.0 - self.before) / self.n_before
        after = self.after * (1.0 - self.after) / self.n_after
        return max(self.effect.size * (before + after), 1e-12)

    @property
    def convincing(self) -> bool:
        """Whether the evidence is what the budget asks for."""
        return self.score >= self.needed

    def alarm(
        self, monitor: str, direction: Direction, phase: Phase, *, season: float, time: float, n: int
    ) -> Alarm:
        """The claim of a monitor that has seen ``n`` observations until this event time."""
        room = 1.96 * sqrt(self.variance)
        return Alarm(
            monitor=monitor,
            direction=direction,
            time=time,
            onset=self.onset,
            n=n,
            before=self.before,
            after=self.after,
            n_before=self.n_before,
            n_after=self.n_after,
            low=max(-1.0, self.change - room),  # a level stays between 0 and 1
            high=min(1.0, self.change + room),
            score=sqrt(2.0 * self.score),
            needed=sqrt(2.0 * self.needed),
            dependence=self.effect.size,
            season=season,
            phase=phase,
        )


def whole(n_before: int, before: float, after: Window, effect: Effect) -> Split:
    """A window after a level that ``n_before`` observations had; the budget asks for nothing here."""
    split = Split(n_before, after.n, before, after.mean, 0.0, 0.0, effect, after.since)
    return split._replace(score=0.5 * split.change**2 / split.variance)


class Place(NamedTuple):
    """A split before dependence is considered: ``ratio`` is its evidence were observations independent.

    ``up`` is what the seasons have added after it, ``unsure`` what they add to the effect of dependence:
    nobody knows them for sure.
    """

    n_before: int
    n_after: int
    before: float
    after: float
    up: float
    ratio: float
    needed: float
    onset: float
    unsure: float


class Far(NamedTuple):
    """A split whose means lie far apart: observations after it, their sum, the event time before it."""

    n: int
    total: float
    onset: float


def far_apart(window: Window, spec: LevelSpec, effect: float) -> list[Far]:
    """The splits of a window, newest first, that may be convincing within this budget or a smaller one.

    Every look goes through all buckets and most find nothing: so there is no division, and all are floats.
    """
    found: list[Far] = []
    n, total, n1, total1 = float(window.n), window.total, 0.0, 0.0
    if not n:
        return found
    least = 0.999 * max(_base(spec) - log(n), LEAST) * _vary(window, effect)
    buckets = list(window.buckets())
    for i, (more, more_total, _) in enumerate(buckets):
        n1 += more
        total1 += more_total
        apart = total1 * n - total * n1  # the change times n0 n1
        if apart * apart >= least * (n - n1) * n1 and n1 < n:
            found.append(Far(int(n1), total1, buckets[i + 1].time))
    return found


def places(
    window: Window,
    far: list[Far],
    spec: LevelSpec,
    lift: Callable[[float], float],
    unsure: Callable[[float], float],
    effect: float,
) -> list[Place]:
    """Of splits that lie far apart those that would be convincing at this effect of dependence.

    Where single observations vary less than all or nothing, as the errors of probabilities do, it is below 1.

    ``lift`` says what the seasons have added since an event time, on average: no errors in a stretch
    are less of a surprise at an hour that hardly has any. ``unsure`` is the variance that the means before
    and after a time have from what is not known of the seasons.
    """
    found: list[Place] = []
    n, total, half = window.n, window.total, 0.5 * spec.smallest_change
    base, patience = _base(spec), 0.0 if spec.two_sided else GOOD_NEWS
    coin, vary = _coin(window), _vary(window, effect)
    for n1, total1, onset in far:
        n0 = n - n1
        if n0 < 200 and n0 < n1:
            break
        before, after = (total - total1) / n0, total1 / n1
        change = after - before
        # the ratio is at most the chi square: most splits need no closer look
        square = change * change * n0 * n1
        if -half < change < half:
            continue
        needed = max(base - log(n1) + FEW / n1 + (patience if change < 0.0 else 0.0), LEAST)
        if square < needed * vary:
            continue
        up = lift(onset)
        ratio = _ratio(n0, before + up, n1, after + up)
        chance = coin * (1.0 / n0 + 1.0 / n1)
        found.append(Place(n0, n1, before, after, up, ratio, needed, onset, unsure(onset) / chance))
    return found


def _base(spec: LevelSpec) -> float:
    """The evidence that the budget asks of a single observation."""
    between = 1e5 / spec.budget  # observations between two false alarms
    return log(LOOKS * max(1.0, log2(between / spec.block)) * between)


def _coin(window: Window) -> float:
    return max(window.mean * (1.0 - window.mean), 1e-4)


def _vary(window: Window, effect: float) -> float:
    """What a nat of evidence is, in squared changes times the observations before, after and in all."""
    return _coin(window) * effect * window.n


def rises(window: Window, least: float) -> bool:
    """Whether the mean after any split of a window is at least so much above the one before."""
    n, total, n1, total1 = window.n, window.total, 0, 0.0
    for (more, more_total, _), _ in pairwise(window.buckets()):
        n1 += more
        total1 += more_total
        if total1 / n1 - (total - total1) / (n - n1) >= least:
            return True
    return False


def best_split(found: list[Place], dependence: Reading, spec: LevelSpec) -> Split | None:
    """Of some places the split that exceeds what it needs by most; None where there are none.

    ``dependence`` is what is known of how the stream varies.
    """
    best, most, calls = None, -inf, not spec.two_sided
    for place in found:
        effect = dependence.at(place.n_after)
        if place.unsure:
            effect = Effect(effect.size + place.unsure, effect.freedom)
        ratio = place.ratio / effect.size
        if effect.size < 1.0 and calls:
            ratio += SKEW * (_of_the_worst(place, effect.size) - ratio)
        score = _students(ratio, effect.freedom)
        needed = place.needed
        if calls:
            needed += _of_bursts(effect.size, place.n_after) * needed**2
        if score - needed > most:
            most, best = score - needed, (place, score, needed, effect)
    if best is None:
        return None
    (n0, n1, before, after, _, _, _, onset, _), score, needed, effect = best
    return Split(n0, n1, before, after, score, needed, effect, onset)


def without_bursts(evidence: float, effect: float, n_after: int) -> float:
    """Evidence but for what a loss needs for its bursts: this a budget moves by its logarithm.

    >>> round(without_bursts(16.0, effect=5.0, n_after=240), 9)
    14.031242374
    """
    part = _of_bursts(effect, n_after)
    return (sqrt(1.0 + 4.0 * part * evidence) - 1.0) / (2.0 * part) if part > 0.0 else evidence


def _of_bursts(effect: float, n_after: int) -> float:
    """What a loss needs on top for each squared nat that it needs otherwise."""
    return BURSTS * max(effect - 1.0, 0.0) / n_after


def _students(ratio: float, freedom: float) -> float:
    """A log likelihood ratio whose variance is an estimate of so many degrees of freedom."""
    return 0.5 * (freedom + 1.0) * log(1.0 + 2.0 * ratio / freedom)


def _ratio(n0: int, p0: float, n1: int, p1: float) -> float:
    """The log likelihood ratio of two coins against one."""
    p = (n0 * p0 + n1 * p1) / (n0 + n1)
    return max(0.0, n0 * divergence(p0, p) + n1 * divergence(p1, p))


def _of_the_worst(place: Place, effect: float) -> float:
    """The same for the law whose mean strays most easily, of ``effect`` times a coin's variance.

    Of all between 0 and 1 it takes two values, the far end and one other (Bennett, Probability Inequalities
    for the Sum of Independent Random Variables, 1962).
    """
    n0, n1 = place.n_before, place.n_after
    before, after = place.before + place.up, place.after + place.up
    if after < before:
        before, after = 1.0 - before, 1.0 - after
    near = (1.0 - effect) * (n0 * before + n1 * after) / (n0 + n1)
    far = 1.0 - near
    return _ratio(n0, max(0.0, before - near) / far, n1, max(0.0, after - near) / far)


def divergence(p: float, q: float) -> float:
    """How far one coin is from another, in nats per throw (Kullback and Leibler, 1951).

    >>> round(divergence(0.5, 0.25), 4)
    0.1438
    """
    if not 1e-6 <= q <= 1.0 - 1e-6:
        q = min(max(q, 1e-6), 1.0 - 1e-6)
    told = 0.0
    if p > 0.0:
        told += p * log(p / q)
    if p < 1.0:
        told += (1.0 - p) * log((1.0 - p) / (1.0 - q))
    return told
