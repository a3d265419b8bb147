"""What differs between binary, multiclass and regression: one shape for all tasks."""

from abc import ABC, abstractmethod
from math import inf, isfinite, nan
from struct import pack
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from consumers.event import Truth, Value
from learners import baselines as naive
from learners.baselines import Baseline, BaselineSpec
from learners.scores import (
    BinaryScore,
    MulticlassScore,
    RegressionScore,
    bounded,
    likeliest,
    log_loss,
    share_of,
)
from learners.scoring import LIMIT, Forecast, Score

__all__ = ["BinaryTask", "CostSpec", "Forecast", "MulticlassTask", "RegressionTask", "Task", "task_named"]


FAULTS = (ArithmeticError, LookupError, ValueError)
"""What a model raises that has diverged or misses a field; a field of the wrong type is an error of ours."""


class CostSpec(BaseModel):
    """What errors cost, in the user's own unit.

    ``error`` is the cost of one wrong class (multiclass) or of one label unit of absolute error
    (regression); binary tasks tell false alarms from misses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = "errors"
    false_positive: float = Field(1.0, ge=0.0, allow_inf_nan=False)
    false_negative: float = Field(1.0, ge=0.0, allow_inf_nan=False)
    error: float = Field(1.0, ge=0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _something_costs(self) -> Self:
        if not self.false_positive + self.false_negative > 0.0:
            raise ValueError("false_positive and false_negative cannot both cost nothing")
        return self


class Task(ABC):
    """How a kind of question is predicted, learned, judged, packed and shown.

    Forecasts and truths have the task's own types: P(true) and bool (binary), probability per class
    and str (multiclass), value and float (regression). ``faults`` counts the calls in which the
    model failed or gave nothing usable, so that a diverged model does not pass for a humble one.
    """

    name: str

    def __init__(self, cost: CostSpec) -> None:
        self.unit = cost.unit
        self.faults = 0

    @abstractmethod
    def predict(self, model: Any, x: dict[str, Value]) -> Forecast:
        """A finite, valid forecast, whatever state the model is in."""

    def learn(self, model: Any, x: dict[str, Value], y: Any) -> None:
        """Let the model learn; what it cannot compute is a fault of the model, not of the stream."""
        try:
            model.learn_one(x, y)
        except FAULTS:
            self.faults += 1

    @abstractmethod
    def loss(self, forecast: Any, y: Any) -> float:
        """Log loss in nats (probabilities clipped at 1e-15), absolute error in label units (regression)."""

    @abstractmethod
    def bounded_loss(self, forecast: Any, y: Any) -> float:
        """A loss in [0, 1] for drift monitors."""

    @abstractmethod
    def cost(self, forecast: Any, y: Any) -> float:
        """What deciding by this forecast cost, in the user's unit."""

    @abstractmethod
    def decide(self, forecast: Any) -> Truth:
        """The decision that costs least if the forecast is right."""

    @abstractmethod
    def pack(self, forecast: Any) -> bytes:
        """The forecast as IEEE 754 big-endian bytes, for the digest."""

    @abstractmethod
    def show(self, forecast: Any) -> dict[str, object]:
        """The forecast as JSON can carry it, with its decision as ``prediction``."""

    @abstractmethod
    def score(self) -> Score:
        """A fresh, empty score."""

    @abstractmethod
    def baselines(self, spec: BaselineSpec) -> tuple[Baseline, ...]:
        """The naive forecasts that run beside every model."""

    def _probabilities(self, model: Any, x: dict[str, Value]) -> dict[Any, float]:
        """What the model says, or nothing if it cannot say."""
        try:
            return model.predict_proba_one(x)  # type: ignore[no-any-return]
        except FAULTS:
            self.faults += 1
            return {}


