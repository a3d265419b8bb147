"""Field: one input field of a pipeline, watched part by part; one change is said once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from monitors.alarm import Alarm
from monitors.channel import Channel
from monitors.level import State
from monitors.part import BLOCK, Kind
from monitors.reading import Reader, Reading, percents
from monitors.shares import Answers, Shares
from monitors.sizes import Pictures, Sizes, view_pictures
from monitors.spec import LevelSpec
from monitors.texts import Texts, view_texts

REFERENCE, LEAST = 1024, 256
"""Rows of a reference, and values that have to be present among them."""

JOINED = 8 * BLOCK
"""Rows after an alarm within which whatever else moves is of the same change."""

EVERY = 16
"""Of every so many texts the words of one are looked at."""


class FieldSpec(NamedTuple):
    """How one field is watched: ``level`` is that of a part of weight 1, ``unit`` is for a person.

    Values of a ``private`` field are not shown.
    """

    kind: Kind
    level: LevelSpec
    unit: str = ""
    private: bool = False


class Field:
    """Watches one field by columns of ``BLOCK`` rows; a value of None is missing.

    >>> field = Field("mode", FieldSpec("category", LevelSpec(block=BLOCK, two_sided=True, seasons=())))
    >>> for i in range(80):
    ...     column = ["car", "bus"] * 48 + (["car", "bus"] if i < 60 else [None, None]) * 16
    ...     if alarm := field.take(column, time=float(i)):
    ...         print(alarm.monitor, alarm.part, alarm.because)
    field:mode missing missing 0.0% -> 25.0%
    """

    def __init__(self, name: str, spec: FieldSpec) -> None:
        self.name, self._spec = name, spec
        self.n = 0
        self._reader: Reader | None = None
        self._missing = Channel("missing", spec.level)
        self._channels: list[Channel] = []
        self._held: list[tuple[list[Any], float]] = []
        self._held_n = self._held_rows = 0
        self._said: tuple[float, int] | None = None
        self._moved: tuple[str, ...] = ()

    @property
    def channels(self) -> list[Channel]:
        """What is watched of the field, its missing values first."""
        return [self._missing, *self._channels]

    @property
    def state(self) -> State:
        """Of the channels the one that stands worst; warming while all are."""
        states = {channel.state for channel in self.channels}
        order: tuple[State, ...] = ("alarm", "suspected", "quiet", "warming")
        return next(state for state in order if state in states)

    def rearm(self) -> None:
        """Forget the reference of every level."""
        for channel in self.channels:
            channel.rearm()
        self._said = None
        self._moved = ()

    def view(self, values: Sequence[Any]) -> Sequence[Any]:
        """What is kept of some values until their block is full: of texts and pictures no content."""
        if self._spec.kind == "text":
            return view_texts(values, EVERY if self._reader else 1)
        return view_pictures(values) if self._spec.kind == "image" else values

    def take(self, column: Sequence[Any], time: float) -> Alarm | None:
        """Take the values of a block of rows with the event time of its middle; the alarm it raised."""
        self.n += len(column)
        present = [value for value in column if value is not None and value == value]  # noqa: PLR0124  NaN is missing
        missing = Reading(len(column), float(len(column) - len(present)))
        alarms = [self._missing.take(missing, time)]
        if self._reader is None:
            self._hold(present, time)
        else:
            alarms += self._read(self._reader, present, time)
        found = [alarm for alarm in alarms if alarm is not None]
        return self._told(found) if found else None

    def _read(self, reader: Reader, present: list[Any], time: float) -> list[Alarm | None]:
        readings = reader.read(present)
        return [channel.take(one, time) for channel, one in zip(self._channels, readings, strict=True)]

    # ---- the reference

    def _hold(self, present: list[Any], time: float) -> None:
        self._held.append((present, time))
        self._held_n += len(present)
        self._held_rows += BLOCK
        if self._held_n == 0:  # the reference begins with the first value there is
            self._held, self._held_rows = [], 0
        elif self._held_rows >= REFERENCE and self._held_n >= LEAST:
            self._fit()

    def _fit(self) -> None:
        held, self._held = self._held, []
        reader = self._reader = _reader(self._spec, [value for present, _ in held for value in present])
        level = self._spec.level
        self._channels = [
            Channel(part, level._replace(memory=reader.memories.get(part, 0.0))) for part in reader.parts
        ]
        for present, time in held:
            for channel, reading in zip(self._channels, reader.read(present), strict=True):
                if channel.part not in reader.biased:
                    channel.take(reading, time)

    # ---- what is said

    def _told(self, alarms: list[Alarm]) -> Alarm | None:
        """The most certain of the alarms; none where all are of the change that was said last."""
        alarms = [alarm for alarm in alarms if not self._goes_on(alarm)]
        fresh = [alarm for alarm in alarms if not self._joins(alarm)]
        if not fresh:
            self._moved += tuple(alarm.monitor for alarm in alarms)
            return None
        alarm = max(fresh, key=lambda one: (one.monitor != "range", one.score - one.needed))
        self._said = alarm.time, self.n
        self._moved = tuple(alarm.monitor for alarm in alarms)
        return alarm._replace(
            monitor=f"field:{self.name}",
            part=alarm.monitor,
            n=self.n,
            severity="info",
            because=self._because(alarm),
        )

    def _goes_on(self, alarm: Alarm) -> bool:
        """Whether only this part of a change is over, and others that moved with it are not."""
        if alarm.phase != "recovered" or alarm.monitor not in self._moved:
            return False
        self._moved = tuple(part for part in self._moved if part != alarm.monitor)
        return bool(self._moved)

    def _joins(self, alarm: Alarm) -> bool:
        """Whether this is the change that was said last: it began before, or soon after for how old it is."""
        if self._said is None or alarm.monitor in self._moved:
            return False
        time, n = self._said
        return self.n < n + JOINED or alarm.onset - time <= 0.5 * (alarm.time - alarm.onset)

    def _because(self, alarm: Alarm) -> str:
        if self._reader is None or alarm.monitor == "missing":
            return percents("missing", alarm.before, alarm.after)
        blocks = -(-alarm.n_after // BLOCK)
        return self._reader.say(alarm.monitor, alarm.before, alarm.after, blocks)


def _reader(spec: FieldSpec, reference: list[Any]) -> Reader:
    if spec.kind == "category":
        return Shares(reference, private=spec.private)
    if spec.kind == "boolean":
        return Answers()
    if spec.kind == "text":
        return Texts(reference)
    if spec.kind == "image":
        return Pictures(reference)
    return Sizes(reference, spec.unit)
