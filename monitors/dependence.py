"""Dependence: how much more the mean of a stretch of stream varies than if observations were independent.

One bad moment makes the next one likely; errors come in bursts, features follow each other, seasons
are never quite removed. The variance of block means shows it at every length of block: it falls with
the length for independent observations, and more slowly otherwise (batch means; von Neumann's
successive differences keep a changed level from counting more than once).
"""

from collections.abc import Iterable
from math import sqrt
from typing import NamedTuple

from monitors.window import Bucket

LEAST = 6
"""Differences that a length needs before it is heard."""

CAUTION = 2.0
"""Standard errors by which a longer block must vary more before the shorter ones are not believed."""


class Effect(NamedTuple):
    """The variance of a mean over that of independent draws, and the degrees of freedom of this figure."""

    size: float
    freedom: float


class Rung:
    """Blocks of one length: the sum of the squared differences of neighbours, and how many."""

    __slots__ = ("carry", "count", "last", "squares")

    def __init__(self) -> None:
        self.count, self.squares = 0.0, 0.0
        self.last: float | None = None
        self.carry: float | None = None

    def add(self, mean: float) -> float | None:
        """Take the next block's mean; returns that of two blocks when a second has come."""
        if self.last is not None:
            self.count += 1
            self.squares += (mean - self.last) ** 2
        self.last = mean
        if self.carry is None:
            self.carry = mean
            return None
        both, self.carry = 0.5 * (self.carry + mean), None
        return both


class Dependence:
    """The ladder of block lengths ``block``, 2 ``block``, 4 ``block``, … of one stream.

    >>> ladder = Dependence(8)
    >>> for i in range(4096):
    ...     ladder.add(0.3 if i // 64 % 2 else 0.1)   # 512 observations low, 512 high
    >>> ladder.at(0.2, 8).size < 5 < ladder.at(0.2, 512).size
    True
    """

    def __init__(self, block: int) -> None:
        self._block = block
        self._rungs: list[Rung] = []

    def add(self, mean: float, rung: int = 0) -> None:
        """Take the mean of the next block of ``block * 2**rung`` observations."""
        above: float | None = mean
        while above is not None:
            while rung >= len(self._rungs):
                self._rungs.append(Rung())
            above = self._rungs[rung].add(above)
            rung += 1

    def relearn(self, buckets: Iterable[tuple[int, Bucket]]) -> None:
        """Forget everything and learn from what a window holds, oldest first."""
        self._rungs = []
        for row, bucket in buckets:
            self.add(bucket.total / bucket.n, row)

    def cut(self) -> None:
        """The level changes here: no difference may span it."""
        for rung in self._rungs:
            rung.last = rung.carry = None

    def excursion(self, height: float, n: int) -> None:
        """Count a change that went back after ``n`` observations: it is what this stream does."""
        for index, rung in enumerate(self._rungs):
            share = min(1.0, n / (self._block * 2**index))
            rung.count += 2
            rung.squares += 2 * (height * share) ** 2

    def mark(self) -> list[tuple[float, float]]:
        """What was counted so far, for ``back_to``."""
        return [(rung.count, rung.squares) for rung in self._rungs]

    def back_to(self, mark: list[tuple[float, float]]) -> None:
        """Take back what was counted since a mark, and cut."""
        for index, rung in enumerate(self._rungs):
            rung.count, rung.squares = mark[index] if index < len(mark) else (0.0, 0.0)
        self.cut()

    def at(self, mean: float, n: int) -> Effect:
        """The effect on the mean of ``n`` observations at this level."""
        spread = max(mean * (1.0 - mean), 1e-4)
        effects = self._effects(spread)
        if not effects:
            return Effect(1.0, 1e9)
        top = 0
        while self._block << (top + 1) <= n:
            top += 1
        held = effects[: top + 1]
        floor = [e.size * (1.0 - CAUTION * sqrt(2.0 / e.freedom)) for e in held]
        best = max(range(len(held)), key=floor.__getitem__)
        size, freedom = held[best]
        growth = self._growth(held, floor)
        return Effect(max(size * growth ** (top - best), 1e-3), freedom)

    def _growth(self, held: list[Effect], floor: list[float]) -> float:
        """How much the effect grows a rung, where it certainly does at the longest lengths there are."""
        last, growth = len(held) - 1, 1.0
        for back in range(1, min(3, last) + 1):
            ratio = floor[last] / held[last - back].size
            if ratio > 1.0:
                growth = max(growth, ratio ** (1.0 / back))
        return min(growth, 2.0)

    def _effects(self, spread: float) -> list[Effect]:
        found = []
        for index, rung in enumerate(self._rungs):
            if rung.count < LEAST:
                break
            variance = rung.squares / (2.0 * rung.count)
            found.append(Effect((self._block << index) * variance / spread, rung.count * 2.0 / 3.0))
        return found
