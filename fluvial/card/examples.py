"""Examples: real events that went wrong after the onset, each beside the most similar one before."""

from collections.abc import Mapping, Sequence
from statistics import pstdev
from typing import Any

from consumers.event import Value
from consumers.image import Image
from consumers.redaction import MASK
from fluvial.card.card import Pair, Seen
from fluvial.card.fields import value_of
from fluvial.card.lean import sample
from fluvial.card.recorder import Known
from fluvial.config import Pipeline
from learners.task import Task

PAIRS = 5

AMONG = 1_000
"""Outcomes of before among which a similar one is looked for, at most."""

UNLIKE = 0.25
"""Two values are unlike each other from here on: half a standard deviation, another name."""


class Examples:
    """Finds and shows contrasting events, redacted by the contract: private values are masked."""

    def __init__(self, pipeline: Pipeline, task: Task, features: Sequence[str]) -> None:
        self._pipeline, self._task, self._features = pipeline, task, features
        self._private = {name for name, spec in pipeline.fields.items() if spec.pii}
        free = pipeline.label.type == "category" and pipeline.label.values is None
        self._hides_truth = bool(self._private) and free  # such a truth is any text

    def pairs(self, before: Sequence[Known], after: Sequence[Known]) -> list[Pair]:
        """The largest losses after the onset, each with the nearest outcome before that went well."""
        among = self._went_well(before)
        spreads = self._spreads(among)
        return [self._pair(one, among, spreads) for one in _worst(after)]

    def _went_well(self, before: Sequence[Known]) -> list[Known]:
        """The better half of before: what is similar to them used to go well."""
        some = sample(before, 2 * AMONG)
        middle = sorted(one.loss for one in some)[len(some) // 2] if some else 0.0
        return [one for one in some if one.loss <= middle]

    def _pair(self, one: Known, among: Sequence[Known], spreads: Mapping[str, float]) -> Pair:
        apart = [self._distance(one, other, spreads) for other in among]
        if not apart:
            return Pair(after=self._seen(one), before=None, distance=None)
        best = min(range(len(apart)), key=apart.__getitem__)
        return Pair(
            after=self._seen(one, among[best], spreads), before=self._seen(among[best]), distance=apart[best]
        )

    def _spreads(self, some: Sequence[Known]) -> dict[str, float]:
        found = {}
        for name in self._features:
            values = [_number(one.values[name]) for one in some if name in one.values]
            numbers = [value for value in values if value is not None]
            found[name] = pstdev(numbers) if len(numbers) > 1 else 0.0
        return found

    def _distance(self, one: Known, other: Known, spreads: Mapping[str, float]) -> float:
        """Mean unlikeness over the inputs (Gower, A general coefficient of similarity, 1971)."""
        parts = [unlikeness(one.values, other.values, name, spreads[name]) for name in self._features]
        return sum(parts) / max(len(parts), 1)

    def _seen(
        self, one: Known, other: Known | None = None, spreads: Mapping[str, float] | None = None
    ) -> Seen:
        names = [name for name in (*self._pipeline.fields, *self._pipeline.recent) if name in one.values]
        names = [name for name in names if name not in (self._pipeline.id, self._pipeline.time)]
        differs = []
        if other is not None and spreads is not None:
            differs = [
                name
                for name in self._features
                if name not in self._private
                and unlikeness(one.values, other.values, name, spreads[name]) >= UNLIKE
            ]
        return Seen(
            id=MASK if self._pipeline.id in self._private else one.id[:80],
            time=one.time,
            known=one.at,
            forecast=_said(self._task.show(one.forecast)),
            truth=MASK if self._hides_truth else _text(one.truth),
            loss=one.loss,
            values={name: MASK if name in self._private else value_of(one.values, name) for name in names},
            differs=differs,
        )


def unlikeness(one: Mapping[str, Value], other: Mapping[str, Value], name: str, spread: float) -> float:
    """How unlike two values are, 0 to 1: two standard deviations of before, or another name, are 1.

    >>> unlikeness({"x": 1.0}, {"x": 2.0}, "x", 1.0), unlikeness({"x": "a"}, {}, "x", 0.0)
    (0.5, 1.0)
    """
    if name not in one or name not in other:
        return float((name in one) != (name in other))
    a, b = _number(one[name]), _number(other[name])
    if a is None or b is None:
        return float(one[name] != other[name])
    return min(abs(a - b) / (2 * spread), 1.0) if spread > 0 else float(a != b)


def _number(value: Value) -> float | None:
    if isinstance(value, Image):
        return value.brightness
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _worst(after: Sequence[Known]) -> list[Known]:
    """The largest losses, of events that came at different times: one burst must not fill the list."""
    n = len(after)
    parts = [after[n * i // PAIRS : n * (i + 1) // PAIRS] for i in range(PAIRS)]
    worst = [max(part, key=lambda one: (one.loss, one.id)) for part in parts if part]
    return sorted(worst, key=lambda one: -one.loss)


def _said(shown: Mapping[str, Any]) -> str:
    said = _text(shown["prediction"])
    if "probability" in shown:
        return f"{said} ({shown['probability']:.0%} yes)"
    chances = shown.get("probabilities") or {}
    sure = chances.get(shown["prediction"])
    return said if sure is None else f"{said} ({sure:.0%})"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:80]
