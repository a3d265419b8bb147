"""Prequential scoring: what a score is, over a window, per slice, against a goal; and label delays."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import inf, isnan, nan
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from consumers.event import Value

Forecast = float | dict[str, float]
"""Binary: P(true). Regression: the value. Multiclass: probability per class, empty for "no idea"."""

BETTER: Mapping[str, Literal["up", "down"]] = {
    "rocauc": "up",
    "average_precision": "up",
    "brier": "down",
    "logloss": "down",
    "accuracy": "up",
    "precision": "up",
    "recall": "up",
    "f1": "up",
    "macro_f1": "up",
    "kappa": "up",
    "mae": "down",
    "rmse": "down",
    "r2": "up",
    "cost": "down",
}
"""Which way each metric gets better. What is no quality of its own (base_rate, bias) is not here."""

LIMIT = 1e15
"""Errors and labels beyond it count as this much: one absurd value must not make a sum infinite."""

OTHER = "other"
ABSENT = "(absent)"


class Score(ABC):
    """All metrics of one task over the outcomes added and not removed; ``n`` counts them."""

    n: int = 0

    def add(self, forecast: Any, y: Any) -> None:
        """Count one outcome."""
        self.count(forecast, y, 1)

    def remove(self, forecast: Any, y: Any) -> None:
        """Take back one outcome that was added, exactly: no rounding error stays behind."""
        self.count(forecast, y, -1)

    @abstractmethod
    def count(self, forecast: Any, y: Any, step: int) -> None:
        """Count one outcome ``step`` times: 1 adds, -1 removes."""

    @abstractmethod
    def values(self) -> dict[str, float]:
        """Every metric; NaN where the outcomes so far do not define it."""

    @abstractmethod
    def fresh(self) -> Self:
        """An empty score of the same kind and parameters."""


class Window:
    """A score over the last ``size`` outcomes; ``n`` of them have come so far.

    The score's sums are exact, so a window never drifts away from what it holds.
    """

    def __init__(self, make: Callable[[], Score], size: int):
        self.score = make()
        self.size = size
        self._outcomes: deque[tuple[Any, Any]] = deque()

    @property
    def n(self) -> int:
        """How many outcomes the window holds, at most its size."""
        return self.score.n

    def add(self, forecast: Any, y: Any) -> None:
        """Count one outcome and forget the one that is now too old."""
        self._outcomes.append((forecast, y))
        self.score.add(forecast, y)
        if len(self._outcomes) > self.size:
            self.score.remove(*self._outcomes.popleft())

    def values(self) -> dict[str, float]:
        """Every metric over the window; NaN where its outcomes do not define it."""
        return self.score.values()

    def fresh(self) -> "Window":
        """An empty window of the same size and kind of score."""
        return Window(self.score.fresh, self.size)


class Slices:
    """A score for each value of some fields, for the values that come most often.

    At most ``top`` values of a field have a score of their own; the rest share ``other``. A value
    that comes twice as often as the rarest one with a score takes its place and starts empty: a
    burst of odd values at the start does not hold the places for ever. Values in waiting are
    counted by Misra and Gries (1982), so no stream of ever new values makes the state grow.
    Values are told apart by their text, cut at 60 characters; an absent field is ``(absent)``.
    """

    def __init__(self, fields: Sequence[str], make: Callable[[], Score | Window], top: int = 20):
        self.top = top
        self._blank = make()
        self._scores: dict[str, dict[str, Score | Window]] = {field: {} for field in fields}
        self._seen: dict[str, dict[str, int]] = {field: {} for field in fields}
        self._waiting: dict[str, dict[str, int]] = {field: {} for field in fields}

    def add(self, values: Mapping[str, Value], forecast: Any, y: Any) -> None:
        """Count one outcome under its event's value of each field."""
        for field, scores in self._scores.items():
            value = str(values.get(field, ABSENT))[:60]
            seen = self._seen[field]
            if value not in seen and not self._admit(field, value):
                value = OTHER
            else:
                seen[value] = seen.get(value, 0) + 1
            if value not in scores:
                scores[value] = self._blank.fresh()
            scores[value].add(forecast, y)

    def values(self) -> dict[str, dict[str, dict[str, float]]]:
        """Metrics by field and value, each with the count ``n`` of its outcomes."""
        return {
            field: {value: {"n": score.n, **score.values()} for value, score in scores.items()}
            for field, scores in self._scores.items()
        }

    def _admit(self, field: str, value: str) -> bool:
        """Whether a value without a score gets one now."""
        seen, waiting = self._seen[field], self._waiting[field]
        if value == OTHER:
            return False
        if len(seen) < self.top:
            return True
        waiting[value] = waiting.get(value, 0) + 1
        rarest = min(seen, key=seen.__getitem__)
        if waiting[value] > 2 * seen[rarest]:
            seen[value] = waiting.pop(value) - 1
            waiting[rarest] = seen.pop(rarest)
            del self._scores[field][rarest]
            return True
        if len(waiting) > 10 * self.top:
            self._waiting[field] = {name: count - 1 for name, count in waiting.items() if count > 1}
        return False


