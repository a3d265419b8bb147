"""Level: one bounded quantity, watched for a lasting change within a budget of false alarms.

An adaptive window holds what was seen since the last change. Sums of the evidence for a few sizes of
change (Page's CUSUM) propose that something moved; then every split of the window is compared, before
against after, by the binomial likelihood ratio (an upper bound for anything between 0 and 1), divided
by how dependent the observations are. The evidence that is needed follows from the budget.
"""

from math import inf, log, sqrt
from typing import Literal, NamedTuple

from monitors.alarm import Alarm, Direction, Phase
from monitors.dependence import Dependence, Effect
from monitors.rhythm import Rhythm
from monitors.spec import LevelSpec
from monitors.window import Bucket, Window

State = Literal["warming", "quiet", "suspected", "alarm"]
STATES: tuple[State, ...] = ("warming", "quiet", "suspected", "alarm")

LOOKS = 15.0
"""How many times 100,000 / n comparisons of n observations count as looks of their own: measured."""

LEAST_EVIDENCE = 2.5
SIZES = (1.5, 5.0, 20.0)
"""Changes whose evidence is summed, in smallest changes."""
RUMOUR = 3.0
LOOK_EVERY = 64
"""Blocks between two looks that nothing asked for."""


class Split(NamedTuple):
    """The best comparison of before and after: counts, means (season taken off), evidence, needed."""

    blocks: int
    n_before: int
    n_after: int
    before: float
    after: float
    score: float
    needed: float
    effect: Effect
    onset: float


class Open(NamedTuple):
    """A change that was said and is not over: the level before it, and the highest point since."""

    base: float
    reached: float


