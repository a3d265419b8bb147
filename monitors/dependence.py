"""Dependence: how much more the mean of a stretch of stream varies than if observations were independent.

One bad moment makes the next one likely; errors come in bursts, features follow each other, seasons
are never quite removed. The variance of block means shows it at every length of block: it falls with
the length for independent observations, and more slowly otherwise (batch means; von Neumann's
successive differences keep a changed level from counting more than once). What these variances mean is
weighed in monitors/profile.py.
"""

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

from monitors.profile import Reading, weighed

DOUBT, TRUST = 0.03, 0.0003
"""How likely a stream depends on itself for longer than a block; the latter where nobody is called by it."""

LEAST = 2
"""Differences that a length needs before it is heard."""

STEP = 0.75
"""What one step adds to a sum of squares, in its own square: its block lies anywhere across it."""

LEAP = 0.3
"""A step that no wandering explains."""

SHARE = 2.0 / 3.0
"""What a difference is worth in degrees of freedom: neighbouring ones have a block in common."""


class Counts(NamedTuple):
    """Of one length of block: how many differences, the sum of their squares and of what was expected."""

    number: float
    squares: float
    expected: float


def spread(mean: float) -> float:
    """The variance of one independent observation at this level, if it is all or nothing; never 0."""
    return max(mean * (1.0 - mean), 2.5e-4)


class Rung:
    """Blocks of one length: the sum of the squared differences of neighbours, and how many."""

    __slots__ = ("carry", "count", "expected", "last", "squares")

    def __init__(self) -> None:
        self.count = self.squares = self.expected = 0.0
        self.last: float | None = None
        self.carry: float | None = None

    def add(self, mean: float, spread: float) -> float | None:
        """Take the next block's mean; returns that of two blocks when a second has come."""
        if self.last is not None:
            self.count += 1
            self.squares += (mean - self.last) ** 2
            self.expected += spread
        self.last = mean
        if self.carry is None:
            self.carry = mean
            return None
        both, self.carry = 0.5 * (self.carry + mean), None
        return both


class Dependence:
    """The ladder of block lengths ``block``, 2 ``block``, 4 ``block``, … of one stream.

    No effect is smaller than ``least``; ``doubt`` is the probability, before anything was seen, that
    observations depend on each other for longer than a block.

    >>> ladder = Dependence(8)
    >>> for i in range(4096):
    ...     ladder.add(0.3 if (i // 8) ** 3 % 11 < 4 else 0.1, 0.16)   # low or high for 64 observations or so
    >>> round(ladder.reading().effect(8), 1) < 1 < round(ladder.reading().effect(256), 1)
    True
    """

    def __init__(self, block: int, least: float = 1e-3, doubt: float = DOUBT) -> None:
        self._block, self._least, self._doubt = block, least, doubt
        self._rungs: list[Rung] = []

    @property
    def slightest(self) -> float:
        """An effect below which none is likely, and never above 1."""
        if not self._rungs or not self._rungs[0].expected:
            return 1.0
        first = self._rungs[0]
        sure = max(1.0 - 2.0 * sqrt(2.0 / max(SHARE * first.count, 1.0)), 0.0)
        return min(max(sure * self._block * first.squares / (2.0 * first.expected), self._least), 1.0)

    def add(self, mean: float, spread: float) -> None:
        """Take the mean of the next block.

        ``spread`` is the variance that one independent observation would have at this level.
        """
        above: float | None = mean
        rung = 0
        while above is not None:
            if rung == len(self._rungs):
                self._rungs.append(Rung())
            above = self._rungs[rung].add(above, spread)
            rung += 1

    def less(self, told: Callable[[int], float]) -> None:
        """Take out what a rhythm has told, now that it is known.

        ``told`` says by how much, squared, the means of two neighbouring stretches of so many
        observations differ because of it.
        """
        for index, rung in enumerate(self._rungs):
            rhythm = rung.count * told(self._block << index)
            rung.squares = max(rung.squares - rhythm, 0.1 * rung.squares)
        self.cut()

    def cut(self) -> None:
        """The level changes here: no difference may span it."""
        for rung in self._rungs:
            rung.last = rung.carry = None

    def excursion(self, height: float, n: int, spread: float, weight: float = 1.0) -> None:
        """Count a change that went back after ``n`` observations: it is what this stream does."""
        for index, rung in enumerate(self._rungs):
            share = min(1.0, n / (self._block << index))
            rung.count += 2.0 * weight
            rung.squares += 2.0 * weight * (height * share) ** 2
            rung.expected += 2.0 * weight * spread

    def without(self, step: float, spread: float) -> list[Counts]:
        """What was counted, had one step of this height not happened.

        Where it was most of what varied, hardly anything is known without it.
        """
        told, found = (STEP if abs(step) < LEAP else 1.0) * step * step, []
        for rung in self._rungs:
            left = max(1.0 - told / rung.squares, 0.0) if rung.squares else 1.0
            found.append(
                Counts(
                    max(rung.count - 1.0, 0.0) * left * left,
                    rung.squares * left,
                    max(rung.expected - spread, 0.0),
                )
            )
        return found

    def forget_step(self, step: float, spread: float) -> None:
        """Go on as if one step of this height had not happened; no difference may span it."""
        for rung, counts in zip(self._rungs, self.without(step, spread), strict=True):
            rung.count, rung.squares, rung.expected = (
                max(rung.count - 1.0, 0.0),
                counts.squares,
                counts.expected,
            )
        self.cut()

    def reading(self, counts: list[Counts] | None = None) -> Reading:
        """What the ladder says, or would say by other counts than its own."""
        effects, freedoms = [], []
        for index, (number, squares, expected) in enumerate(self._told() if counts is None else counts):
            if number < LEAST or expected <= 0.0:
                break
            effects.append(max((self._block << index) * squares / (2.0 * expected), self._least))
            freedoms.append(SHARE * number)
        return weighed(self._block, effects, freedoms, self._doubt, self._least)

    def _told(self) -> list[Counts]:
        return [Counts(rung.count, rung.squares, rung.expected) for rung in self._rungs]
