"""Ablation: what each field did to one forecast, found by asking again without it.

A field is replaced by what the contract would have put in its place had it been missing: its fill
value, nothing at all, the default of a recent statistic. Where a missing value is refused, what is
typical of the events before stands in: the median, the most frequent value, an empty text, the mean
image. The contribution is the forecast as it was minus the forecast so. Fields that speak for each
other share what they did, so that contributions need not add up.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from consumers.cleaning import Fill
from consumers.event import Value
from consumers.fields import FieldSpec
from consumers.image import mean_image
from fluvial.config import Pipeline
from learners.scoring import Forecast
from learners.task import Task

MISSING = object()


class Contribution(NamedTuple):
    """One feature: what the model saw (None: nothing), what replaced it and why that, and the effect.

    ``without`` is the forecast without it: P(true), the value, or the probability of the class that
    was forecast; ``change`` is how much higher the forecast was with it.
    """

    name: str
    value: Value | None
    replaced_by: Value | None
    rule: str
    without: float
    change: float


def ablate(
    pipeline: Pipeline, task: Task, model: Any, x: Mapping[str, Value], before: Sequence[Mapping[str, Value]]
) -> list[Contribution]:
    """Every feature's contribution, in the order in which the model gets them. ``model`` may be spoilt.

    ``before`` are the features of earlier events.
    """
    forecast = task.predict(model, dict(x))
    whole = level(forecast, forecast)
    found = []
    for name in dict.fromkeys([*x, *(n for n in _features(pipeline) if n not in x)]):
        if name not in x:
            found.append(Contribution(name, None, None, "was absent", whole, 0.0))
            continue
        rule, other = _instead(pipeline, name, x[name], before)
        less = {key: other if key == name else value for key, value in x.items()}
        if other is MISSING:
            del less[name]
        without = level(task.predict(model, less), forecast)
        shown = None if other is MISSING else other
        found.append(Contribution(name, x[name], shown, rule, without, whole - without))
    return found


def level(forecast: Forecast, of: Forecast) -> float:
    """A forecast as one number: of classes, the probability of the one that ``of`` finds likeliest."""
    if not isinstance(forecast, dict):
        return float(forecast)
    likeliest = min(of, key=lambda name: (-of[name], name), default="") if isinstance(of, dict) else ""
    return forecast.get(likeliest, 0.0)


def _features(pipeline: Pipeline) -> list[str]:
    seen = {n: s for n, s in pipeline.fields.items() if s.use == "feature" and s.type != "time"}
    return [name for name in seen if name != pipeline.id]


def _instead(
    pipeline: Pipeline, name: str, value: Value, before: Sequence[Mapping[str, Value]]
) -> tuple[str, Any]:
    if name in pipeline.recent:
        return "its default", pipeline.recent[name].default
    spec = pipeline.fields[name]
    if isinstance(spec.missing, Fill):
        return "its fill value", spec.filled
    if spec.missing == "omit":
        return "left out", MISSING
    return _typical(spec, [event[name] for event in before if name in event])


def _typical(spec: FieldSpec, values: Sequence[Any]) -> tuple[str, Any]:
    if spec.type == "text":
        return "an empty text", ""
    if not values:
        return "left out", MISSING
    if spec.type in ("number", "integer"):
        middle = median(values)
        return f"median of {len(values):,}", int(middle) if spec.type == "integer" else middle
    if spec.type == "image":
        return f"mean of {len(values):,}", mean_image(values)
    ((most, _),) = Counter(sorted(values, key=str)).most_common(1)
    return f"most frequent of {len(values):,}", most
