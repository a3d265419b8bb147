"""Undoes what a pickle did to the classes and functions that it gets as they are.

A pickle can set attributes on whatever it is handed; done to a class or a function this would outlast the
pickle and reach every shard of the process.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from learners.portable import NotPortable

_HEAP = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: a class that was made by a class statement, and whose attributes can be set."""

_OF_A_CLASS = ("__bases__", "__name__", "__qualname__")
_OF_A_FUNCTION = (
    *("__annotations__", "__code__", "__defaults__", "__doc__", "__kwdefaults__", "__module__", "__name__"),
    "__qualname__",
)


@contextmanager
def untouched(things: Sequence[Any]) -> Iterator[None]:
    """Undo what is done to these classes and functions meanwhile, and refuse it with NotPortable."""
    before = [_portrait(thing) for thing in things]
    try:
        yield
    finally:
        touched = [thing for thing, was in zip(things, before, strict=True) if _restored(thing, was)]
    if touched:
        raise NotPortable(f"the snapshot wants to change {touched[0].__qualname__}")


def _names(thing: Any) -> Sequence[str]:
    if isinstance(thing, FunctionType):
        return _OF_A_FUNCTION
    return _OF_A_CLASS if isinstance(thing, type) and thing.__flags__ & _HEAP else ()


def _portrait(thing: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What can be set of a thing: its own attributes, and those that its type keeps for it."""
    names = _names(thing)
    return dict(vars(thing)) if names else {}, {name: getattr(thing, name) for name in names}


def _restored(thing: Any, was: tuple[dict[str, Any], dict[str, Any]]) -> bool:
    """Put back what differs; whether anything did."""
    own, kept = _portrait(thing)
    changed = [name for name in own.keys() | was[0].keys() if not _same(own.get(name), was[0].get(name))]
    kept_changed = [name for name in kept if not _same(kept[name], was[1][name])]
    for name in changed:
        if name in was[0]:
            setattr(thing, name, was[0][name])
        else:
            delattr(thing, name)
    for name in kept_changed:
        setattr(thing, name, was[1][name])
    return bool(changed or kept_changed)


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is str and type(other) is str and one == other)