class BinaryTask(Task):
    """Yes or no. A forecast is P(true); a model that knows nothing says one half.

    >>> task = BinaryTask(CostSpec(unit="EUR", false_positive=1, false_negative=9))
    >>> task.decide(0.2), task.cost(0.05, True), task.show(0.2)
    (True, 9.0, {'prediction': True, 'probability': 0.2})
    """

    name = "binary"

    def __init__(self, cost: CostSpec) -> None:
        super().__init__(cost)
        self.false_positive, self.false_negative = cost.false_positive, cost.false_negative
        self.threshold = cost.false_positive / (cost.false_positive + cost.false_negative)

    def predict(self, model: Any, x: dict[str, Value]) -> float:
        """P(true) in [0, 1]."""
        said = self._probabilities(model, x)
        if not said:
            return 0.5
        yes, no = said.get(True, 0.0), said.get(False, 0.0)
        if yes >= 0.0 and no >= 0.0 and 0.0 < yes + no < inf:
            return float(yes / (yes + no))
        self.faults += 1
        return 0.5

    def learn(self, model: Any, x: dict[str, Value], y: Truth) -> None:
        """Let the model learn; TypeError for a label that is no bool (River takes any text as true)."""
        if y is not True and y is not False:
            raise TypeError(f"a binary label is true or false, not {y!r}")
        super().learn(model, x, y)

    def loss(self, forecast: float, y: bool) -> float:
        """Log loss in nats."""
        return log_loss(forecast if y else 1.0 - forecast)

    def bounded_loss(self, forecast: float, y: bool) -> float:
        """How far the probability was from the truth."""
        return 1.0 - forecast if y else forecast

    def cost(self, forecast: float, y: bool) -> float:
        """The cost of a false alarm or of a miss, 0 if the decision was right."""
        if forecast > self.threshold:
            return 0.0 if y else self.false_positive
        return self.false_negative if y else 0.0

    def decide(self, forecast: float) -> bool:
        """True above the probability where both decisions cost the same."""
        return forecast > self.threshold

    def pack(self, forecast: float) -> bytes:
        """Eight bytes."""
        return pack(">d", forecast)

    def show(self, forecast: float) -> dict[str, object]:
        """Decision and P(true)."""
        return {"prediction": forecast > self.threshold, "probability": forecast}

    def score(self) -> BinaryScore:
        """A fresh, empty score."""
        return BinaryScore(self.threshold, self.false_positive, self.false_negative)

    def baselines(self, spec: BaselineSpec) -> tuple[Baseline, ...]:
        """Base rate, last class, rolling rate."""
        return naive.BaseRate(), naive.LastClass(), naive.RollingRate(spec)


class MulticlassTask(Task):
    """One of several classes. A forecast is the probability of each class, sorted by class.

    A model that knows nothing gives {}: no decision (""), bounded loss and probability one half.

    >>> task = MulticlassTask(CostSpec())
    >>> task.show({"buy": 0.75, "leave": 0.25})
    {'prediction': 'buy', 'probabilities': {'buy': 0.75, 'leave': 0.25}}
    """

    name = "multiclass"

    def __init__(self, cost: CostSpec) -> None:
        super().__init__(cost)
        self.error = cost.error

    def predict(self, model: Any, x: dict[str, Value]) -> dict[str, float]:
        """Probabilities that sum to 1, or {}."""
        said = self._probabilities(model, x)
        if not said:
            return {}
        total = sum([said[name] for name in sorted(said)])
        if 0.0 < total < inf and min(said.values()) >= 0.0:
            return {name: float(said[name] / total) for name in sorted(said)}
        self.faults += 1
        return {}

    def loss(self, forecast: dict[str, float], y: str) -> float:
        """Log loss in nats."""
        return log_loss(share_of(forecast, y))

    def bounded_loss(self, forecast: dict[str, float], y: str) -> float:
        """The probability that did not go to the truth."""
        return 1.0 - share_of(forecast, y)

    def cost(self, forecast: dict[str, float], y: str) -> float:
        """The cost of a wrong class, 0 if the decision was right."""
        return 0.0 if likeliest(forecast) == y else self.error

    def decide(self, forecast: dict[str, float]) -> str:
        """The likeliest class, the first by name among equals; "" without a forecast."""
        return likeliest(forecast)

    def pack(self, forecast: dict[str, float]) -> bytes:
        """Class and eight bytes, by class."""
        return b"".join([name.encode() + b"\0" + pack(">d", forecast[name]) for name in sorted(forecast)])

    def show(self, forecast: dict[str, float]) -> dict[str, object]:
        """Decision and probabilities."""
        return {"prediction": likeliest(forecast), "probabilities": dict(sorted(forecast.items()))}

    def score(self) -> MulticlassScore:
        """A fresh, empty score."""
        return MulticlassScore(self.error)

    def baselines(self, spec: BaselineSpec) -> tuple[Baseline, ...]:
        """Class rates, last class, rolling rates."""
        return naive.ClassRates(), naive.LastClasses(), naive.RollingRates(spec)


