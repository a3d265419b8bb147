"""Fields: the input fields of a pipeline, watched together within one budget of false alarms."""

from collections.abc import Collection, Mapping
from typing import Any

from monitors.alarm import Alarm
from monitors.field import Field, FieldSpec
from monitors.level import State
from monitors.part import BLOCK, Kind, weight
from monitors.spec import DAY, WEEK, LevelSpec

NEVER = 2.0
"""No change is so gross that it is said in the warm-up: night and day may be as far apart."""


HELD = 16
"""Rows of which texts and pictures are held at most; a block is made of whole such runs."""


class Fields:
    """Watches the values of events, field by field.

    ``budget`` is the expected number of false alarms per 100,000 events over all fields together.
    ``units`` are for people, by field; values of ``private`` fields are not shown.

    >>> fields = Fields({"distance": "number"}, budget=0.02, units={"distance": "miles"}, seasons=())
    >>> for i in range(8000):
    ...     value = i * i * 37 % 101 + (0.0 if i < 6000 else 20.0)
    ...     fields.update({"distance": value}, time=float(i))
    ...     for alarm in fields.alarms:
    ...         print(alarm.monitor, alarm.part, alarm.direction, alarm.because)
    field:distance location changed median 49 -> 69 miles
    """

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        budget: float,
        *,
        units: Mapping[str, str] | None = None,
        private: Collection[str] = (),
        seasons: tuple[float, ...] = (DAY, WEEK),
        warmup: int = 2048,
    ) -> None:
        parts = sum(weight(kind) for kind in kinds.values())
        level = LevelSpec(
            budget=budget / max(parts, 1),
            warmup=warmup,
            gross=NEVER,
            block=BLOCK,
            settle=8 * BLOCK,
            two_sided=True,
            seasons=seasons,
        )
        self._names = list(kinds)
        self._fields = [
            Field(name, FieldSpec(kind, level, (units or {}).get(name, ""), name in private))
            for name, kind in kinds.items()
        ]
        self._heavy = [i for i, kind in enumerate(kinds.values()) if kind in ("text", "image")]
        self._rows: list[list[Any]] = []
        self._times: list[float] = []
        self.alarms: list[Alarm] = []

    @property
    def states(self) -> dict[str, State]:
        """Where each field stands."""
        return {field.name: field.state for field in self._fields}

    @property
    def estimates(self) -> dict[str, dict[str, float]]:
        """The present levels by field and part, between 0 and 1."""
        return {field.name: {one.part: one.estimate for one in field.channels} for field in self._fields}

    def rearm(self) -> None:
        """Forget the reference of every level: the learner was replaced, or the new levels were accepted."""
        for field in self._fields:
            field.rearm()
        self.alarms = []

    def update(self, values: Mapping[str, Any], time: float) -> None:
        """Take an event's values and time (event time, seconds); ``alarms`` is then what it brought about."""
        if self.alarms:
            self.alarms = []
        rows = self._rows
        rows.append(list(map(values.get, self._names)))
        self._times.append(time)
        if self._heavy and len(rows) % HELD == 0:
            self._lighten()
        if len(rows) >= BLOCK:
            self._close()

    def _lighten(self) -> None:
        """Texts and pictures are not kept until their block is full."""
        newest = self._rows[-HELD:]
        for i in self._heavy:
            for row, view in zip(newest, self._fields[i].view([row[i] for row in newest]), strict=True):
                row[i] = view

    def _close(self) -> None:
        columns, time = zip(*self._rows, strict=True), self._times[BLOCK // 2]
        self._rows, self._times = [], []
        told = [field.take(column, time) for field, column in zip(self._fields, columns, strict=True)]
        self.alarms = [alarm for alarm in told if alarm is not None]
