"""Profile: in which ways a stream may depend on itself, and how likely each is by what was seen.

Nobody knows how dependent a stream is; a ladder of block lengths has an estimate for each, a good one
for short blocks and hardly any for long ones. So evidence is weighed under every way in which the
dependence may grow with the length of the block, each as likely as those estimates make it (Bayes'
rule; the estimates are chi-square). Independent observations are one of these ways.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, inf, log, sqrt
from operator import mul
from typing import NamedTuple

GROWTHS = (2.0, sqrt(2.0))
"""What the variance of a block's sum is multiplied by whenever the length is doubled, over that of chance."""

TRUSTED = 400.0
"""Degrees of freedom of an estimate at most: no stream is quite like one of the profiles."""

BEYOND = 2
"""Doublings for which a dependence may go on to grow beyond the longest length there is."""

SHORT = 3
"""Lengths that are thought of at least, before any of them is measured."""

SLIGHT = 1e-7
"""A probability that is left out, over that of the most likely profile."""

STEPS = 12
"""Effects are told apart in so many steps to a factor of e."""


class Profile(NamedTuple):
    """One way to depend: over that of short blocks, the effect at each measured length, and of a mean.

    ``logs`` and ``shares`` are the logarithm and the inverse of what neighbouring blocks of each length
    differ by; ``effects`` is what a mean over each length varies by. ``prior`` is its probability among
    the dependent ones.
    """

    logs: tuple[float, ...]
    shares: tuple[float, ...]
    effects: tuple[float, ...]
    prior: float


@lru_cache(maxsize=64)
def profiles(lengths: int) -> tuple[Profile, ...]:
    """Growth begins after any length and ends at any later one, or not yet at the longest.

    >>> [round(effect, 2) for effect in profiles(3)[0].effects]
    [1.5, 2.0, 2.0, 2.0, 2.0]
    """
    found, reach = [], lengths + BEYOND
    for growth in GROWTHS:
        for start in range(lengths):
            ends = range(start + 1, reach)
            for end in ends:
                apart = [growth ** max(min(k, end) - start, 0) for k in range(reach)]
                prior = 1.0 / (len(GROWTHS) * lengths * len(ends))
                known = apart[:lengths]
                found.append(
                    Profile(
                        tuple(map(log, known)), tuple(1.0 / one for one in known), _of_means(apart), prior
                    )
                )
    return tuple(found)


def _of_means(apart: Sequence[float]) -> tuple[float, ...]:
    """What means vary by, from what neighbours differ by: half of that and half of what longer ones do.

    The difference of two blocks leaves out what both have in common, which is what they have from
    the block of twice their length (the variances of Haar's wavelets add up to the whole).
    """
    effects, beyond = [], apart[-1]
    for one in reversed(apart):
        beyond = 0.5 * (one + beyond)
        effects.append(beyond)
    return tuple(reversed(effects))


class Reading:
    """How dependent a stream is: effects by length, each with its probability."""

    def __init__(self, block: int, found: Sequence[tuple[float, float, tuple[float, ...]]]) -> None:
        self._block, self._found = block, found
        self._at: dict[int, list[tuple[float, float]]] = {}

    def effect(self, n: int) -> float:
        """How many times more the mean of ``n`` observations varies than if they were independent."""
        return sum([share * effect for share, effect in self._of(n)])

    def evidence(self, ratio: float, n: int) -> float:
        """What a log likelihood ratio of independent coins is worth (nats), ``n`` on the shorter side."""
        if ratio <= 0.0:
            return 0.0
        chance = sum([share * exp(-ratio / effect) for share, effect in self._of(n)])
        return -log(chance) if chance > 0.0 else ratio / max(effect for _, effect in self._of(n))

    def _of(self, n: int) -> list[tuple[float, float]]:
        """Probabilities and effects for the mean of so many, like effects as one."""
        index = max((n // self._block).bit_length() - 1, 0)
        if (known := self._at.get(index)) is not None:
            return known
        alike: dict[int, float] = {}
        for share, scale, effects in self._found:
            effect = scale * effects[min(index, len(effects) - 1)]
            step = round(STEPS * log(effect))
            alike[step] = alike.get(step, 0.0) + share
        found = self._at[index] = [(share, exp(step / STEPS)) for step, share in alike.items()]
        return found


INDEPENDENT = Reading(1, [(1.0, 1.0, (1.0,))])
"""Of a stream that is known to be independent."""


def weighed(
    block: int, effects: Sequence[float], freedoms: Sequence[float], doubt: float, least: float
) -> Reading:
    """What estimates of effects with their degrees of freedom say about blocks of ``block`` and longer."""
    lengths = max(len(effects), SHORT)
    weights = [min(one, TRUSTED) for one in freedoms]
    whole, seen = sum(weights), list(map(mul, weights, effects))
    told: list[tuple[float, float, float, tuple[float, ...]]] = [
        (log(1.0 - doubt), *_scaled(0.0, sum(seen), whole, least), (1.0,))
    ]
    for logs, shares, means, prior in profiles(lengths):
        grown = sum(map(mul, weights, logs))
        told.append((log(doubt * prior), *_scaled(grown, sum(map(mul, seen, shares)), whole, least), means))
    most = max([prior + fit for prior, fit, _, _ in told], default=-inf)
    found = [(exp(prior + fit - most), scale, means) for prior, fit, scale, means in told]
    found = [one for one in found if one[0] > SLIGHT]
    total = sum([one[0] for one in found])
    return Reading(block, [(share / total, scale, means) for share, scale, means in found])


def _scaled(grown: float, seen: float, whole: float, least: float) -> tuple[float, float]:
    """The log likelihood of a profile, and the effect of short blocks that makes it largest.

    Where that is not told from 1 it is 1: what zeros and ones have.
    """
    if not whole:
        return 0.0, 1.0
    scale = max(seen / whole, least)
    if abs(scale - 1.0) < 2.0 * sqrt(2.0 / whole):
        scale = 1.0
    return -0.5 * (grown + whole * log(scale) + seen / scale), scale
