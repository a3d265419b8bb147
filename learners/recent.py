"""Recent behaviour per key as features: means, sums and counts of what came lately."""

from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Mapping
from math import isfinite
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from consumers.event import Truth, Value
from consumers.image import Image
from learners.scores import UNIT, bounded

KEYS, REMEMBERED = 10_000, 1_000_000
"""Bounds per statistic: keys, and values remembered over all its keys."""

BUCKETS = 60
"""A window of time moves on in steps of a sixtieth of its length."""


class RecentSpec(BaseModel):
    """One statistic of recent behaviour.

    ``of`` is ``label``, ``events`` or the name of a field; ``equals`` turns it into 1 where it has
    that value and 0 elsewhere. ``by`` keeps one statistic per value of a field, or per combination
    of several. The window is either the ``last`` so many values or those ``within`` so many
    seconds. Stats: ``mean``, ``sum``, ``count``; without a window ``latest``, the latest value, and
    ``since``, the seconds since it came. ``default`` stands in while there is nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    stat: Literal["mean", "sum", "count", "latest", "since"] = "mean"
    last: int | None = Field(None, ge=1, le=10_000)
    within: float | None = Field(None, gt=0.0, allow_inf_nan=False)
    by: str | tuple[str, ...] | None = None
    equals: str | None = None
    default: float = Field(0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        windows = (self.last is not None) + (self.within is not None)
        if self.stat in ("latest", "since") and windows:
            raise ValueError(f"{self.stat} is about the latest value: it takes neither last nor within")
        if self.stat in ("mean", "sum", "count") and windows != 1:
            raise ValueError(f"{self.stat} needs a window: either last or within")
        if self.of == "events" and (self.stat not in ("count", "since") or self.last or self.equals):
            raise ValueError("of events there is a count within a time, and the time since the latest")
        return self


class Tail:
    """The last ``size`` values of a key: how many they are and their exact sum in 2**-60."""

    __slots__ = ("size", "total", "values")

    def __init__(self, size: int):
        self.size = size
        self.values: deque[float] = deque()
        self.total = 0

    def add(self, value: float, time: float) -> None:
        """Take in a value and forget the one that is now too old."""
        self.values.append(value)
        self.total += int(value * UNIT)
        if len(self.values) > self.size:
            self.total -= int(self.values.popleft() * UNIT)

    def read(self, time: float) -> tuple[int, int]:
        """Count and sum."""
        return len(self.values), self.total


class Span:
    """The values of a key within a time, in sixty buckets: their count and their exact sum in 2**-60.

    A value leaves between 59 and 60 sixtieths of the time after it came. A value dated before the
    latest one counts as of its bucket. One older than the whole window is left out, unless it is the
    second in a row: then it was the latest one that was wrong, and the window starts anew.
    """

    __slots__ = ("behind", "buckets", "count", "step", "total")

    def __init__(self, within: float):
        self.step = within / BUCKETS
        self.buckets: deque[list[int]] = deque()  # number of the bucket since 1970, count, sum
        self.count = self.total = 0
        self.behind = False

    def add(self, value: float, time: float) -> None:
        """Take in a value that came at this time in seconds since 1970."""
        now = self._now(int(time // self.step))
        if now is None:
            return
        exact = int(value * UNIT)
        if self.buckets and self.buckets[-1][0] == now:
            self.buckets[-1][1] += 1
            self.buckets[-1][2] += exact
        else:
            self.buckets.append([now, 1, exact])
        self.count += 1
        self.total += exact
        while self.buckets[0][0] <= now - BUCKETS:
            self._drop()

    def read(self, time: float) -> tuple[int, int]:
        """Count and sum of what is within the window at this time; changes nothing."""
        oldest = int(time // self.step) - BUCKETS
        count, total = self.count, self.total
        for number, its_count, its_total in self.buckets:
            if number > oldest:
                break
            count, total = count - its_count, total - its_total
        return count, total

    def _now(self, now: int) -> int | None:
        """The bucket to count in, None for a value to leave out."""
        newest = self.buckets[-1][0] if self.buckets else now
        if now > newest - BUCKETS:
            self.behind = False
            return max(now, newest)
        if not self.behind:
            self.behind = True
            return None
        self.behind = False
        while self.buckets:
            self._drop()
        return now

    def _drop(self) -> None:
        _, count, total = self.buckets.popleft()
        self.count -= count
        self.total -= total


class Statistic(ABC):
    """A statistic over all its keys: read for an event before that event counts.

    What is no finite number (an absent field, a text without ``equals``) does not count. Of more
    keys than fit, the one updated longest ago is forgotten.
    """

    def __init__(self, spec: RecentSpec):
        self.of, self.by, self.equals, self.default = spec.of, spec.by, spec.equals, spec.default
        self.room = KEYS

    @abstractmethod
    def read(self, values: Mapping[str, Value], time: float) -> float:
        """The statistic for the event's key at this time."""

    @abstractmethod
    def add(self, values: Mapping[str, Value], value: Value, time: float) -> None:
        """Take in a value under the event's key."""

    def key(self, values: Mapping[str, Value]) -> object:
        """The event's value of the field, or values of the fields, this is kept by."""
        if self.by is None or isinstance(self.by, str):
            return self.by and values.get(self.by)
        return tuple([values.get(name) for name in self.by])

    def number(self, value: Value) -> float | None:
        """The value as a number within ±1e15; None for what does not count."""
        if self.equals is not None:
            return float(value == self.equals)
        if isinstance(value, str | Image) or not isfinite(value):
            return None
        return bounded(value)