class Level:
    """Watches a quantity in [0, 1].

    >>> level = Level("loss", LevelSpec(seasons=()))
    >>> for i in range(4000):
    ...     level.update(float(i % 10 == 0 if i < 3000 else i % 3 == 0), time=float(i))
    ...     if level.alarm:
    ...         print(level.alarm.direction, round(level.alarm.before, 2), 3000 < level.alarm.n < 3200)
    worse 0.1 True
    """

    def __init__(self, name: str, spec: LevelSpec) -> None:
        self.name, self._spec = name, spec
        self.n = 0
        self.alarm: Alarm | None = None
        self.state: State = "warming"
        self._rhythm = Rhythm(spec.seasons)
        self._ladder = Dependence(spec.block)
        self._since: float | None = None
        self._time = -inf
        self._bin_start, self._bin_end, self._offset = inf, -inf, 0.0
        self._bin_n, self._bin_total = 0, 0.0
        self._open_n, self._open_total = 0, 0.0
        self._blocks = 0
        self._spread = 0.0
        self._open: Open | None = None
        self._last: tuple[float, int] | None = None
        self._restart(Window())
        self.rearm()

    # ---- what a caller sees

    @property
    def estimate(self) -> float:
        """The present level: the mean since the last change; 0.0 before the first observation."""
        n, total = self._window.n + self._open_n, self._window.total + self._open_total
        return min(1.0, max(0.0, total / n)) if n else 0.0

    def rearm(self) -> None:
        """Forget the reference: the learner was replaced, or the new level was accepted."""
        self._restart(Window())
        self._ladder.cut()
        self._open_n, self._open_total = 0, 0.0
        self._open = self._last = self.alarm = None
        self._warm_at = self.n + self._spec.warmup
        self._warm, self._settled_at = False, -1
        self.state = "warming"

    def update(self, value: float, time: float) -> None:
        """Take one observation with its event time in seconds; ``alarm`` is then what it brought about."""
        self.alarm = None
        if not self._bin_start <= time < self._bin_end:
            self._turn(time)
        self._bin_n += 1
        self._bin_total += value
        self._open_n += 1
        self._open_total += value - self._offset
        if time > self._time:
            self._time = time
        if self._open_n >= self._spec.block:
            self._close()

    def push(self, n: int, total: float, time: float) -> None:
        """Take a block of ``n`` observations by their sum, with the event time of its middle."""
        self.alarm = None
        if not self._bin_start <= time < self._bin_end:
            self._turn(time)
        self._bin_n += n
        self._bin_total += total
        self._open_n += n
        self._open_total += total - n * self._offset
        if time > self._time:
            self._time = time
        if self._open_n:
            self._close()

    # ---- seasons

    def _turn(self, time: float) -> None:
        width = self._rhythm.width
        if self._since is None:
            self._since = time
        if self._bin_n:
            before = self._rhythm.add(self._bin_n, self._bin_total, self._bin_start)
            self._bin_n, self._bin_total = 0, 0.0
            if before:
                self._restate(before)
        if width:
            self._bin_start = time // width * width
            self._bin_end = self._bin_start + width
            self._offset = self._rhythm.offset(self._bin_start)
        else:
            self._bin_start, self._bin_end = -inf, inf

    def _restate(self, before: list[list[float]]) -> None:
        assert self._since is not None
        restated = self._rhythm.restated(self._window.oldest_first(), before, self._since)
        first = not any(any(profile) for profile in before)
        self._restart(Window(reversed(restated)), keep=not first)
        if first:
            self._ladder.relearn(restated, self._spread)

    # ---- blocks

    def _close(self) -> None:
        block = Bucket(self._open_n, self._open_total, self._time)
        self._open_n, self._open_total = 0, 0.0
        self.n += block.n
        self._blocks += 1
        self._window.add(block)
        if self._spread:
            self._ladder.add(block.total / block.n, self._spread)
        if self._settled_at >= 0:
            if self.n >= self._settled_at:
                self._settle()
            return
        self._sum_up(block)
        if not self._warm and self._is_warm():
            self._end_warmup()
        elif self._blocks % LOOK_EVERY == 0 or (self._evidence >= RUMOUR and self.n >= self._look_at):
            self._look()
        self._say_state()

    def _say_state(self) -> None:
        if self._settled_at >= 0:
            self.state = "alarm"
        elif not self._warm:
            self.state = "warming"
        else:
            self.state = "suspected" if self._evidence >= RUMOUR else "quiet"

    def _is_warm(self) -> bool:
        if self.n < self._warm_at:
            return False
        days = self._rhythm.shortest
        if not days or self._rhythm.cycles >= 2:
            return True
        assert self._since is not None
        return self._time - self._since > 4 * days  # too few observations a cycle to learn one

    def _end_warmup(self) -> None:
        """A rise within the warm-up is said now; otherwise the learning curve is left out of the reference."""
        self._warm = True
        self._look()
        if self._settled_at < 0 and self.alarm is None:
            self._restart(self._window.newest(self._window.n // 2))

    # ---- proposals

    def _restart(self, window: Window, *, keep: bool = False) -> None:
        self._window = window
        if not keep:
            self._sums = [0.0] * (len(SIZES) * (2 if self._spec.two_sided or True else 1))
            self._evidence, self._look_at = 0.0, 0
            self._mark: list[tuple[float, float]] | None = None
        self._tune()

    def _tune(self) -> None:
        """The weights of the sums at the present level of the window."""
        mean = min(max(self._window.mean, 0.005), 0.995)
        size = 1.0
        if self._window.n >= 128:
            self._spread = max(mean * (1.0 - mean), 1e-3)
            size = self._ladder.at(self._window.n // 4).size
        self._weights = []
        for sign in (1.0, -1.0):
            for times in SIZES:
                other = min(max(mean + sign * times * self._spec.smallest_change, 0.0025), 0.9975)
                self._weights.append(
                    (log(other / mean) / size, log((1.0 - other) / (1.0 - mean)) / size)
                )

    def _sum_up(self, block: Bucket) -> None:
        if self._blocks % LOOK_EVERY == 0 or not self._spread:
            self._tune()
        n, ones = block.n, block.total
        most, sums = 0.0, self._sums
        for i, (yes, no) in enumerate(self._weights):
            told = sums[i] + ones * yes + (n - ones) * no
            sums[i] = told if told > 0.0 else 0.0
            if told > most:
                most = told
        if most >= RUMOUR > self._evidence:
            self._look_at = self.n
            self._rumour_n = self.n
            self._mark = self._ladder.mark()
        elif most < RUMOUR:
            self._mark = None
        self._evidence = most

    # ---- the comparison

    def _look(self) -> None:
        self._look_at = self.n + max(self._spec.block, (self.n - getattr(self, "_rumour_n", self.n)) // 16)
        split = self._best_split()
        if split is None or split.score < split.needed:
            return
        change = split.after - split.before
        if abs(change) < self._worth(change):
            return
        if not self._warm and not (
            change >= self._spec.gross and split.n_before >= 400 and split.score >= 1.6 * split.needed
        ):
            return
        self._raise(split)

    def _worth(self, change: float) -> float:
        """The smallest change to speak of: what is open already is said again when it is much larger."""
        if self._open is None or (self._open.reached - self._open.base) * change < 0:
            return self._spec.smallest_change
        return max(self._spec.smallest_change, 0.75 * abs(self._open.reached - self._open.base))

    def _best_split(self) -> Split | None:
        window, best, most = self._window, None, -inf
        n1, total1, blocks = 0, 0.0, 0
        n, total = window.n, window.total
        # the evidence sits at the level really seen: the season is put back
        base = log(LOOKS * 1e5 / self._spec.budget)
        half = 0.5 * self._spec.smallest_change
        buckets = window.newest_first()
        for i in range(len(buckets) - 1):
            bucket = buckets[i][1]
            n1 += bucket.n
            total1 += bucket.total
            n0 = n - n1
            if n0 < 200 and n0 < 0.5 * n:
                break
            p0, p1 = (total - total1) / n0, total1 / n1
            if -half < p1 - p0 < half:
                continue
            score = _ratio(n0, p0, n1, p1)
            if score < LEAST_EVIDENCE:
                continue
            effect = self._ladder.at(n1, self._mark if self._warm else None)
            score /= effect.size
            # Student's t and not the normal: the variance is an estimate
            score = 0.5 * (effect.freedom + 1.0) * log(1.0 + 2.0 * score / effect.freedom)
            needed = max(base - log(n1), LEAST_EVIDENCE)
            if score - needed > most:
                most = score - needed
                best = Split(i + 1, n0, n1, p0, p1, score, needed, effect, buckets[i + 1][1].time)
        return best

    # ---- what is said

    def _raise(self, split: Split) -> None:
        rise = split.after > split.before
        phase = self._phase(split)
        if self._spec.two_sided:
            direction: Direction = "changed"
        else:
            direction = "worse" if rise else "better"
        spread = sqrt(
            split.effect.size
            * max(split.before * (1 - split.before), 1e-4)
            * (1 / split.n_before + 1 / split.n_after)
        )
        change = split.after - split.before
        self.alarm = Alarm(
            monitor=self.name,
            direction=direction,
            time=self._time,
            onset=split.onset,
            n=self.n,
            before=split.before,
            after=split.after,
            n_before=split.n_before,
            n_after=split.n_after,
            low=change - 1.96 * spread,
            high=change + 1.96 * spread,
            score=sqrt(2 * split.score),
            needed=sqrt(2 * split.needed),
            dependence=split.effect.size,
            season=self._rhythm.size,
            phase=phase,
        )
        if self._mark is not None:
            self._ladder.back_to(self._mark)
        else:
            self._ladder.cut()
        self._there_and_back(change, split)
        self._rhythm.spoil()
        self._settled_at = self.n + max(self._spec.settle, 2 * split.n_after)
        self._restart(Window())
        self.state = "alarm"

    def _there_and_back(self, change: float, split: Split) -> None:
        """Two changes that undo each other are what this stream does: the next one has to be larger."""
        begun = self.n - split.n_after
        if self._last is not None and self._last[0] * change < 0:
            height = min(abs(self._last[0]), abs(change))
            self._ladder.excursion(height, begun - self._last[1], self._spread)
        self._last = change, begun

    def _phase(self, split: Split) -> Phase:
        if self._open is None:
            if self._spec.two_sided or split.after > split.before:
                self._open = Open(split.before, split.after)
            return "first"
        base, reached = self._open
        room = max(self._spec.smallest_change, 0.25 * abs(reached - base))
        side = 1.0 if reached > base else -1.0
        if (split.after - base) * side <= room:
            self._open = None
            return "recovered"
        if (split.after - split.before) * side > 0:
            self._open = Open(base, split.after)
            return "worse"
        return "eased"

    def _settle(self) -> None:
        """What was seen since the alarm is the new reference: what raised it looks larger than it is."""
        self._settled_at = -1
        self._warm = True
        if self._open is not None:
            self._open = self._open._replace(reached=self._window.mean)
        self._restart(self._window)
        self._say_state()


def _ratio(n0: int, p0: float, n1: int, p1: float) -> float:
    """The log likelihood ratio of two levels against one, for counts of anything in [0, 1]."""
    p = (n0 * p0 + n1 * p1) / (n0 + n1)
    return n0 * _divergence(p0, p) + n1 * _divergence(p1, p)


def _divergence(p: float, q: float) -> float:
    """Kullback and Leibler's divergence of two coins."""
    q = min(max(q, 1e-6), 1.0 - 1e-6)
    told = 0.0
    if p > 0.0:
        told += p * log(p / q)
    if p < 1.0:
        told += (1.0 - p) * log((1.0 - p) / (1.0 - q))
    return told
