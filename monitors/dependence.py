"""Dependence: how much more the mean of a stretch of stream varies than if observations were independent.

One bad moment makes the next one likely; errors come in bursts, features follow each other, seasons
are never quite removed. The variance of block means shows it at every length of block: it falls with
the length for independent observations, and more slowly otherwise (batch means; von Neumann's
successive differences keep a changed level from counting more than once).
"""

from collections.abc import Callable
from math import cbrt, exp, sqrt
from typing import NamedTuple

from monitors.effect import EXACT, Effect, Singles

LEAST = 2
"""Differences that a length needs before it is heard."""

CAUTION = 2.0
"""Standard errors by which a longer block must vary more before the shorter ones are not believed."""

TRUST = 3.0
"""The same where nobody is called: what is found late is worse there than what is said in vain."""

TOGETHER = 2.0
"""Standard errors by which all lengths together must vary more than single observations do: then these are
not believed to be independent, however unsure each length is."""

GROWN = 1.0
"""Standard errors by which a length must vary more than the one before it to be taken to go on growing."""

GROWN_YOUNG = 0.5
"""The same at the end of a warm-up: with few long stretches seen, a level that wanders is not known yet."""

KNOWN = 1000
"""Differences of the shortest blocks from which on it would show that observations are dependent."""

STEP = 0.75
"""What one step adds to a sum of squares, in its own square: its block lies anywhere across it."""

LEAP = 0.3
"""A step that no wandering explains."""

PRIOR = 15.0
"""Differences that what is expected is worth, at every length but the shortest."""

SEEN = 256.0
"""Differences of the shortest blocks from which on what is expected counts less and less."""

Counts = list[tuple[float, float]]
"""For each length of block how many differences there were, and the sum of their squares."""


class Reading(NamedTuple):
    """An effect, by how much it grows whenever the length is doubled, and up to where it was measured."""

    effect: Effect
    growth: float
    longest: int

    def at(self, n: int) -> Effect:
        """The effect on the mean of ``n`` observations."""
        if self.growth <= 1.0:
            return self.effect
        size, beyond = self.effect.size, n // (2 * self.longest)
        if beyond > 0:
            size *= self.growth ** beyond.bit_length()
        return Effect(size, self.effect.freedom)


UNKNOWN = Reading(Effect(1.0, EXACT), 1.0, 1)
"""Of what nothing is known: observations pass for independent."""


class Rung:
    """Blocks of one length: the sum of the squared differences of neighbours, and how many."""

    __slots__ = ("carry", "count", "last", "squares")

    def __init__(self) -> None:
        self.count, self.squares = 0.0, 0.0
        self.last: float | None = None
        self.carry: float | None = None

    def add(self, mean: float, spread: float) -> float | None:
        """Take the next block's mean; returns that of two blocks when a second has come."""
        if self.last is not None:
            self.count += 1
            self.squares += (mean - self.last) ** 2 / spread
        self.last = mean
        if self.carry is None:
            self.carry = mean
            return None
        both, self.carry = 0.5 * (self.carry + mean), None
        return both


