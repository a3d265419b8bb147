"""Anatomy: what a shard's state is made of, part by part, in figures that two states can be compared by."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from river import base, compose

from fluvial.snapshot import weight
from fluvial.state import State

_FIGURES = {
    "weights": "weights",
    "counts": "features",
    "class_counts": "classes",
    "classifiers": "classes",
    "n_nodes": "nodes",
    "n_leaves": "leaves",
    "height": "height",
}
"""Attributes of River's models that tell how far they have grown, and what people call that."""


class Part(NamedTuple):
    """One step of a model: its path, its class, its bytes when packed, and how far it has grown.

    Of an ensemble the figures are those of its members added up, the height that of the highest.
    """

    path: str
    kind: str
    size: int
    figures: dict[str, int]


class Weight(NamedTuple):
    """A feature's weight in two states of a linear model; one that a state does not have is 0."""

    path: str
    feature: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """How far it moved."""
        return self.after - self.before


def parts(model: Any) -> list[Part]:
    """The steps of a model in the order in which events go through them."""
    return [Part(path, type(step).__name__, weight(step), figures(step)) for path, step in steps(model)]


def shares(state: State) -> dict[str, int]:
    """Bytes of each part of a state when packed; what two parts share counts in both."""
    learner = state.learner
    found = {"model": learner.model, "ledger": learner.ledger, "recent statistics": learner.recent}
    found |= {"scoreboard": learner.board, "monitors": state.watch}
    return {name: weight(part) for name, part in found.items()}


def steps(model: Any) -> Iterator[tuple[str, Any]]:
    """Each step that is no mere connection, by a name of its own."""
    met: Counter[str] = Counter()
    for name, step in _steps(type(model).__name__, model):
        met[name] += 1
        yield name if met[name] == 1 else f"{name} {met[name]}", step


def _steps(name: str, model: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(model, compose.Pipeline):
        inner = model.steps
    elif isinstance(model, compose.TransformerUnion):
        inner = model.transformers
    else:
        yield name, model
        return
    for inner_name, step in inner.items():
        yield from _steps(inner_name, step)


def figures(step: Any) -> dict[str, int]:
    """How far one step has grown."""
    if isinstance(step, base.Ensemble):
        members = [figures(member) for member in step]
        names = dict.fromkeys(name for member in members for name in member)
        return {"models": len(members)} | {name: _together(name, members) for name in names}
    found = {}
    for attribute, name in _FIGURES.items():
        value = getattr(step, attribute, None)
        if isinstance(value, Mapping | Collection) and not isinstance(value, str):
            found[name] = len(value)
        elif isinstance(value, int):
            found[name] = value
    return found


def _together(name: str, members: list[dict[str, int]]) -> int:
    values = [member.get(name, 0) for member in members]
    return max(values) if name == "height" else sum(values)


def weights(model: Any) -> dict[tuple[str, str], float]:
    """The weights of the linear steps of a model, by path and feature."""
    found: dict[tuple[str, str], float] = {}
    for path, step in steps(model):
        held = getattr(step, "weights", None)
        if isinstance(held, Mapping):
            numbers = {str(name): value for name, value in held.items() if isinstance(value, int | float)}
            found |= {(path, name): float(value) for name, value in numbers.items()}
            if isinstance(intercept := getattr(step, "intercept", None), int | float):
                found[path, "(intercept)"] = float(intercept)
    return found


def moved(before: Any, after: Any, most: int) -> list[Weight]:
    """The weights that changed most between two models, at most so many."""
    old, new = weights(before), weights(after)
    both = [Weight(*key, old.get(key, 0.0), new.get(key, 0.0)) for key in dict.fromkeys([*old, *new])]
    changed = [one for one in both if one.change]
    return sorted(changed, key=lambda one: (-abs(one.change), one.path, one.feature))[:most]
