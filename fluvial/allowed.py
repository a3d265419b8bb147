"""What a snapshot may name: the exact classes of states, and what a loader hands out for each of them.

``allowed.txt`` lists them: a *made* class has instances in states, a *held* class or function is itself a
value in one. ``python -m tests.fluvial.needs`` writes it. A pickle may call what it is handed and set
attributes on it, so a made class comes as a ``Mould``, which makes blank instances and never runs a
constructor, and the functions of ``learners.portable`` come behind a ``Door``, which can only be called.
What is held has to come as it is; ``fluvial.untouched`` looks after it.
"""

import sys
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, NoReturn

from learners.portable import REVIVERS, NotPortable


def _read(path: Path) -> Mapping[str, frozenset[tuple[str, str]]]:
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    return {
        kind: frozenset((module, name) for found, module, name in lines if found == kind)
        for kind in ("made", "held")
    }


_TABLE = _read(Path(__file__).with_name("allowed.txt"))
MADE, HELD = _TABLE["made"], _TABLE["held"]
"""Module and qualified name of the classes of which, and of the classes and functions which, states hold."""


class Mould(type):
    """The type of what stands for a class in a pickle: it makes blank instances and nothing else."""

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        """Refuse to run a constructor."""
        raise NotPortable(f"the snapshot wants to call {cls.__qualname__}, which no state does")

    def __setattr__(cls, name: str, value: Any) -> NoReturn:
        raise NotPortable(f"the snapshot wants to set {name} on {cls.__qualname__}")


class Door:
    """Stands for a function in a pickle: it can be called, and nothing in it can be changed."""

    __slots__ = ("_function",)

    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *given: Any) -> Any:
        """Call the function."""
        return self._function(*given)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise NotPortable(f"the snapshot wants to set {name} on a function")


@cache
def handed_out(module: str, name: str) -> Any:
    """What a pickle gets for a name. Raises NotPortable for one that no state holds."""
    if (module, name) in REVIVERS:
        return Door(REVIVERS[module, name])
    if (module, name) in HELD:
        return found(module, name)
    if (module, name) in MADE:
        return mould(found(module, name))
    raise NotPortable(f"the snapshot wants {module}.{name}, which no state holds")


def mould(cls: type) -> Mould:
    """What stands for a class."""
    make = cls.__new__
    return Mould(cls.__qualname__, (), {"__new__": lambda _, *given: make(cls, *given), "__slots__": ()})


def found(module: str, name: str) -> Any:
    """A class or function by its place; modules of states are imported where they are not yet."""
    __import__(module)
    return attrgetter(name)(sys.modules[module])
