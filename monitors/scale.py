"""Scale: where numbers of one kind lie against a reference of them, between 0 and 1."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

WIDEST = 1e300
"""Numbers beyond are taken for this one, so that differences stay finite."""

FINEST = 1e-9
"""The unit of a reference that never varied, against its size: any other number is then far off."""


BEND = 1.5
"""Units off the middle from which on it matters less and less how far a number is out.

A mean of what is made of bell-shaped numbers tells 96 % of what their own mean tells.
"""

MARGIN = 0.1
"""How far outside the reference a number has to lie to count, against its range."""


class Scale(NamedTuple):
    """A reference by its quantiles: ``middle`` (the median), ``unit`` (a standard deviation), both ends.

    ``low`` and ``high`` are its least and its largest number, a tenth of what is between them further out.

    >>> scale = Scale.of(numbers([float(i) for i in range(101)]))
    >>> scale.middle, round(scale.unit, 1), scale.low, scale.high
    (50.0, 37.1, -10.0, 110.0)
    >>> scale.place(numbers([50.0, 1e9, None])).tolist()[:1]
    [0.0]
    """

    middle: float
    unit: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Numbers) -> "Scale":
        """The scale of a reference, of nothing where that is empty; robust: half of it may be anything."""
        values = values if len(values) else np.zeros(1)
        ordered = np.sort(values)
        middle, low, high = median(ordered), float(ordered[0]), float(ordered[-1])
        margin = MARGIN * high - MARGIN * low
        unit = iqr(ordered) / 1.349
        if unit <= 0.0:  # more than half are one value: how far off are the others?
            off = np.sort(np.abs(ordered[ordered != middle] - middle))
            unit = median(off) if len(off) else FINEST * max(abs(middle), 1.0)
        return cls(middle, max(unit, 1.0 / WIDEST), low - margin, high + margin)

    def place(self, values: Numbers, middle: float | None = None) -> Numbers:
        """Where numbers lie in units off the middle (or another), within ±1: z / sqrt(BEND² + z²).

        It needs no exponential, so every machine finds the same bits.
        """
        with np.errstate(over="ignore"):
            z = np.clip((values - (self.middle if middle is None else middle)) / self.unit, -1e9, 1e9)
        placed: Numbers = z / np.sqrt(BEND * BEND + z * z)
        return placed

    def outside(self, values: Numbers) -> int:
        """How many numbers lie well below or above all of the reference."""
        return int(np.count_nonzero(values < self.low) + np.count_nonzero(values > self.high))


def numbers(values: Sequence[Any]) -> Numbers:
    """Values as an array of finite numbers; what is none is left out."""
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.array([_number(value) for value in values], dtype=np.float64)
    present: Numbers = found[~np.isnan(found)]
    clipped: Numbers = np.clip(present, -WIDEST, WIDEST)
    return clipped


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return WIDEST if value > 0 else -WIDEST


def median(ordered: Numbers) -> float:
    """The (upper) middle of numbers in order."""
    return float(ordered[len(ordered) // 2])


def iqr(ordered: Numbers) -> float:
    """The width of the middle half of numbers in order."""
    return float(ordered[(3 * len(ordered)) // 4]) - float(ordered[len(ordered) // 4])


def dependence(values: Numbers) -> float:
    """How many numbers in a row are worth one independent number, by how seldom they change sides.

    Squared, what independent numbers cross their median more often: 1 for those, and for an
    autoregression of .9 about 12 (its arc cosine law; a mean has 19).

    >>> dependence(numbers([0, 1] * 50)), dependence(numbers([0] * 50 + [1] * 50))
    (1.0, 2500.0)
    """
    if len(values) < 2:
        return 1.0
    above = values >= median(np.sort(values))
    crossed = int(np.count_nonzero(above[1:] != above[:-1]))
    up = int(np.count_nonzero(above))
    expected = 2.0 * up * (len(values) - up) / len(values)
    return max(1.0, expected / max(crossed, 1)) ** 2
