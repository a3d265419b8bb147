"""Envelope: bytes under a seal, with a header that says what made them and for which place.

Layout: ``FLUVIAL`` and the format's number, length of the header, header (JSON), HMAC-SHA256 over all the
rest, zstd. Nothing of it is read before the HMAC holds, and no size in it is believed before it is compared
with what is allowed.

Errors::

    SnapshotError      no snapshot of ours: cut, changed, sealed with another key, or not to be packed
     +-- OtherVersion  it was made by another model, contract, River or Python: rebuild by replay
     +-- Misplaced     it is sound but belongs to another pipeline, shard or batch: somebody moved it
"""

import hashlib
import hmac
import json
import struct
from collections.abc import Mapping
from typing import Any

import zstandard

from fluvial.bounds import LARGEST, LONGEST_HEADER
from fluvial.errors import Misplaced, OtherVersion, SnapshotError
from fluvial.header import FORMAT, PLACE

_MAGIC = b"FLUVIAL" + bytes([FORMAT])
_HEAD = struct.Struct(">8sI")
_MAC = 32


def seal_packed(packed: bytes, header: Mapping[str, Any], key: bytes) -> bytes:
    """Compress and seal what ``pack`` gave; nearly all of its time other threads can run.

    ``header``: see ``fluvial.header.header_for``. Raises SnapshotError where it is too long.
    """
    head = json.dumps(dict(header), sort_keys=True).encode()
    if len(head) > LONGEST_HEADER:
        raise SnapshotError(f"the header takes {len(head):,} bytes; at most {LONGEST_HEADER:,} are read back")
    front = _HEAD.pack(_MAGIC, len(head)) + head
    # Level 1 and no content checksum: the HMAC covers it.
    body = zstandard.ZstdCompressor(level=1).compress(packed)
    return b"".join((front, _mac(key, front, body), body))


def header_of(sealed: bytes) -> dict[str, Any]:
    """Read the header without trusting it: for lists and for people. Raises SnapshotError."""
    return _header(_split(sealed)[0])


def opened(sealed: bytes, expected: Mapping[str, Any], key: bytes) -> bytes:
    """What was sealed, if the seal holds and the header says all that is expected. Raises SnapshotError."""
    front, mac, body = _split(sealed)
    if not hmac.compare_digest(mac, _mac(key, front, body)):
        raise SnapshotError("the seal does not hold: the snapshot was changed, or sealed with another key")
    _compare(_header(front), expected)
    return _decompressed(body)


def _split(sealed: bytes) -> tuple[memoryview, bytes, memoryview]:
    """Front with the header, HMAC and body."""
    if len(sealed) > LARGEST:
        raise SnapshotError(f"the snapshot takes {len(sealed):,} bytes; at most {LARGEST:,} are read")
    if len(sealed) < _HEAD.size or not sealed.startswith(_MAGIC[:-1]):
        raise SnapshotError("the bytes do not begin like a snapshot")
    magic, length = _HEAD.unpack_from(sealed)
    if magic != _MAGIC:
        raise OtherVersion(f"the snapshot is of format {magic[-1]} and this fluvial reads {FORMAT}")
    end = _HEAD.size + length
    if length > LONGEST_HEADER or len(sealed) < end + _MAC:
        raise SnapshotError(f"the snapshot was cut short, or its header of {length:,} bytes is none")
    view = memoryview(sealed)
    return view[:end], bytes(view[end : end + _MAC]), view[end + _MAC :]


def _header(front: memoryview) -> dict[str, Any]:
    try:
        header = json.loads(bytes(front[_HEAD.size :]))
    except (ValueError, RecursionError):
        raise SnapshotError("the header is no JSON: the snapshot was changed") from None
    if not isinstance(header, dict):
        raise SnapshotError("the header is no JSON object: the snapshot was changed")
    return header


def _compare(header: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise Misplaced or, if it is in its place, OtherVersion for the first difference."""
    for name in sorted(expected, key=lambda name: name not in PLACE):
        if header.get(name) != expected[name]:
            what = f"{name} was {header.get(name)!r} and is {expected[name]!r} now"
            raise Misplaced(f"the snapshot is another one's: {what}") if name in PLACE else OtherVersion(what)


def _mac(key: bytes, front: bytes | memoryview, body: bytes | memoryview) -> bytes:
    mac = hmac.new(key, front, hashlib.sha256)
    mac.update(body)
    return mac.digest()


def _decompressed(body: memoryview) -> bytes:
    try:
        size = zstandard.frame_content_size(body)
        if 0 < size <= LARGEST:
            return zstandard.ZstdDecompressor().decompress(body)
    except (zstandard.ZstdError, MemoryError) as error:
        raise SnapshotError(f"the state cannot be decompressed: {error}") from error
    raise SnapshotError(f"the snapshot says it unpacks to {size} bytes; at most {LARGEST} are allowed")