class Dependence:
    """The ladder of block lengths ``block``, 2 ``block``, 4 ``block``, … of one stream.

    No effect is smaller than ``least``; ``caution`` is as CAUTION. ``memory`` is that of an autoregression,
    in observations, after which its correlation is down to 1 / e: where it is known beforehand, it says how
    the effect grows with the length of blocks, until enough long ones have been seen.

    >>> ladder = Dependence(8)
    >>> for i in range(4096):
    ...     ladder.add(0.3 if i // 64 % 2 else 0.1, 0.16)   # 512 observations low, 512 high
    >>> round(ladder.reading().at(512).size)
    65
    """

    def __init__(
        self, block: int, least: float = 1e-3, caution: float = CAUTION, memory: float = 0.0
    ) -> None:
        self._block, self._least, self._caution, self._memory = block, least, caution, memory
        self._rungs: list[Rung] = []
        self._singles = Singles()

    def add(self, mean: float, spread: float, rung: int = 0) -> None:
        """Take the mean of the next block of ``block * 2**rung`` observations.

        ``spread`` is the variance that one independent observation would have at this level.
        """
        above: float | None = mean
        while above is not None:
            while rung >= len(self._rungs):
                self._rungs.append(Rung())
            above = self._rungs[rung].add(above, spread)
            rung += 1

    def single(self, n: int, within: float, spread: float) -> None:
        """Take what ``n`` single observations tell by themselves, the sum of v (1 - v)."""
        self._singles.add(n, within, spread)

    def less(self, told: Callable[[int], float], spread: float) -> None:
        """Take out what a rhythm has told, now that it is known.

        ``told`` says by how much, squared, the means of two neighbouring stretches of so many
        observations differ because of it.
        """
        for index, rung in enumerate(self._rungs):
            rhythm = rung.count * told(self._block << index) / spread
            rung.squares = max(rung.squares - rhythm, 0.1 * rung.squares)
        self.cut()

    def cut(self) -> None:
        """The level changes here: no difference may span it."""
        for rung in self._rungs:
            rung.last = rung.carry = None

    def excursion(self, height: float, n: float, spread: float, weight: float = 1.0) -> None:
        """Count a change that went back after ``n`` observations: it is what this stream does."""
        for index, rung in enumerate(self._rungs):
            share = min(1.0, n / (self._block * 2**index))
            rung.count += 2.0 * weight
            rung.squares += 2.0 * weight * (height * share) ** 2 / spread

    @property
    def shortest(self) -> float:
        """The effect within the shortest blocks, or of single observations; 1.0 while it is unknown."""
        first = self._rungs[0] if self._rungs else None
        if first is None or first.count < LEAST:
            return 1.0
        blocks = max(self._block * first.squares / (2.0 * first.count), self._least)
        single = self._singles.effect
        return blocks if single is None else min(blocks, single.size)

    def without(self, step: float, spread: float) -> Counts:
        """What was counted, had one step of this height not happened."""
        told = (STEP if abs(step) < LEAP else 1.0) * step * step / spread
        left = [(rung.count - 1.0, rung.squares - told) for rung in self._rungs]
        return [(n if n > 0.0 else 0.0, seen if seen > 0.0 else 0.0) for n, seen in left]

    def forget_step(self, step: float, spread: float) -> None:
        """Go on as if one step of this height had not happened; no difference may span it."""
        for rung, counts in zip(self._rungs, self.without(step, spread), strict=True):
            rung.count, rung.squares = counts
        self.cut()

    def reading(self, counts: Counts | None = None, *, young: bool = False) -> "Reading":
        """What the ladder says, or would say by other counts than its own.

        Short stretches are judged by the longest lengths as well: within a burst, errors are no
        chance, however few of them there are. Where no length of blocks surely varies more than single
        observations do, they are taken to be independent. A ``young`` one has hardly seen long stretches.
        """
        effects = self._effects(self.without(0.0, 1.0) if counts is None else counts)
        if not effects:
            return UNKNOWN
        floors = [effect.size * _floor(effect.freedom, self._caution) for effect in effects]
        best = max(range(len(effects)), key=floors.__getitem__)
        effect, single = effects[best], self._singles.effect
        if single is not None and self._believed(single, floors[best]):
            effect = single
        elif young or self._caution >= TRUST:  # where somebody is called, what is found late is worse
            grown = GROWN if self._caution >= TRUST else GROWN_YOUNG
            effect = effect._replace(size=effect.size * _further(effects, best, grown))
        return Reading(effect, _growth(effects, floors), self._block << (len(effects) - 1))

    def _effects(self, rungs: Counts) -> list[Effect]:
        """What each length tells, of those that can be heard."""
        if self._memory and rungs and rungs[0][0] >= LEAST:
            rungs = _with_expected(rungs, self._block / self._memory)
        return [
            Effect(max((self._block << i) * squares / (2.0 * count), self._least), count * 2.0 / 3.0)
            for i, (count, squares) in enumerate(rungs)
            if count >= LEAST
        ]

    def _believed(self, single: Effect, floor: float) -> bool:
        """Whether single observations are, where blocks of some length surely vary by so much (a floor)."""
        sure = single.size * _floor(single.freedom, self._caution)
        return sure > floor and self._independent(single.size)

    def _independent(self, size: float) -> bool:
        """Whether all lengths together vary as single observations of this effect do.

        Each by the cube root of its chi square (Wilson and Hilferty, 1931), all by their sum (Stouffer, The
        American Soldier, 1949). A step is not taken out for this: of what wanders it is the best part of what
        shows.
        """
        told, lengths, unit = 0.0, 0, self._block / (2.0 * size)
        for rung in self._rungs:
            if rung.count >= LEAST:
                part = 1.0 / (3.0 * rung.count)
                told += (cbrt(unit * rung.squares / rung.count) - 1.0 + part) / sqrt(part)
                lengths += 1
            unit *= 2.0
        return self._rungs[0].count >= KNOWN and told <= TOGETHER * sqrt(lengths)


def _with_expected(rungs: Counts, block: float) -> Counts:
    """Counts with those that an autoregression would add, given what the shortest blocks say.

    ``block`` is the length of these, in memories.
    """
    (count, squares), *longer = rungs
    prior = PRIOR * min(1.0, SEEN / count)
    unit = prior * squares / count / _reached(block)
    return [
        (count, squares),
        *(
            (more + prior, seen + unit / (2 << i) * _reached(block * (2 << i)))
            for i, (more, seen) in enumerate(longer)
        ),
    ]


def _reached(length: float) -> float:
    """What share of its effect an autoregression shows in blocks of so many memories.

    By half the mean squared difference of the means of two neighbouring stretches, times their length.
    """
    left = 1.0 - exp(-length)
    return 1.0 - left / length - 0.5 * left * left / length


def _further(effects: list[Effect], best: int, caution: float) -> float:
    """How much more the effect grows after a length, where it has grown by so many standard errors.

    That of an autoregression grows as much in all further doublings together as in the one before.
    """
    longer = max(best, 1)
    if longer >= len(effects):
        return 1.0
    grown = effects[longer].size * _floor(effects[longer].freedom, caution) / effects[longer - 1].size
    return max(1.0, grown if best else grown * grown)


def _growth(effects: list[Effect], floors: list[float]) -> float:
    """How much the effect grows a rung, where it certainly does at the longest lengths there are."""
    last, growth = len(effects) - 1, 1.0
    for back in range(1, min(3, last) + 1):
        ratio = floors[last] / effects[last - back].size
        if ratio > 1.0:
            growth = max(growth, ratio ** (1.0 / back))
    return min(growth, 2.0)


def _floor(freedom: float, caution: float) -> float:
    """What share of an estimated variance the true one has at least (Wilson and Hilferty, 1931)."""
    part = 2.0 / (9.0 * freedom)
    return max(0.0, 1.0 - part - caution * sqrt(part)) ** 3
