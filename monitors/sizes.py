"""Sizes: what numbers say, and what the numbers of a text or a picture say."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monitors.reading import NOT_KNOWN, Reading, percents
from monitors.scale import Numbers, Scale, dependence, iqr, median, numbers

REMEMBERED = 64
"""Blocks whose medians are remembered, to tell a person what they were."""

NOTHING = Reading(0, 0.0)


CROSSED = 1.2337
"""What crossing the median so much more seldom than chance makes of a memory: pi squared over 8.

Between neighbours of an autoregression of memory m, and so of correlation 1 - 1 / m, there is a crossing
with probability sqrt(2 / m) / pi (the arc cosine law); `dependence` is a quarter of its inverse square.
"""

LONGEST = 128.0
"""The longest memory that the reference can tell from a season or a step."""


class Medians:
    """The medians of the newest blocks and the widths of their middle halves, beside the reference's."""

    def __init__(self, reference: Numbers) -> None:
        ordered = np.sort(reference if len(reference) else np.zeros(1))
        self._reference = median(ordered), iqr(ordered)
        self._blocks: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def add(self, block: Numbers) -> float:
        """Remember one block of at least one number; its median."""
        ordered = np.sort(block)
        self._blocks.append((median(ordered), iqr(ordered)))
        return self._blocks[-1][0]

    def say(self, what: str, width: bool, blocks: int) -> str:
        """The typical median (or width) before, and in the newest blocks."""
        figures = [block[width] for block in self._blocks]
        newest = min(max(blocks, 1), len(figures))
        before, after = sorted(figures[:-newest]), sorted(figures[-newest:])
        old = before[len(before) // 2] if len(before) >= 4 else self._reference[width]
        new = after[len(after) // 2] if after else old
        if new == old:
            return f"{what} {old:.4g} as before, but not what lies around it"
        return f"{what} {old:.4g} -> {new:.4g}"


class Size:
    """Reads where numbers lie; ``what`` and ``unit`` are for a person.

    >>> size = Size([float(i) for i in range(101)], "height", "cm")
    >>> round(size.read([50.0, 50.0, 87.1, 87.1]).total, 2)
    2.56
    >>> size.say(1)
    'median height 50 -> 87.1 cm'
    """

    def __init__(self, reference: Sequence[Any], what: str, unit: str = "") -> None:
        fitted = numbers(reference)
        self.scale, self.medians = Scale.of(fitted), Medians(fitted)
        self._what, self._unit = what, unit

    def read(self, column: Sequence[Any]) -> Reading:
        """The location of a column."""
        values = numbers(column)
        if len(values):
            self.medians.add(values)
        return self.located(values)

    def located(self, values: Numbers) -> Reading:
        """The location of numbers."""
        n = len(values)
        return Reading(n, 0.5 * n + 0.5 * float(np.add.reduce(self.scale.place(values))))

    def spread(self, values: Numbers, middle: float) -> Reading:
        """How far numbers lie from a middle of their own, wherever that is."""
        return Reading(len(values), float(np.add.reduce(np.abs(self.scale.place(values, middle)))))

    def say(self, blocks: int, *, width: bool = False) -> str:
        """The median, or the width of the middle half, before and in the newest blocks."""
        what = f"width of the middle half {self._what}" if width else f"median {self._what}"
        return f"{self.medians.say(what.rstrip(), width, blocks)} {self._unit}".rstrip()


class Sizes:
    """Reads numbers: where they lie, how far they spread, how many lie beyond all of the reference.

    >>> sizes = Sizes([float(i) for i in range(101)])
    >>> [round(r.total / r.n, 2) for r in sizes.read([50.0, 50.0, 120.0, 150.0])]
    [0.71, 0.51, 0.5]
    """

    parts: tuple[str, ...] = ("location", "spread", "range")
    biased: tuple[str, ...] = ("range",)

    def __init__(self, reference: Sequence[Any], unit: str = "") -> None:
        self._size, self._unit = Size(reference, "", unit), unit
        self._dependence = dependence(numbers(reference))

    def read(self, column: Sequence[Any]) -> list[Reading]:
        """Location, spread and range of a column."""
        values = numbers(column)
        if not len(values):
            return [NOTHING] * 3
        middle = self._size.medians.add(values)
        outside = self._size.scale.outside(values) / self._dependence  # numbers far out come in a row
        return [
            self._size.located(values),
            self._size.spread(values, middle),
            Reading(len(values) / self._dependence, outside),
        ]

    @property
    def memories(self) -> Mapping[str, float]:
        """By how seldom the reference crosses its median; how far out it is, is forgotten twice as fast."""
        memory = min(self._dependence / CROSSED, LONGEST)
        return {"location": memory, "spread": 0.5 * memory}

    def say(self, part: str, before: float, after: float, blocks: int) -> str:
        """Medians for the location, the middle half's width for the spread, shares for the range."""
        if part != "range":
            return self._size.say(blocks, width=part == "spread")
        low, high = self._size.scale.low, self._size.scale.high
        return percents(f"outside {low:.4g} to {high:.4g} {self._unit}".rstrip(), before, after)


class Pictures:
    """Reads pictures by ``(brightness, sharpness, pixels)``."""

    parts: tuple[str, ...] = ("brightness", "sharpness", "size")
    biased: tuple[str, ...] = ()
    memories = NOT_KNOWN

    def __init__(self, reference: Sequence[tuple[float, float, float]]) -> None:
        columns = zip(*reference, strict=True)
        units = ("", "", "pixels")
        self._sizes = [Size(c, p, u) for c, p, u in zip(columns, self.parts, units, strict=True)]

    def read(self, column: Sequence[tuple[float, float, float]]) -> list[Reading]:
        """The locations of brightness, sharpness and size."""
        columns = list(zip(*column, strict=True)) or [(), (), ()]
        return [size.read(values) for size, values in zip(self._sizes, columns, strict=True)]

    def say(self, part: str, before: float, after: float, blocks: int) -> str:
        """The medians."""
        return self._sizes[self.parts.index(part)].say(blocks)


def view_pictures(images: Sequence[Any]) -> list[tuple[float, float, float] | None]:
    """What is kept of pictures: of what has ``brightness``, ``sharpness``, ``width`` and ``height``."""
    return [
        (image.brightness, image.sharpness, float(image.width * image.height))
        if hasattr(image, "sharpness")
        else None
        for image in images
    ]
