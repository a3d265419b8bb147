"""Shift: how far a field's values after the onset are from those before."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import exp, log, sqrt
from statistics import fmean, median, pstdev
from typing import NamedTuple

from fluvial.card.intervals import chi_square, dependence

BINS = 10
"""Bars of a number, each with about a tenth of the values of before."""

WIDTHS = 16
"""Bars of a number as it is drawn."""

TOP = 12
"""Categories with a bar of their own."""

MISSING, REST = "(missing)", "(others)"

FACTOR = 1.5
"""A scale that is closer to the one of before is no other unit: the world moves that much by itself."""


class Shares(NamedTuple):
    """How many values fell into each bar on the two sides."""

    names: list[str]
    before: list[int]
    after: list[int]


def of_numbers(before: Sequence[float], after: Sequence[float]) -> Shares:
    """Counts between the deciles of before; outer bars are open.

    >>> of_numbers([1.0, 2.0, 3.0, 4.0], [4.0, 9.0]).after[-1]
    2
    """
    edges = _edges(before)
    low = Counter(bisect_right(edges, value) for value in before)
    high = Counter(bisect_right(edges, value) for value in after)
    bars = range(len(edges) + 1)
    return Shares(_between(edges), [low[i] for i in bars], [high[i] for i in bars])


def _edges(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return sorted({ordered[len(ordered) * i // BINS] for i in range(1, BINS)}) if ordered else []


def _between(edges: Sequence[float]) -> list[str]:
    if not edges:
        return ["all"]
    inner = [f"{a:.4g} to {b:.4g}" for a, b in pairwise(edges)]
    return [f"below {edges[0]:.4g}", *inner, f"{edges[-1]:.4g} and more"]


def drawn(before: Sequence[float], after: Sequence[float]) -> Shares:
    """Counts in bars of equal width over where most of both sides lies, as people look at them.

    The width is one of logarithms where the values are positive and span more than a power of ten.

    >>> drawn([1.0, 2.0, 3.0], [2.0, 3.0]).before
    [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    """
    both = sorted([*before, *after])
    low, high = both[len(both) // 100], both[-1 - len(both) // 100]
    if low >= high:
        return of_numbers(before, after)
    even, back = (log, exp) if low > 0 and high / low > 10 else (float, float)
    step = (even(high) - even(low)) / WIDTHS
    edges = [low, *(back(even(low) + step * i) for i in range(1, WIDTHS)), high]
    sides = [
        Counter(bisect_right(edges, min(max(x, low), high), 1, WIDTHS) for x in some)
        for some in (before, after)
    ]
    names = [f"{a:.4g} to {b:.4g}" for a, b in pairwise(edges)]
    return Shares(names, *([side[i] for i in range(1, WIDTHS + 1)] for side in sides))


def of_names(before: Sequence[str], after: Sequence[str]) -> Shares:
    """Counts of the most frequent values of both sides together, and of all others.

    >>> of_names(["a", "b", "a"], ["c"])
    Shares(names=['c', 'a', 'b'], before=[0, 2, 1], after=[1, 0, 0])
    """
    low, high = Counter(before), Counter(after)
    n, m = max(len(before), 1), max(len(after), 1)
    weight = {name: low[name] / n + high[name] / m for name in low | high}
    top = sorted(weight, key=lambda name: (-weight[name], name))[:TOP]
    names, one, two = list(top), [low[name] for name in top], [high[name] for name in top]
    rest = sum(low.values()) - sum(one), sum(high.values()) - sum(two)
    return Shares([*names, REST], [*one, rest[0]], [*two, rest[1]]) if any(rest) else Shares(names, one, two)


def psi(shares: Shares) -> float:
    """The population stability index, half an event added to each bar so that none is empty.

    Siddiqi, Credit Risk Scorecards, 2006: below 0.1 nothing moved, above 0.25 a large shift.

    >>> round(psi(Shares(["a", "b"], [500, 500], [800, 200])), 2)
    0.41
    """
    bars = len(shares.names)
    n, m = sum(shares.before) + bars / 2, sum(shares.after) + bars / 2
    pairs = [((a + 0.5) / n, (b + 0.5) / m) for a, b in zip(shares.before, shares.after, strict=True)]
    return sum((q - p) * log(q / p) for p, q in pairs)


def psi_by_chance(shares: Shares, chance: float, alike: float = 1.0) -> float:
    """What the index exceeds with so small a chance although nothing moved.

    ``alike`` is how many values count as one.

    It is about (1/n + 1/m) times chi-square with one degree of freedom less than there are bars
    (Yurdakul and Naranjo, Statistical properties of the population stability index, 2020).
    """
    n, m = sum(shares.before), sum(shares.after)
    return alike * (1 / max(n, 1) + 1 / max(m, 1)) * chi_square(max(len(shares.names) - 1, 1), chance)


def alike(values: Sequence[float | str]) -> float:
    """How many values of a field in a stream count as one; of names, for those that come most often.

    >>> alike(["a", "b"] * 300), round(alike(["a"] * 300 + ["b"] * 300))
    (1.0, 21)
    """
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) == len(values):
        return dependence(numbers)
    often = sorted(Counter(values).items(), key=lambda item: (-item[1], str(item[0])))[:5]
    return fmean(dependence([float(value == name) for value in values]) for name, _ in often)


def variation(shares: Shares) -> float:
    """The total variation distance of the two sides, 0 to 1.

    >>> variation(Shares(["a", "b"], [5, 5], [10, 0]))
    0.5
    """
    n, m = max(sum(shares.before), 1), max(sum(shares.after), 1)
    return sum(abs(a / n - b / m) for a, b in zip(shares.before, shares.after, strict=True)) / 2


def kolmogorov(before: Sequence[float], after: Sequence[float]) -> float:
    """The Kolmogorov-Smirnov distance: the largest difference of the two distribution functions.

    >>> kolmogorov([1.0, 2.0], [3.0, 4.0]), kolmogorov([1.0, 2.0], [1.0, 2.0])
    (1.0, 0.0)
    """
    if not before or not after:
        return 0.0
    one, two = sorted(before), sorted(after)
    points = sorted({*one, *two})
    gaps = (abs(bisect_right(one, x) / len(one) - bisect_right(two, x) / len(two)) for x in points)
    return max(gaps)


def standardised(before: Sequence[float], after: Sequence[float]) -> float | None:
    """The difference of the means in standard deviations of before (Glass's delta); None without spread."""
    spread = pstdev(before) if len(before) > 1 else 0.0
    return (fmean(after) - fmean(before)) / spread if spread > 0 and after else None


def factor(before: Sequence[float], after: Sequence[float]) -> float | None:
    """By how much all values seem multiplied, as by another unit; None where that explains little.

    The ratio of the medians is it where the sides lie far apart, and lie on each other once it is
    taken out: then the shape is the same and the scale is not.

    >>> values = [float(x) for x in range(1, 400)]
    >>> round(factor(values, [x * 1000 for x in values]))
    1000
    >>> factor(values, [x + 300 for x in values])
    """
    if min(len(before), len(after)) < 30 or min(*before, *after) < 0:
        return None
    middle, other = median(before), median(after)
    if middle <= 0 or other <= 0 or 1 / FACTOR < other / middle < FACTOR:
        return None
    ratio = other / middle
    apart = kolmogorov(before, after)
    left = kolmogorov(before, [value / ratio for value in after])
    by_chance = 1.95 * sqrt(1 / len(before) + 1 / len(after))
    if apart < 0.2 or left > max(by_chance, 0.15 * apart) or _narrow(before):
        return None
    return ratio


def _narrow(values: Sequence[float]) -> bool:
    """Whether the values hardly differ: then a shift looks like a factor."""
    return pstdev(values) < 0.05 * abs(fmean(values))
