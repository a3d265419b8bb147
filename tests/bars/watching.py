"""Who watches twenty fields at once, each in its own way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from river import drift

from monitors.fields import Fields
from tests.bars.contenders import CALL, OURS, REST, Count, River
from tests.bars.inputs import KINDS, Table, Values
from tests.bars.said import Hearer, Run, Said


class Watcher(Protocol):
    """Takes the values of one event and says which fields have changed."""

    def hear(self, values: Values, time: float) -> list[Said]:
        """Take one event."""
        ...


class OurFields:
    """The monitor of all fields, with the part of the budget that is not the loss's."""

    def __init__(self) -> None:
        self.fields = Fields(KINDS, REST)

    def hear(self, values: Values, time: float) -> list[Said]:
        """One event."""
        self.fields.update(values, time)
        if not self.fields.alarms:
            return []
        return [
            Said(a.n, a.direction, a.phase, a.monitor.removeprefix("field:"), a) for a in self.fields.alarms
        ]


class Each:
    """One detector for every field's values and one for whether they are missing."""

    def __init__(self, make: Callable[[], Hearer]) -> None:
        self._values = {name: make() for name in KINDS}
        self._missing = {name: make() for name in KINDS}
        self._seen: dict[str, list[float]] = {name: [] for name in KINDS}

    def hear(self, values: Values, time: float) -> list[Said]:
        """One event."""
        said = []
        for name, value in values.items():
            found = self._missing[name].hear(float(value is None), time)
            if value is not None and (at := self._standardised(name, value)) is not None:
                found = self._values[name].hear(at, time) or found
            if found is not None:
                said.append(found._replace(of=name, direction="changed"))
        return said

    def _standardised(self, name: str, value: Any) -> float | None:
        """A number by the middle and the spread of the first thousand; a category by its letter."""
        if isinstance(value, str):
            return (ord(value) - ord("a")) / 5.0
        seen = self._seen[name]
        if len(seen) < 1000:
            seen.append(value)
            if len(seen) == 1000:
                seen.sort()
            return None
        return float((value - seen[500]) / (seen[750] - seen[250]) * 1.35)


class AlwaysOne:
    """Calls every fiftieth event that all fields have changed."""

    def __init__(self) -> None:
        self._n = 0

    def hear(self, values: Values, time: float) -> list[Said]:
        """One event."""
        self._n += 1
        return [] if self._n % 50 else [CALL._replace(of=name, direction="changed") for name in KINDS]


class NeverOne:
    """Never calls."""

    def hear(self, values: Values, time: float) -> list[Said]:
        """One event."""
        return []


WATCHERS: dict[str, Callable[[], Watcher]] = {
    OURS: OurFields,
    "always": AlwaysOne,
    "never": NeverOne,
    "ADWIN": partial(Each, partial(River, drift.ADWIN)),
    "PageHinkley": partial(Each, partial(River, drift.PageHinkley)),
    "N in T": partial(Each, partial(Count, squash=True)),
}
"""By the names of the contenders."""


def watch(watcher: Watcher, made: Table) -> Run:
    """Let somebody watch a table from its first row to its last."""
    said = []
    for at, (values, time) in enumerate(zip(made.rows(), made.times, strict=True)):
        said += [one._replace(at=at) for one in watcher.hear(values, time)]
    return Run(said, () if made.change is None else (made.change,), len(made.times))
