"""Follow: the way of an event through a model, part by part."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from river import base, compose
from river.base.transformer import BaseTransformer

from consumers.event import Value
from learners.task import FAULTS

TROUBLE = (TypeError, AttributeError, NotImplementedError, RuntimeError, AssertionError)
"""What a model raises on events of a kind it is not made for; FAULTS are what a task puts up with."""

_MODELS = (base.Classifier, base.Regressor, BaseTransformer, compose.Pipeline)


class Stop(NamedTuple):
    """A part of a model, what it is given, and whether other parts are at work inside it."""

    part: Any
    given: dict[str, Value]
    wraps: bool


def follow(part: Any, x: dict[str, Value]) -> Iterator[Stop]:
    """The parts that do something, in the order in which an event comes to them."""
    if isinstance(part, compose.Pipeline):
        for step in part.steps.values():
            yield from follow(step, x)
            x = _transformed(step, x)
    elif isinstance(part, compose.TransformerUnion):
        for one in part.transformers.values():
            yield from follow(one, x)
    else:
        inner = list(_inner(part))
        yield Stop(part, x, bool(inner))
        for one in inner:
            yield from follow(one, x)


def _inner(part: Any) -> Iterator[Any]:
    """The models inside a model."""
    for value in vars(part).values():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, _MODELS):
                yield one


def _transformed(step: Any, x: dict[str, Value]) -> dict[str, Value]:
    try:
        return step.transform_one(x) if hasattr(step, "transform_one") else x
    except (*TROUBLE, *FAULTS):
        return x  # the trial itself will say it better
