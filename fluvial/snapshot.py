"""Snapshot: a shard's state in a sealed envelope; the only door to pickle.

A snapshot is a cache: one that cannot be used is left out and the state is rebuilt by replay. ``pack`` has
to run while the state stands still; ``seal_packed`` may run on another thread meanwhile. What comes back is
made of the classes of ``fluvial/allowed.txt`` and of nothing else, whoever sealed it.
"""

import gc
import io
import pickle
import struct
from collections.abc import Mapping
from operator import methodcaller
from types import BuiltinFunctionType
from typing import Any

from fluvial.allowed import HELD, MADE, found, handed_out
from fluvial.bounds import LARGEST, Watched, with_deep_stack
from fluvial.envelope import header_of, opened, seal_packed
from fluvial.errors import SnapshotError
from fluvial.opcodes import check
from fluvial.state import State
from fluvial.untouched import untouched
from learners.portable import REDUCERS, NotPortable

__all__ = ["header_of", "pack", "seal", "seal_packed", "unpack", "unseal", "weight"]

_UNREADABLE = (
    pickle.PickleError,
    struct.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What pickle raises over bytes that are no state, and over a state that cannot be packed."""


def seal(state: State, header: Mapping[str, Any], key: bytes) -> bytes:
    """Pack and seal a state. Raises SnapshotError where it holds something that cannot be packed."""
    return seal_packed(pack(state), header, key)


def pack(state: object) -> bytes:
    """Write down a state; it must not change meanwhile. Raises SnapshotError."""
    try:
        try:
            packed = _packed(state)
        except RecursionError:  # a tree that grew deep, as one does over a feature that only rises
            packed = with_deep_stack(lambda: _packed(state))
    except _UNREADABLE as error:
        raise SnapshotError(f"the state cannot be packed: {_said(error)}") from error
    if len(packed) > LARGEST:
        raise SnapshotError(f"the state takes {len(packed):,} bytes; at most {LARGEST:,} can be read back")
    return packed


def weight(part: object) -> int:
    """Bytes of a part of a state when it is packed by itself. Raises SnapshotError."""
    return len(pack(part))


def unseal(sealed: bytes, expected: Mapping[str, Any], key: bytes, *, batch: int | None = None) -> State:
    """Open a snapshot. ``expected`` must be in its header, and ``batch`` too where it is given.

    Raises SnapshotError; OtherVersion and Misplaced name the first difference.
    """
    wanted = dict(expected) if batch is None else {**expected, "batch": batch}
    return unpack(opened(sealed, wanted, key))


def unpack(packed: bytes) -> State:
    """Read what ``pack`` wrote. Raises SnapshotError."""
    try:
        state = _loaded(packed)
    except _UNREADABLE as error:
        raise SnapshotError(f"the state cannot be read: {_said(error)}") from error
    if type(state) is not State:
        raise SnapshotError(f"the snapshot holds a {type(state).__name__}, not a shard's state")
    return state


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


# ---- pickle


class _Reducers(dict[type, Any]):
    """How each type is written; the first object of a type not met before is held against the list.

    From then on its type has an entry, so that the pickler stays in C over its objects.
    """

    def __missing__(self, cls: type) -> Any:
        if issubclass(cls, type):
            self[cls] = _place
        elif (cls.__module__, cls.__qualname__) in MADE:
            self[cls] = methodcaller("__reduce_ex__", pickle.HIGHEST_PROTOCOL)
        else:
            raise _unlisted(cls)
        return self[cls]


def _place(thing: Any) -> str:
    """A class or function is written as its name."""
    if (thing.__module__, thing.__qualname__) not in MADE | HELD:
        raise _unlisted(thing)
    return str(thing.__qualname__)


def _unlisted(thing: Any) -> NotPortable:
    return NotPortable(
        f"{thing.__module__}.{thing.__qualname__} is not in fluvial/allowed.txt: "
        "add a model that holds it to tests/fluvial/kinds.py and run python -m tests.fluvial.needs"
    )


class _Packer(pickle.Pickler):
    dispatch_table = _Reducers({**REDUCERS, BuiltinFunctionType: _place})


class _Loader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return handed_out(module, name)


def _packed(state: object) -> bytes:
    packed = io.BytesIO()
    _Packer(packed, protocol=pickle.HIGHEST_PROTOCOL).dump(state)
    return packed.getvalue()


def _loaded(packed: bytes) -> Any:
    """What a pickle holds; without the collector, which would look through all of it again and again."""
    check(packed)
    collecting = gc.isenabled()
    gc.disable()
    try:
        with untouched([found(*place) for place in HELD]):
            return _Loader(Watched(packed)).load()
    finally:
        if collecting:
            gc.enable()
