"""Intervals: how sure a mean, a share or a shift is, where neighbours in a stream are alike."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist, fmean, pvariance
from typing import NamedTuple

SURE = 0.95

BLOCKS = 30
"""Blocks that a side is cut into: enough for a spread, long enough to be nearly independent."""


class Estimate(NamedTuple):
    """A mean over ``n`` outcomes with its standard error, and how many blocks that rests on."""

    n: int
    mean: float
    error: float
    blocks: int

    @property
    def room(self) -> float:
        """Half the width of the interval of 95 %."""
        return student(self.blocks - 1) * self.error if self.blocks > 1 else float("inf")


def estimate(values: Sequence[float]) -> Estimate | None:
    """The mean of a stretch of a stream by the method of batch means; None of nothing.

    Neighbours are alike, so single values are no independent ones: the spread of the means of blocks
    of neighbours is that of the mean (Law and Kelton, Simulation Modeling and Analysis, 9.5.3).

    >>> found = estimate([0.0, 1.0] * 300)
    >>> found.mean, found.blocks, round(found.room, 6)
    (0.5, 30, 0.0)
    """
    n = len(values)
    if not n:
        return None
    count = min(BLOCKS, max(1, n // 4))
    means = [fmean(values[n * i // count : n * (i + 1) // count]) for i in range(count)]
    mean = fmean(values)
    spread = sum((one - mean) ** 2 for one in means) / (count - 1) if count > 1 else 0.0
    return Estimate(n, mean, sqrt(spread / count), count)


def dependence(values: Sequence[float]) -> float:
    """How many values in a stream count as one: the variance of a mean against that of independent ones.

    >>> dependence([0.0, 1.0] * 300), round(dependence([0.0] * 300 + [1.0] * 300), 1)
    (1.0, 20.7)
    """
    found = estimate(values)
    alone = pvariance(values) / len(values) if values else 0.0
    return max(1.0, found.error**2 / alone) if found is not None and alone > 0 else 1.0


def difference(before: Estimate, after: Estimate) -> tuple[float, float, float]:
    """After minus before and the bounds of 95 %, by Welch; infinite where a side is a single block."""
    change = after.mean - before.mean
    variances = before.error**2, after.error**2
    if min(before.blocks, after.blocks) < 2:
        return change, float("-inf"), float("inf")
    parts = zip(variances, (before.blocks, after.blocks), strict=True)
    below = sum(v * v / (blocks - 1) for v, blocks in parts)
    room = student(sum(variances) ** 2 / below if below else 1e9) * sqrt(sum(variances))
    return change, change - room, change + room


def student(freedom: float, sure: float = SURE) -> float:
    """The two-sided quantile of Student's t (Abramowitz and Stegun 26.7.5).

    >>> round(student(29), 2), round(student(5), 2), round(student(1e9), 2)
    (2.05, 2.57, 1.96)
    """
    z, v = normal(sure), max(freedom, 1.0)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def normal(sure: float) -> float:
    """The two-sided quantile of the normal distribution.

    >>> round(normal(0.95), 2)
    1.96
    """
    return NormalDist().inv_cdf(0.5 + sure / 2)


def chi_square(freedom: int, chance: float) -> float:
    """What chi-square exceeds with so small a chance (Wilson and Hilferty, 1931).

    >>> round(chi_square(9, 0.05), 1)
    16.9
    """
    z, c = NormalDist().inv_cdf(1 - chance), 2 / (9 * freedom)
    return float(freedom * (1 - c + z * sqrt(c)) ** 3)


def share_differs(before: tuple[int, int], after: tuple[int, int], chance: float, alike: float = 1.0) -> bool:
    """Whether two shares, each hits of n, differ by more than chance makes (pooled z test).

    ``alike`` is how many of them count as one.

    >>> share_differs((5, 1000), (80, 1000), 0.01), share_differs((5, 1000), (7, 1000), 0.01)
    (True, False)
    """
    (a, n), (b, m) = before, after
    if not n or not m:
        return False
    pooled = (a + b) / (n + m)
    error = sqrt(alike * pooled * (1 - pooled) * (1 / n + 1 / m))
    return error > 0 and abs(b / m - a / n) / error > normal(1 - chance)
