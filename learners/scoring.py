"""Prequential scoring: what a score is, in total and lately, per slice, against a goal; and label delays."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
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
    """All metrics of one task over the outcomes added; ``n`` counts them."""

    n: int = 0

    def add(self, forecast: Any, y: Any) -> None:
        """Count one outcome."""
        self.count(((forecast, y),))

    @abstractmethod
    def count(self, outcomes: Collection[tuple[Any, Any]]) -> None:
        """Count outcomes: pairs of forecast and truth."""

    @abstractmethod
    def merge(self, other: Self, sign: int = 1) -> None:
        """Count all that another score of the same kind has counted, or with -1 take it back.

        Sums are exact: nothing of what is taken back stays behind.
        """

    @property
    @abstractmethod
    def loss(self) -> float:
        """The sum of the task's loss over all outcomes."""

    @abstractmethod
    def values(self) -> dict[str, float]:
        """Every metric; NaN where the outcomes so far do not define it."""

    @abstractmethod
    def fresh(self) -> Self:
        """An empty score of the same kind and parameters."""


class Tally:
    """Scores of predictors over everything and over about the last ``size`` outcomes, for the price of one.

    Outcomes are kept until there are a twentieth of ``size``, and counted together into small scores,
    which are then a step of the recent scores and a part of the total. So an outcome is counted once,
    nothing has to be taken back, and a window costs twenty small scores and not ``size`` forecasts.
    Once full, the recent scores cover at least ``size`` outcomes and less than a step more.
    """

    STEPS = 20

    def __init__(self, names: Sequence[str], make: Callable[[], Score], size: int):
        self.names, self.size = tuple(names), size
        self._step = max(1, size // self.STEPS)
        self._steps = -(-size // self._step)
        self._open: list[tuple[Sequence[Any], Any]] = []
        self._closed: deque[list[Score]] = deque()
        self._recent, self._total = ([make() for _ in self.names] for _ in range(2))

    @property
    def n(self) -> int:
        """How many outcomes were counted in all."""
        return self._total[0].n + len(self._open)

    def add(self, forecasts: Sequence[Any], y: Any) -> None:
        """Count one outcome by what each predictor had said, in the order of ``names``."""
        self._open.append((forecasts, y))
        if len(self._open) >= self._step:
            self._close()

    def _close(self) -> None:
        steps = [total.fresh() for total in self._total]
        self._count_open(steps)
        self._open = []
        self._closed.append(steps)
        self._merge(self._total, steps)
        self._merge(self._recent, steps)
        if len(self._closed) > self._steps:
            self._merge(self._recent, self._closed.popleft(), -1)

    def total(self) -> dict[str, Score]:
        """Each predictor's score over everything, to read."""
        return self._with_open(self._total)

    def recent(self) -> dict[str, Score]:
        """Each predictor's score over the last outcomes, to read."""
        return self._with_open(self._recent)

    def _with_open(self, closed: list[Score]) -> dict[str, Score]:
        whole = [score.fresh() for score in closed]
        self._merge(whole, closed)
        self._count_open(whole)
        return dict(zip(self.names, whole, strict=True))

    def _count_open(self, scores: list[Score]) -> None:
        for place, score in enumerate(scores):
            score.count([(forecasts[place], y) for forecasts, y in self._open])

    @staticmethod
    def _merge(ours: list[Score], theirs: list[Score], sign: int = 1) -> None:
        for score, other in zip(ours, theirs, strict=True):
            score.merge(other, sign)


class Slices:
    """A score for each value of some fields, for the values that come most often.

    At most ``top`` values of a field have a score of their own; the rest share ``other``. A value
    that comes twice as often as the rarest one with a score takes its place and starts empty: a
    burst of odd values at the start does not hold the places for ever. Values in waiting are
    counted by Misra and Gries (1982), so no stream of ever new values makes the state grow.
    Values are told apart by their text, cut at 60 characters; an absent field is ``(absent)``.
    """

    def __init__(self, fields: Sequence[str], make: Callable[[], Score], top: int = 20):
        self.top = top
        self._blank = make()
        self._scores: dict[str, dict[str, Score]] = {field: {} for field in fields}
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
    """The goal of a pipeline, held against the champion's last outcomes.

    It is too early for a verdict until the window, or a thousand outcomes of a longer one, is full,
    and as long as the metric is undefined (a ROC AUC without a single positive).
    """

    def __init__(self, spec: SuccessSpec, known: Collection[str]):
        if spec.metric not in known:
            raise ValueError(f"{spec.metric} is no metric of this task; it has {', '.join(known)}")
        self.spec = spec
        self.low = -inf if spec.at_least is None else spec.at_least
        self.high = inf if spec.at_most is None else spec.at_most

    def verdict(self, recent: Score) -> Verdict:
        """The verdict on a recent score."""
        value, n = recent.values()[self.spec.metric], recent.n
        if n < min(self.spec.window, 1_000) or isnan(value):
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
        if seconds > 0.0:
            self.sum += seconds

    def quantile(self, share: float) -> float:
        """The bound within which at least this share of the labels came; NaN without labels."""
        needed, so_far = share * self.n, 0
        for bound, count in zip((*self.BOUNDS, inf), self.counts, strict=True):
            so_far += count
            if so_far and so_far >= needed:
                return bound
        return nan
