"""Lean: how much a model leans on each of its inputs."""

import random
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, TypeVar

from consumers.event import Value
from fluvial.card.recorder import Known
from learners.task import Task

T = TypeVar("T")

SAMPLE = 400
"""Outcomes whose values are shuffled, at most."""


def lean(task: Task, model: Any, known: Sequence[Known], features: Sequence[str]) -> dict[str, float]:
    """By how much the mean loss rises when the values of a field are shuffled among outcomes.

    That is permutation importance (Breiman, Random Forests, 2001), or model reliance as a difference
    (Fisher, Rudin and Dominici, 2019). Fields that speak for each other share it. What falls by chance
    counts as zero. The shuffle is the same in every run.
    """
    some = sample(known, SAMPLE)
    if not some:
        return {}
    inputs = [{name: one.values[name] for name in features if name in one.values} for one in some]
    whole = _loss(task, model, inputs, some)
    found = {}
    for name in features:
        order = list(range(len(some)))
        random.Random(name).shuffle(order)
        mixed = [_with(own, inputs[other], name) for own, other in zip(inputs, order, strict=True)]
        found[name] = max(0.0, _loss(task, model, mixed, some) - whole)
    return found


def _with(own: Mapping[str, Value], other: Mapping[str, Value], name: str) -> dict[str, Value]:
    """The inputs of one event with a value of another one, in the order in which models get them."""
    given = {**own, name: other[name]} if name in other else dict(own)
    if name not in other:
        given.pop(name, None)
    return given


def _loss(task: Task, model: Any, inputs: Sequence[Mapping[str, Value]], known: Sequence[Known]) -> float:
    pairs = zip(inputs, known, strict=True)
    return fmean(task.bounded_loss(task.predict(model, dict(x)), one.truth) for x, one in pairs)


def sample(some: Sequence[T], most: int) -> list[T]:
    """At most so many of a sequence, evenly spread over it.

    >>> sample(range(10), 3)
    [0, 3, 6]
    """
    n = len(some)
    return list(some) if n <= most else [some[n * i // most] for i in range(most)]
