"""Parts: the steps of a model by name, and one of them made afresh while the others stay as they are."""

from collections import Counter
from collections.abc import Iterator, MutableMapping
from typing import Any

from river import compose

Place = tuple[MutableMapping[str, Any], str]
"""The mapping that holds a step, and the step's key in it."""


def places(model: Any) -> dict[str, Place]:
    """Where each step of a model is held, by a name of its own, in the order in which events go through.

    A step of a class that comes again gets a number: ``StandardScaler``, ``StandardScaler 2``. A model
    without steps has none: it is reset as a whole.
    """
    met: Counter[str] = Counter()
    found: dict[str, Place] = {}
    for held, key in _places(model):
        met[key] += 1
        found[key if met[key] == 1 else f"{key} {met[key]}"] = (held, key)
    return found


def renew(model: Any, name: str) -> None:
    """Let one step forget all it has learned; LookupError names the steps there are.

    It is made of its parameters anew, its seed among them.

    >>> from learners.expression import build
    >>> model = build("preprocessing.StandardScaler() | linear_model.LogisticRegression()")
    >>> model.learn_one({"x": 3.0}, True)
    >>> renew(model, "StandardScaler")
    >>> dict(model["StandardScaler"].counts), len(model["LogisticRegression"].weights)
    ({}, 1)
    """
    known = places(model)
    if name not in known:
        raise LookupError(f"the model has no part {name!r}; it has {', '.join(known) or 'none to reset'}")
    held, key = known[name]
    held[key] = held[key].clone()


def _places(model: Any) -> Iterator[Place]:
    if isinstance(model, compose.Pipeline):
        inner = model.steps
    elif isinstance(model, compose.TransformerUnion):
        inner = model.transformers
    else:
        return
    for key, step in inner.items():
        if isinstance(step, compose.Pipeline | compose.TransformerUnion):
            yield from _places(step)
        else:
            yield inner, key
