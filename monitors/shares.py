"""Shares: what categories say: how often the frequent ones come, and all others together."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from monitors.part import TOP
from monitors.reading import NOT_KNOWN, Reading, percents

FREQUENT = 0.01
"""The share of the reference from which a value is frequent."""

SHOWN = 40
"""Characters of a value that are shown."""


class Shares:
    """Reads categories; ``private`` values are not shown.

    >>> shares = Shares(["UA"] * 60 + ["DL"] * 40)
    >>> shares.parts, shares.read(["UA", "UA", "DL", "XX"])
    (('=UA', '=DL', 'new'), [Reading(n=4, total=2.0), Reading(n=4, total=1.0), Reading(n=4, total=1.0)])
    >>> shares.say("new", 0.0, 0.25, 1)
    'share of new or rare values 0.0% -> 25.0%, most often XX'
    """

    biased: tuple[str, ...] = ()
    memories = NOT_KNOWN

    def __init__(self, reference: Sequence[Any], *, private: bool = False) -> None:
        counts = _counted(reference)
        most = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))[:TOP]
        self._top = [value for value, n in most if n >= FREQUENT * len(reference)]
        self._private, self._often = private, ""
        self.parts = (*(self._name(i) for i in range(len(self._top))), "new")

    def _name(self, index: int) -> str:
        return f"=#{index + 1}" if self._private else f"={str(self._top[index])[:SHOWN]}"

    def read(self, column: Sequence[Any]) -> list[Reading]:
        """The shares of the frequent values, and of all others together."""
        n = len(column)
        counts = _counted(column)
        found = [counts.pop(value, 0) for value in self._top]
        if counts and not self._private:
            self._often = str(max(counts, key=counts.__getitem__))[:SHOWN]
        return [Reading(n, float(one)) for one in (*found, n - sum(found))]

    def say(self, part: str, before: float, after: float, blocks: int) -> str:
        """The share, and for new values the one that came most often last."""
        if part != "new":
            return percents(f"share of {part[1:]}", before, after)
        often = f", most often {self._often}" if self._often and after > before else ""
        return percents("share of new or rare values", before, after) + often


class Answers:
    """Reads booleans: the share of true ones."""

    parts: tuple[str, ...] = ("=true",)
    biased: tuple[str, ...] = ()
    memories = NOT_KNOWN

    def read(self, column: Sequence[Any]) -> list[Reading]:
        """The share of true values."""
        return [Reading(len(column), float(column.count(True)))]

    def say(self, part: str, before: float, after: float, blocks: int) -> str:
        """The share before and after."""
        return percents("share of true", before, after)


def _counted(column: Collection[Any]) -> Counter[Any]:
    try:
        return Counter(column)
    except TypeError:  # what has no hash is no category
        return Counter(value for value in column if isinstance(value, str | int | float | bool))