class RegressionTask(Task):
    """A number. A forecast is the value in label units; a model that knows nothing says 0.

    The bounded loss is |e| / (|e| + scale), where scale is the running mean of how far labels lie
    from their running mean (1 before there is any spread): an error as large as that is one half.

    >>> task = RegressionTask(CostSpec(error=2))
    >>> task.loss(7.0, 10.0), task.cost(7.0, 10.0), task.bounded_loss(7.0, 10.0)
    (3.0, 6.0, 0.75)
    """

    name = "regression"

    def __init__(self, cost: CostSpec) -> None:
        super().__init__(cost)
        self.error = cost.error
        self.labels = 0
        self.mean = self.deviation = 0.0

    def predict(self, model: Any, x: dict[str, Value]) -> float:
        """A value within ±1e15."""
        try:
            value = model.predict_one(x)
        except FAULTS:
            value = nan
        if value is None:  # before the first label
            return 0.0
        if abs(value) <= LIMIT:
            return float(value)
        self.faults += 1
        return bounded(float(value)) if isfinite(value) else 0.0

    def learn(self, model: Any, x: dict[str, Value], y: float) -> None:
        """Let the model and the scale of the bounded loss learn."""
        label = bounded(float(y))
        self.labels += 1
        self.deviation += (abs(label - self.mean) - self.deviation) / self.labels
        self.mean += (label - self.mean) / self.labels
        super().learn(model, x, y)

    def loss(self, forecast: float, y: float) -> float:
        """Absolute error in label units."""
        return abs(bounded(forecast - y))

    def bounded_loss(self, forecast: float, y: float) -> float:
        """|e| / (|e| + scale)."""
        error = abs(bounded(forecast - y))
        return error / (error + (self.deviation or 1.0))

    def cost(self, forecast: float, y: float) -> float:
        """The cost of the absolute error."""
        return self.error * abs(bounded(forecast - y))

    def decide(self, forecast: float) -> float:
        """The value itself."""
        return forecast

    def pack(self, forecast: float) -> bytes:
        """Eight bytes."""
        return pack(">d", forecast)

    def show(self, forecast: float) -> dict[str, object]:
        """The value."""
        return {"prediction": forecast}

    def score(self) -> RegressionScore:
        """A fresh, empty score."""
        return RegressionScore(self.error)

    def baselines(self, spec: BaselineSpec) -> tuple[Baseline, ...]:
        """Mean, last value, rolling mean."""
        return naive.Mean(), naive.LastValue(), naive.RollingMean(spec)


TASKS: dict[str, type[Task]] = {task.name: task for task in (BinaryTask, MulticlassTask, RegressionTask)}


def task_named(name: str, cost: CostSpec | None = None) -> Task:
    """The task of that name; ValueError naming the tasks there are.

    >>> task_named("clustering")
    Traceback (most recent call last):
    ValueError: no task 'clustering'; there are binary, multiclass, regression
    """
    if name not in TASKS:
        raise ValueError(f"no task {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name](cost or CostSpec())
