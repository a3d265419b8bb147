"""Snapshot: a sealed envelope around a shard's state; the only door to pickle.

Layout: magic and format version, length of the header, header (JSON: what made it and for what),
HMAC-SHA256 over all the rest, zstd-compressed pickle. Nothing is unpickled before the HMAC holds,
and then only classes that a state is made of. A snapshot is a cache: one that cannot be used is left
out and the state is rebuilt by replay.

Errors::

    SnapshotError      no snapshot of ours: cut, changed, sealed with another key, or not to be packed
     +-- OtherVersion  it was made by another model, contract, River or Python: rebuild by replay
"""

import hashlib
import hmac
import io
import json
import pickle
import secrets
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zstandard

from fluvial.secrets import read_or_make
from fluvial.state import State
from learners.portable import DISPATCH, GLOBALS

_MAGIC = b"FLUVIAL\x01"
_HEAD = struct.Struct(">8sI")
_MAC = 32
LARGEST = 2 << 30
"""Bytes of an unpacked state beyond which a snapshot is refused: a bomb, or a state out of hand."""

_PARTS = (
    "_river_rust compose drift dummy ensemble facto feature_extraction feature_selection forest imblearn"
    " linear_model metrics multiclass naive_bayes neighbors optim preprocessing proba sketch stats tree utils"
)
_PACKAGES = ("learners.", *(f"river.{part}." for part in _PARTS.split()))
_MODULES = {
    "river.dummy",
    "fluvial.clock",
    "fluvial.state",
    "monitors.alarm",
    "monitors.drift",
    "consumers.event",
}
_FUNCTIONS = {
    "learners.portable": ("revive_getter", "revive_lower", "revive_method", "revive_partial"),
    "river._river_rust.vectordict": ("euclidean_distance_tuple",),
    "river.feature_extraction.vectorize": ("strip_accents_unicode", "tokenize_using_regex_pattern"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy._core.numeric": ("_frombuffer",),
}
_CLASSES = {
    "builtins": ("dict", "float", "frozenset", "int", "list", "set", "str", "tuple"),
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque"),
    "datetime": ("datetime", "timedelta", "timezone"),
    "numpy": ("dtype", "ndarray"),
    "random": ("Random",),
}
_NAMED = GLOBALS | {
    (module, name) for module, names in (*_FUNCTIONS.items(), *_CLASSES.items()) for name in names
}

_UNREADABLE = (
    pickle.PickleError,
    zstandard.ZstdError,
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
"""What pickle and zstd raise over bytes that are no state, and over a state too deep to be packed."""


class SnapshotError(Exception):
    """The bytes are no usable snapshot; the sentence says why."""


class OtherVersion(SnapshotError):
    """The snapshot is sound but was made by other versions than ours."""


def load_key(path: Path) -> bytes:
    """Read the sealing key, or make one (readable by its owner alone) where there is none."""
    try:
        key = read_or_make(path, lambda: secrets.token_bytes(32))
    except OSError as error:
        raise SnapshotError(f"the key {path} cannot be read: {error.strerror}; correct its rights") from None
    if len(key) < 32:
        raise SnapshotError(
            f"{path} holds fewer than 32 bytes: restore the key, or delete the file to rebuild"
        )
    return key


def seal(state: State, header: Mapping[str, Any], key: bytes) -> bytes:
    """Pack and seal a state. Raises SnapshotError."""
    return seal_packed(pack(state), header, key)


def pack(state: object) -> bytes:
    """Pickle a state; what must be done between two batches, because the next one changes it.

    Raises SnapshotError where the state holds something that cannot be packed.
    """
    packed = io.BytesIO()
    try:
        _Packer(packed, protocol=5).dump(state)
    except _UNREADABLE as error:
        raise SnapshotError(f"the state cannot be packed: {type(error).__name__}: {error}") from error
    return packed.getvalue()


def weight(part: object) -> int:
    """Bytes of a part of a state when it is packed by itself. Raises SnapshotError."""
    return len(pack(part))


def seal_packed(packed: bytes, header: Mapping[str, Any], key: bytes) -> bytes:
    """Compress and seal a packed state. ``header`` names what must match when it is opened again."""
    # Level 1 and no content checksum: the HMAC covers it, and a snapshot must not hold the stream up.
    body = zstandard.ZstdCompressor(level=1).compress(packed)
    head = json.dumps(dict(header), sort_keys=True).encode()
    front = _HEAD.pack(_MAGIC, len(head)) + head
    return front + hmac.digest(key, front + body, hashlib.sha256) + body


def header_of(sealed: bytes) -> dict[str, Any]:
    """Read the header without trusting it: for lists and for people."""
    return _split(sealed)[0]


def unseal(sealed: bytes, expected: Mapping[str, Any], key: bytes) -> State:
    """Open a snapshot. Raises SnapshotError, or OtherVersion naming the first difference."""
    header, front, mac, body = _split(sealed)
    if not hmac.compare_digest(mac, hmac.digest(key, front + body, hashlib.sha256)):
        raise SnapshotError("the seal does not hold: the snapshot was changed, or sealed with another key")
    for name, value in expected.items():
        if header.get(name) != value:
            raise OtherVersion(f"{name} was {header.get(name)!r} and is {value!r} now")
    try:
        state = _Loader(io.BytesIO(_unpacked(body))).load()
    except _UNREADABLE as error:
        raise SnapshotError(f"the state cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(state, State):
        raise SnapshotError(f"the snapshot holds a {type(state).__name__}, not a shard's state")
    return state


def _split(sealed: bytes) -> tuple[dict[str, Any], bytes, bytes, bytes]:
    try:
        magic, length = _HEAD.unpack_from(sealed)
        end = _HEAD.size + length
        header = json.loads(sealed[_HEAD.size : end])
    except (struct.error, ValueError, RecursionError):
        raise SnapshotError("the bytes do not begin like a snapshot") from None
    if magic != _MAGIC or not isinstance(header, dict) or len(sealed) < end + _MAC:
        raise SnapshotError("the bytes are no snapshot of this format, or were cut short")
    return header, sealed[:end], sealed[end : end + _MAC], sealed[end + _MAC :]


def _unpacked(body: bytes) -> bytes:
    size = zstandard.frame_content_size(body)
    if not 0 < size <= LARGEST:
        raise SnapshotError(f"the snapshot says it unpacks to {size} bytes; at most {LARGEST} are allowed")
    return zstandard.ZstdDecompressor().decompress(body, max_output_size=LARGEST)


class _Packer(pickle.Pickler):
    """Writes the functions that River's models hold as calls that the loader lets pass."""

    dispatch_table = dict(DISPATCH)


class _Loader(pickle.Unpickler):
    """Loads the classes that states are made of; even under a good seal nothing else is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _NAMED:
            return super().find_class(module, name)
        ours = module in _MODULES or (module.startswith(_PACKAGES) and ".datasets" not in module)
        if ours and name.isidentifier():
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:  # made there, not imported there
                return found
        raise SnapshotError(f"the snapshot wants {module}.{name}, which no state holds")
