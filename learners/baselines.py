"""Naive baselines: what a forecast is worth that needs no model."""

from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from consumers.event import Value
from learners.scores import UNIT, bounded
from learners.scoring import Forecast

KEYS = 1_000
"""How many keys a rolling baseline remembers; the one updated longest ago goes first."""


State = TypeVar("State")


class BaselineSpec(BaseModel):
    """The rolling baseline of a pipeline: by which field, over how many labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str | None = None
    last: int = Field(1_000, ge=1, le=10_000)


class Baseline(ABC):
    """A forecast without a model: it predicts when the event arrives and learns when its label does.

    ``context`` holds all declared fields of the event. Forecasts have the shape of the task's.
    """

    name: str

    @abstractmethod
    def predict(self, context: Mapping[str, Value]) -> Forecast:
        """The forecast from the labels that were known by now."""

    @abstractmethod
    def learn(self, context: Mapping[str, Value], y: Any) -> None:
        """Take in the label of an event."""


class BaseRate(Baseline):
    """The share of true among all labels so far, by the rule of succession (k + 1) / (n + 2)."""

    name = "base_rate"

    def __init__(self) -> None:
        self.n = self.true = 0
        self.rate = 0.5

    def predict(self, context: Mapping[str, Value]) -> float:
        """P(true), one half before the first label, never quite 0 or 1."""
        return self.rate

    def learn(self, context: Mapping[str, Value], y: bool) -> None:
        """Count the label."""
        self.n += 1
        self.true += y
        self.rate = (self.true + 1) / (self.n + 2)


class LastClass(Baseline):
    """The label that came in last, as sure of it as labels have repeated so far: binary."""

    name = "last_class"

    def __init__(self) -> None:
        self.last: bool | None = None
        self.repeats = BaseRate()

    def predict(self, context: Mapping[str, Value]) -> float:
        """P(true), one half before the first label."""
        if self.last is None:
            return 0.5
        return self.repeats.rate if self.last else 1.0 - self.repeats.rate

    def learn(self, context: Mapping[str, Value], y: bool) -> None:
        """Remember the label, and whether it repeated the one before."""
        if self.last is not None:
            self.repeats.learn(context, y == self.last)
        self.last = y


class Rolling(Baseline, Generic[State]):
    """What the rolling baselines share: a state per key, for the keys updated most recently."""

    def __init__(self, spec: BaselineSpec):
        self.by, self.last = spec.by, spec.last
        self.keys: OrderedDict[Value | None, State] = OrderedDict()

    def key(self, context: Mapping[str, Value]) -> Value | None:
        """The event's key; None where it has none."""
        return None if self.by is None else context.get(self.by)

    def keep(self, key: Value | None, state: State) -> None:
        """Store a key's state as the youngest and drop the oldest beyond KEYS."""
        self.keys[key] = state
        self.keys.move_to_end(key)
        if len(self.keys) > KEYS:
            self.keys.popitem(last=False)


class RollingRate(Rolling[tuple[int, int]]):
    """The share of true among the last labels of the event's key.

    A key with few labels leans on the share of all, which counts as one more label. The labels of a
    key are the bits of one integer: a thousand labels take 125 bytes and one operation.
    """

    name = "rolling_rate"

    def __init__(self, spec: BaselineSpec):
        super().__init__(spec)
        self.mask = (1 << spec.last) - 1
        self.overall = BaseRate()

    def predict(self, context: Mapping[str, Value]) -> float:
        """P(true) for the event's key."""
        bits, n = self.keys.get(self.key(context), (0, 0))
        return (bits.bit_count() + self.overall.rate) / (n + 1)

    def learn(self, context: Mapping[str, Value], y: bool) -> None:
        """Shift the label into its key's bits."""
        key = self.key(context)
        bits, n = self.keys.get(key, (0, 0))
        self.keep(key, ((bits << 1 | y) & self.mask, min(n + 1, self.last)))
        self.overall.learn(context, y)


class ClassRates(Baseline):
    """The share of each class among all labels so far."""

    name = "base_rate"

    def __init__(self) -> None:
        self.n = 0
        self.counts: dict[str, int] = {}

    def predict(self, context: Mapping[str, Value]) -> dict[str, float]:
        """Probability per class seen; empty before the first label."""
        return {name: count / self.n for name, count in self.counts.items()}

    def learn(self, context: Mapping[str, Value], y: str) -> None:
        """Count the label."""
        self.n += 1
        self.counts[y] = self.counts.get(y, 0) + 1


