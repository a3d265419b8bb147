"""Reading: a figure of a field over a block of rows; Reader: what makes them from values."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Reading(NamedTuple):
    """How many (independent) values, and the sum of what they say, each between 0 and 1."""

    n: float
    total: float


NOT_KNOWN: Mapping[str, float] = {}
"""The memories of a reader that knows none."""


class Reader(Protocol):
    """Reads columns of one field against a reference: the values it was made with, at least one.

    ``parts`` names its figures; those in ``biased`` cannot be read on the reference itself. A column
    holds the values that are present, in order.
    """

    parts: tuple[str, ...]
    biased: tuple[str, ...]

    @property
    def memories(self) -> Mapping[str, float]:
        """How many values in a row resemble each other in what a part says, where that is known."""
        ...

    def read(self, column: Sequence[Any]) -> list[Reading]:
        """One reading for each part."""
        ...

    def say(self, part: str, before: float, after: float, blocks: int) -> str:
        """What a part did, for a person: its levels, and how many columns ago that began."""
        ...


def percents(what: str, before: float, after: float) -> str:
    """A share before and after.

    >>> percents("missing", 0.01, 0.1)
    'missing 1.0% -> 10.0%'
    """
    return f"{what} {before:.1%} -> {after:.1%}"