class SuccessSpec(BaseModel):
    """When a model is a success: a metric, its level, and over how many outcomes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    at_least: float | None = Field(None, allow_inf_nan=False)
    at_most: float | None = Field(None, allow_inf_nan=False)
    window: int = Field(1_000, ge=1, le=100_000)

    @model_validator(mode="after")
    def _one_level(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("say either at_least or at_most")
        if self.metric not in BETTER:
            raise ValueError(f"no metric {self.metric!r}; there are {', '.join(BETTER)}")
        if (self.at_most is None) != (BETTER[self.metric] == "up"):
            raise ValueError(f"{self.metric} gets better {BETTER[self.metric]}wards: set the other level")
        return self


class Verdict(NamedTuple):
    """Whether success is met, on which value of the metric, over how many outcomes."""

    status: Literal["met", "missed", "too early"]
    value: float
    n: int


class Success:
    """The goal of a pipeline, held against the last outcomes.

    It is too early for a verdict until the window, or a thousand outcomes of a longer one, is full,
    and as long as the metric is undefined (a ROC AUC without a single positive).
    """

    def __init__(self, spec: SuccessSpec, make: Callable[[], Score]):
        self.metric = spec.metric
        self.low = -inf if spec.at_least is None else spec.at_least
        self.high = inf if spec.at_most is None else spec.at_most
        self.window = Window(make, spec.window)
        if spec.metric not in self.window.values():
            raise ValueError(
                f"{spec.metric} is no metric of this task; it has {', '.join(self.window.values())}"
            )

    def add(self, forecast: Any, y: Any) -> None:
        """Count one outcome."""
        self.window.add(forecast, y)

    def status(self) -> Verdict:
        """The verdict now."""
        value, n = self.window.values()[self.metric], self.window.n
        if n < min(self.window.size, 1_000) or isnan(value):
            return Verdict("too early", value, n)
        return Verdict("met" if self.low <= value <= self.high else "missed", value, n)


class Delays:
    """How long labels take: a histogram over fixed bounds in seconds, a bound in its own bucket.

    >>> delays = Delays()
    >>> for seconds in (0.5, 60.0, 60.5, 1e9):
    ...     delays.add(seconds)
    >>> delays.counts
    [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    >>> delays.quantile(0.5)
    60
    """

    BOUNDS = (1, 10, 60, 600, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000)

    def __init__(self) -> None:
        self.counts = [0] * (len(self.BOUNDS) + 1)
        self.sum = 0.0

    @property
    def n(self) -> int:
        """How many labels were counted."""
        return sum(self.counts)

    def add(self, seconds: float) -> None:
        """Count one label; one that is dated before its event counts as immediate."""
        self.counts[bisect_left(self.BOUNDS, seconds)] += 1
        self.sum += max(0.0, seconds)

    def quantile(self, share: float) -> float:
        """The bound within which at least this share of the labels came; NaN without labels."""
        needed, so_far = share * self.n, 0
        for bound, count in zip((*self.BOUNDS, inf), self.counts, strict=True):
            so_far += count
            if so_far and so_far >= needed:
                return bound
        return nan