class LastClasses(Baseline):
    """The label that came in last, as sure of it as labels have repeated so far: multiclass.

    The rest of the probability goes to the other classes by their shares.
    """

    name = "last_class"

    def __init__(self) -> None:
        self.last = ""
        self.repeats = BaseRate()
        self.rates = ClassRates()

    def predict(self, context: Mapping[str, Value]) -> dict[str, float]:
        """Probability per class seen; empty before the first label."""
        counts = self.rates.counts
        others = self.rates.n - counts.get(self.last, 0)
        if not others:
            return dict.fromkeys(counts, 1.0)
        repeat = self.repeats.predict(context)
        forecast = {name: (1.0 - repeat) * count / others for name, count in counts.items()}
        forecast[self.last] = repeat
        return forecast

    def learn(self, context: Mapping[str, Value], y: str) -> None:
        """Remember the label, and whether it repeated the one before."""
        if self.last:
            self.repeats.learn(context, y == self.last)
        self.last = y
        self.rates.learn(context, y)


class RollingRates(Rolling[tuple[deque[str], dict[str, int]]]):
    """The share of each class among the last labels of the event's key.

    A key leans on the shares of all labels, which count as one more label.
    """

    name = "rolling_rate"

    def __init__(self, spec: BaselineSpec):
        super().__init__(spec)
        self.overall = ClassRates()

    def predict(self, context: Mapping[str, Value]) -> dict[str, float]:
        """Probability per class seen; empty before the first label."""
        labels, counts = self.keys.get(self.key(context), ((), {}))
        shares = self.overall.predict(context).items()
        return {name: (counts.get(name, 0) + share) / (len(labels) + 1) for name, share in shares}

    def learn(self, context: Mapping[str, Value], y: str) -> None:
        """Count the label under its key and forget the one that is now too old."""
        key = self.key(context)
        labels, counts = self.keys.get(key) or (deque(), {})
        labels.append(y)
        counts[y] = counts.get(y, 0) + 1
        if len(labels) > self.last:
            counts[labels.popleft()] -= 1
        self.keep(key, (labels, counts))
        self.overall.learn(context, y)


class Mean(Baseline):
    """The mean of all labels so far, in label units."""

    name = "mean"

    def __init__(self) -> None:
        self.n = self.sum = 0

    def predict(self, context: Mapping[str, Value]) -> float:
        """The mean, 0 before the first label."""
        return self.sum / (self.n * int(UNIT)) if self.n else 0.0

    def learn(self, context: Mapping[str, Value], y: float) -> None:
        """Add the label."""
        self.n += 1
        self.sum += int(bounded(y) * UNIT)


class LastValue(Baseline):
    """The label that came in last, in label units."""

    name = "last_value"

    def __init__(self) -> None:
        self.last = 0.0

    def predict(self, context: Mapping[str, Value]) -> float:
        """The last label, 0 before the first."""
        return self.last

    def learn(self, context: Mapping[str, Value], y: float) -> None:
        """Remember the label."""
        self.last = y


class RollingMean(Rolling[tuple[deque[float], int]]):
    """The mean of the last labels of the event's key; the mean of all for a key without labels.

    Sums are integers in units of 2**-60: they stay exact however many labels come and go.
    """

    name = "rolling_mean"

    def __init__(self, spec: BaselineSpec):
        super().__init__(spec)
        self.overall = Mean()

    def predict(self, context: Mapping[str, Value]) -> float:
        """The mean of the event's key, 0 before the first label of all."""
        labels, total = self.keys.get(self.key(context), ((), 0))
        return total / (len(labels) * int(UNIT)) if labels else self.overall.predict(context)

    def learn(self, context: Mapping[str, Value], y: float) -> None:
        """Add the label under its key and forget the one that is now too old."""
        key = self.key(context)
        labels, total = self.keys.get(key) or (deque(), 0)
        labels.append(y)
        total += int(bounded(y) * UNIT)
        if len(labels) > self.last:
            total -= int(bounded(labels.popleft()) * UNIT)
        self.keep(key, (labels, total))
        self.overall.learn(context, y)
