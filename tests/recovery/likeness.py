"""Whether two states are the same to the last bit, and what they are made of."""

import random
import struct
from collections import deque
from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType
from typing import Any

import numpy as np
from river.proba import Gaussian
from river.utils import VectorDict

from learners.held import RUST

_LEAVES = (int, float, str, bytes, type(None), type, range)
_LEAVES += (FunctionType, BuiltinFunctionType, MethodDescriptorType)
_RUST = tuple(RUST.values())

Part = tuple[Any, Any]


def difference(one: Any, other: Any) -> str | None:
    """Where two object graphs differ first: in a type, a value, an order, a bit, or in what is shared.

    What cannot be told apart afterwards counts as the same: the generator of a Gaussian without a seed,
    which is made anew, and which of two equal texts or numbers is which.
    """
    twins: dict[int, int] = {}
    kept = []  # parts may be made on the way: held on to, so that no id comes twice
    stack = [(one, other, "state")]
    while stack:
        a, b, path = stack.pop()
        if type(a) is not type(b):
            return f"{path}: {type(a).__name__} and {type(b).__name__}"
        if isinstance(a, _LEAVES):
            if _leaf(a) != _leaf(b):
                return f"{path}: {a!r} and {b!r}"
            continue
        if id(a) in twins:
            if twins[id(a)] != id(b) and type(a) is not tuple:
                return f"{path}: is shared in another way"
            continue
        twins[id(a)] = id(b)
        parts, others = list(parts_of(a)), list(parts_of(b))
        if len(parts) != len(others):
            return f"{path}: {len(parts)} and {len(others)} parts"
        kept.append((parts, others))
        for (name, part), (other_name, other_part) in zip(parts, others, strict=True):
            if name != other_name:
                return f"{path}: {name!r} and {other_name!r}"
            stack.append((part, other_part, f"{path}.{name}"))
    return None


def _leaf(value: Any) -> Any:
    return struct.pack(">d", value) if isinstance(value, float) else value


def walk(root: Any) -> Iterator[Any]:
    """Everything that a state is made of, each object once."""
    seen: dict[int, Any] = {}
    stack = [root]
    while stack:
        thing = stack.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing  # held on to, so that no id comes twice
        yield thing
        if not isinstance(thing, _LEAVES):
            stack += [part for _, part in parts_of(thing)]


def parts_of(thing: Any) -> Iterator[Part]:
    """Name and value of what an object is made of."""
    match thing:
        case random.Random():
            yield "state", thing.getstate()
        case np.random.RandomState():
            kind, key, *rest = thing.get_state(legacy=True)
            yield "state", (kind, key.tobytes(), *rest)
        case np.ndarray():
            yield "array", (thing.dtype.str, thing.shape, thing.tobytes("A"), thing.flags.c_contiguous)
        case VectorDict():
            yield "vector", thing.__reduce__()[1]
        case partial():
            yield "partial", (thing.func, thing.args, thing.keywords)
        case MethodType():
            yield "method", (thing.__self__, thing.__func__)
        case itemgetter():
            yield "getter", thing.__reduce__()[1]
        case _ if isinstance(thing, _RUST):
            yield "rust", (thing.__reduce_ex__(5)[1][1:], thing.__getstate__())
        case _:
            yield from _contents(thing)
            yield from _attributes(thing)


def names_of(thing: Any) -> Iterator[str]:
    """The names of what an object holds: its attributes, and the fields of a named tuple."""
    yield from getattr(type(thing), "_fields", ())
    yield from (name for name, _ in _attributes(thing))


def _contents(thing: Any) -> Iterator[Part]:
    match thing:
        case dict():
            for number, (key, value) in enumerate(thing.items()):
                yield f"key {number}", key
                yield f"[{key!r}]", value
            yield "maker", getattr(thing, "default_factory", None)
        case set() | frozenset():
            yield "members", tuple(sorted(map(repr, thing)))
        case list() | tuple() | deque():
            yield "room", getattr(thing, "maxlen", None)
            for number, value in enumerate(thing):
                yield f"[{number}]", value


def _attributes(thing: Any) -> Iterator[Part]:
    for cls in type(thing).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(thing, name) and not name.startswith("__"):
                yield name, getattr(thing, name)
    spare = isinstance(thing, Gaussian) and thing.seed is None
    for name, value in sorted(getattr(thing, "__dict__", {}).items()):
        if not (spare and name == "_rng"):
            yield name, value