class Windowed(Statistic):
    """Mean, sum or count over the last values, or over those within a time."""

    def __init__(self, spec: RecentSpec):
        super().__init__(spec)
        self.stat, self.last, self.within = spec.stat, spec.last, spec.within
        if spec.last:
            self.room = min(KEYS, REMEMBERED // spec.last)
        self.windows: OrderedDict[object, Tail | Span] = OrderedDict()

    def read(self, values: Mapping[str, Value], time: float) -> float:
        """The statistic for the event's key at this time, the default where its window is empty."""
        window = self.windows.get(self.key(values))
        if window is None:
            return self.default
        count, total = window.read(time)
        if not count:
            return self.default
        if self.stat == "count":
            return float(count)
        return total / (count * int(UNIT)) if self.stat == "mean" else total / int(UNIT)

    def add(self, values: Mapping[str, Value], value: Value, time: float) -> None:
        """Take in a value under the event's key."""
        number = self.number(value)
        if number is None:
            return
        key = self.key(values)
        window = self.windows.get(key)
        if window is None:
            window = self.windows[key] = self._window()
        else:
            self.windows.move_to_end(key)
        window.add(number, time)
        if len(self.windows) > self.room:
            self.windows.popitem(last=False)

    def _window(self) -> Tail | Span:
        return Tail(self.last) if self.last else Span(self.within or 1.0)


class Latest(Statistic):
    """The latest value of a key, or the seconds since it came."""

    def __init__(self, spec: RecentSpec):
        super().__init__(spec)
        self.since = spec.stat == "since"
        self.latest: OrderedDict[object, float] = OrderedDict()

    def read(self, values: Mapping[str, Value], time: float) -> float:
        """The statistic for the event's key at this time, the default where nothing came yet."""
        latest = self.latest.get(self.key(values))
        if latest is None:
            return self.default
        return max(0.0, time - latest) if self.since else latest

    def add(self, values: Mapping[str, Value], value: Value, time: float) -> None:
        """Take in a value under the event's key."""
        number = self.number(value)
        if number is None:
            return
        key = self.key(values)
        self.latest[key] = time if self.since else number
        self.latest.move_to_end(key)
        if len(self.latest) > self.room:
            self.latest.popitem(last=False)


class Recent:
    """Recent behaviour as features, each statistic under its name and in the order given.

    ``values`` are all declared fields of an event, ``time`` is in seconds since 1970 UTC. Call
    ``features`` when the event arrives, then ``event``; call ``label`` when its label arrives, with
    the values remembered from the event. Reading changes nothing.

    >>> recent = Recent({"late_here": RecentSpec(of="label", last=100, by="origin", default=0.2)})
    >>> recent.features({"origin": "JFK"}, 0.0)
    {'late_here': 0.2}
    >>> recent.label({"origin": "JFK"}, True, 60.0)
    >>> recent.features({"origin": "JFK"}, 61.0)
    {'late_here': 1.0}
    """

    def __init__(self, specs: Mapping[str, RecentSpec]):
        self.statistics: dict[str, Statistic] = {
            name: Latest(spec) if spec.stat in ("latest", "since") else Windowed(spec)
            for name, spec in specs.items()
        }
        statistics = self.statistics.values()
        self._of_labels = [statistic for statistic in statistics if statistic.of == "label"]
        self._of_events = [statistic for statistic in statistics if statistic.of == "events"]
        self._of_fields = [statistic for statistic in statistics if statistic.of not in ("label", "events")]

    def features(self, values: Mapping[str, Value], time: float) -> dict[str, float]:
        """The statistics as the event finds them, before it counts itself."""
        return {name: statistic.read(values, time) for name, statistic in self.statistics.items()}

    def event(self, values: Mapping[str, Value], time: float) -> None:
        """Count an event whose features are frozen."""
        for statistic in self._of_events:
            statistic.add(values, 1.0, time)
        for statistic in self._of_fields:
            value = values.get(statistic.of)
            if value is not None:
                statistic.add(values, value, time)

    def label(self, values: Mapping[str, Value], y: Truth, time: float) -> None:
        """Count a label that arrives, with the values of its event."""
        for statistic in self._of_labels:
            statistic.add(values, y, time)
