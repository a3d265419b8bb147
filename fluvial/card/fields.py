"""Fields: what each field looked like before and after the onset, those first that did the harm."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from consumers.event import Value
from consumers.image import Image
from fluvial.card.intervals import dependence, share_differs
from fluvial.card.moves import Bar, FieldMove
from fluvial.card.recorder import Arrival, Known
from fluvial.card.shift import (
    Shares,
    alike,
    drawn,
    factor,
    kolmogorov,
    of_names,
    of_numbers,
    psi,
    psi_by_chance,
    standardised,
    variation,
)
from fluvial.config import Pipeline

CHANCE = 0.001
"""How often one of all the fields would be called certain although none moved."""

NEW = 0.001
"""A category that so few events of before had counts as new after the onset."""

MEASURED: Mapping[str, Callable[[Any], float]] = {
    "text": lambda text: float(len(text)),
    "image": lambda image: image.brightness if isinstance(image, Image) else 0.0,
}
"""What is compared of values that are too many to compare themselves: characters, brightness."""

Side = Sequence[Arrival | Known]


class Lean(NamedTuple):
    """How much the loss rises without each input, of a model; nothing where there was no model."""

    losses: Mapping[str, float]

    def share(self, name: str) -> float | None:
        """The part of all that the model leans on."""
        total = sum(self.losses.values())
        return self.losses[name] / total if name in self.losses and total > 0 else None


def moves(pipeline: Pipeline, before: Side, after: Side, lean: Lean) -> list[FieldMove]:
    """Every field and recent statistic, the most harmful move first, then the largest."""
    fields = [n for n, spec in pipeline.fields.items() if n != pipeline.id and spec.type != "time"]
    names = [*fields, *pipeline.recent]
    found = [_Field(pipeline, name, CHANCE / len(names)).move(before, after, lean) for name in names]
    return sorted(found, key=lambda one: (-one.harm, not one.certain, -(one.distance or 0.0), one.name))


class _Field:
    def __init__(self, pipeline: Pipeline, name: str, chance: float) -> None:
        self.name, self._chance = name, chance
        spec = pipeline.fields.get(name)
        self.kind = spec.type if spec else "recent"
        self.unit = spec.unit if spec else ""
        of = spec or pipeline.fields.get(pipeline.recent[name].of)
        self.private = of is not None and of.pii

    def move(self, before: Side, after: Side, lean: Lean) -> FieldMove:
        one, two = self._values(before), self._values(after)
        shares = self._shares(one, two)
        index = psi(shares) if one and two else None
        distance = self._distance(one, two, shares) if one and two else None
        gaps = [_missing(before, self.name), _missing(after, self.name)]
        share, gap = lean.share(self.name), abs(_mean(gaps[1]) - _mean(gaps[0]))
        sure = index is not None and index > psi_by_chance(shares, self._chance, max(alike(one), alike(two)))
        sure = sure or self._gap_differs(gaps)
        return FieldMove(
            name=self.name,
            kind=self.kind,
            unit=self.unit,
            n_before=len(one),
            n_after=len(two),
            psi=index,
            certain=sure,
            distance=distance,
            missing_before=_mean(gaps[0]),
            missing_after=_mean(gaps[1]),
            lean=share,
            lean_loss=lean.losses.get(self.name),
            harm=max(distance or 0.0, gap) * (share or 0.0) if sure else 0.0,
            private=self.private,
            bars=self._bars(one, two, shares),
            **self._more(one, two),
        )

    def _gap_differs(self, gaps: Sequence[Sequence[float]]) -> bool:
        sides = [(int(sum(side)), len(side)) for side in gaps]
        return share_differs(sides[0], sides[1], self._chance, max(map(dependence, gaps)))

    def _bars(self, one: list[Any], two: list[Any], shares: Shares) -> list[Bar]:
        if self.private:
            return []
        return _bars(drawn(one, two) if one and two and not self._named else shares)

    @property
    def _named(self) -> bool:
        return self.kind in ("category", "boolean")

    def _values(self, side: Side) -> list[Any]:
        measured: Callable[[Any], Any] = MEASURED.get(self.kind, str if self._named else float)
        filled = (getattr(one, "filled", ()) for one in side)
        return [
            measured(one.values[self.name])
            for one, absent in zip(side, filled, strict=True)
            if self.name in one.values and self.name not in absent
        ]

    def _shares(self, one: list[Any], two: list[Any]) -> Shares:
        return of_names(one, two) if self._named else of_numbers(one, two)

    def _distance(self, one: list[Any], two: list[Any], shares: Shares) -> float:
        return variation(shares) if self._named else kolmogorov(one, two)

    def _more(self, one: list[Any], two: list[Any]) -> dict[str, float | None]:
        if not one or not two:
            return {}
        if self._named:
            return {"new": new(one, two)}
        means = {"mean_before": fmean(one), "mean_after": fmean(two)} if not self.private else {}
        scale = factor(one, two) if self.kind in ("number", "integer") else None
        return means | {"difference": standardised(one, two), "factor": scale}


def new(before: Sequence[str], after: Sequence[str]) -> float:
    """The share of values after that are new, beyond what was always new.

    A stretch shorter than a week has not seen all weekdays: that is told by how much its own later half
    brought that its earlier half had not.

    >>> new(["a", "b"] * 50, ["a", "b", "c", "c"]), new(["mon"] * 50 + ["tue"] * 50, ["tue", "wed"])
    (0.5, 0.0)
    """
    half = len(before) // 2
    return max(0.0, _unseen(before, after) - _unseen(before[:half], before[half:]))


def _unseen(before: Sequence[str], after: Sequence[str]) -> float:
    often = {name for name, n in Counter(before).items() if n > NEW * len(before)}
    return sum(name not in often for name in after) / max(len(after), 1)


def _missing(side: Side, name: str) -> list[float]:
    """One for each event in which the field was missing, zero for the others."""
    return [float(name not in one.values or name in getattr(one, "filled", ())) for one in side]


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0


def _bars(shares: Shares) -> list[Bar]:
    n, m = max(sum(shares.before), 1), max(sum(shares.after), 1)
    pairs = zip(shares.names, shares.before, shares.after, strict=True)
    return [Bar(name=name, before=a / n, after=b / m) for name, a, b in pairs]


def value_of(values: Mapping[str, Value], name: str) -> str:
    """A value in one short line, ``(absent)`` where there is none."""
    if name not in values:
        return "(absent)"
    value = values[name]
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
