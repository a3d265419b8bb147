"""Effect: how much more than chance a mean varies, and what single observations tell of it by themselves."""

from typing import NamedTuple

KEPT = 8192
"""Observations from which on what is older counts less and less."""

EXACT = 1e9
"""The degrees of freedom of what is known and not estimated."""


def spread(mean: float) -> float:
    """The variance of one independent observation at this level, if it is all or nothing; never 0."""
    return max(mean * (1.0 - mean), 2.5e-4)


class Effect(NamedTuple):
    """The variance of a mean over that of independent draws, and the degrees of freedom of this figure."""

    size: float
    freedom: float


class Singles:
    """The variance of single observations over that of a coin at their level.

    Between 0 and 1 it is that of a coin of the same mean less the mean of v (1 - v): where all are 0 or 1
    nothing has to be estimated, and elsewhere little. Blocks of independent observations tell the same, with
    the noise that an estimated variance has.

    >>> singles = Singles()
    >>> singles.add(8, 0.0, 0.19)  # ones and zeros
    >>> singles.effect
    Effect(size=1.0, freedom=1000000000.0)
    >>> singles.add(8, 8 * 0.16, 0.19)  # eight times the same .2
    >>> round(singles.effect.size, 2)
    0.58
    """

    __slots__ = ("_coins", "_n", "_within")

    def __init__(self) -> None:
        self._n = self._within = self._coins = 0.0

    def add(self, n: int, within: float, coin: float) -> None:
        """Take the sum of v (1 - v) of ``n`` observations, where a coin of their level has this variance."""
        self._n += n
        self._within += within
        self._coins += n * coin
        if self._n >= 2 * KEPT:
            self._n *= 0.5
            self._within *= 0.5
            self._coins *= 0.5

    @property
    def effect(self) -> Effect | None:
        """What they tell; None before there is one.

        The freedom is what it is at least: of all v (1 - v) with this mean, between 0 and 1/4, those stray
        most that are at one of the ends.
        """
        if not self._n:
            return None
        within, coin = self._within / self._n, self._coins / self._n
        own = max(coin - within, 1e-3 * coin)
        noise = within * (0.25 - within) / self._n
        return Effect(own / coin, min(EXACT, 2.0 * own * own / noise) if noise > 0.0 else EXACT)
