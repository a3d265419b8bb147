"""Rumour: cheap sums of evidence that a level has moved; they ask for a comparison, they claim nothing."""

from math import log

SIZES = (1.5, 5.0, 20.0)
"""The changes that are listened for, up and down, in smallest changes."""

LOUD = 3.0
"""The evidence (nats) from which on something is suspected."""


class Rumour:
    """Page's cumulative sums of the log likelihood ratio of a few changed levels (Page, 1954).

    >>> rumour = Rumour(0.02)
    >>> rumour.tune(0.1, [1.0, 1.0, 1.0])
    >>> for _ in range(10):
    ...     rumour.add(8, 3.0)
    >>> rumour.evidence > LOUD
    True
    """

    def __init__(self, smallest: float) -> None:
        self._smallest = smallest
        self.sizes = [size * smallest for size in SIZES]
        self.evidence = 0.0
        self._sums = [0.0] * (2 * len(SIZES))
        self._weights = [(0.0, 0.0)] * (2 * len(SIZES))

    def tune(self, level: float, effects: list[float]) -> None:
        """Listen for changes from this level; ``effects`` say how dependent observations are, by size."""
        level = min(max(level, 0.005), 0.995)
        self._weights = []
        for sign in (1.0, -1.0):
            for size, effect in zip(self.sizes, effects, strict=True):
                other = min(max(level + sign * size, 0.0025), 0.9975)
                if abs(other - level) < self._smallest:  # at the edge there is nowhere to go
                    self._weights.append((0.0, 0.0))
                else:
                    yes, no = log(other / level), log((1.0 - other) / (1.0 - level))
                    self._weights.append((yes / effect, no / effect))

    def add(self, n: int, total: float) -> None:
        """Take the sum of ``n`` observations."""
        most, rest, sums = 0.0, n - total, self._sums
        for i, (yes, no) in enumerate(self._weights):
            told = sums[i] + total * yes + rest * no
            if told > most:  # noqa: PLR1730  this runs for every block: a call to max is dear
                most = told
            sums[i] = told if told > 0.0 else 0.0
        self.evidence = most

    def forget(self) -> None:
        """Begin anew, from nothing."""
        self._sums = [0.0] * len(self._sums)
        self.evidence = 0.0
