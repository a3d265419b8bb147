"""Pickles made to fill the memory; ``python -m tests.recovery.floods`` prints what reading each one took.

A process of its own that forks for each flood: what a process has ever taken at most is counted for all
that runs in it. Output: JSON, for each flood the bytes packed and sealed, the bytes by which the process
grew, and what was said.
"""

import json
import os
import pickletools
import resource
import sys
from collections.abc import Callable
from typing import Any

from fluvial import bounds
from fluvial.errors import SnapshotError
from fluvial.snapshot import pack, unseal
from tests.fluvial.kinds import fed
from tests.fluvial.world import KEY
from tests.recovery.hostile import forged, smuggled

ROOM = 1 << 26
"""What these pickles may take here; a state of their size might take up to 8 GB."""

_SETS, _DICTS, _LISTS, _DUP, _MARK, _MEMO = b"\x8f", b"}", b"]", b"2", b"(", b"N\x94"
_FLOAT, _TEXT, _STATE, _OLD = (
    b"G\x3f\xf0\0\0\0\0\0\0",
    b"\x8c\x02ab",
    b"h\x02)\x81",
    b"](" + b"h\x02" * 250 + b"e",
)


def framed(unit: bytes, times: int, size: int = 1 << 16) -> bytes:
    """The same opcodes again and again, in frames of about this size."""
    part = unit * max(1, size // len(unit))
    return (b"\x95" + len(part).to_bytes(8, "little") + part) * (times * len(unit) // len(part))


FLOODS: dict[str, Callable[[], bytes]] = {
    "empty sets": lambda: framed(_SETS, 1_000_000),
    "empty sets without frames": lambda: _SETS * 1_000_000,
    "empty sets in one frame": lambda: framed(_SETS, 1_000_000, 1_000_000),
    "empty dicts": lambda: framed(_DICTS, 4_000_000),
    "empty lists": lambda: framed(_LISTS, 4_000_000),
    "numbers": lambda: framed(_FLOAT, 6_000_000),
    "texts": lambda: framed(_TEXT, 4_000_000),
    "blank states": lambda: framed(_STATE, 2_000_000),
    "marks": lambda: framed(_MARK, 30_000_000),
    "the same thing again and again": lambda: framed(b"h\x02", 30_000_000),
    "duplicates": lambda: _LISTS + framed(_DUP, 30_000_000),
    "a place far away": lambda: b"Nr\xff\xff\xff\x7f",
    "things to remember": lambda: framed(_MEMO, 30_000_000),
    "lists of the same thing": lambda: framed(_OLD, 100_000),
}


def laughs(levels: int, first: int) -> bytes:
    """A billion laughs: a list that holds twice a list that holds twice a list, so many levels deep.

    ``first`` is the number of things that are remembered before.
    """
    remembered = (b"j" + number.to_bytes(4, "little") for number in range(first, first + levels))
    return b"]\x94" + b"".join(b"0](" + twice + twice + b"e\x94" for twice in remembered)


def peak() -> int:
    """Bytes that the process has taken at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def read(attack: bytes, genuine: bytes) -> dict[str, Any]:
    """Try to read a state with an attack in it."""
    packed = smuggled(attack, genuine)
    sealed = forged(packed, KEY)
    before, said = peak(), "it was read"
    try:
        unseal(sealed, {}, KEY)
    except SnapshotError as refusal:
        said = str(refusal)
    return {"packed": len(packed), "sealed": len(sealed), "grown": peak() - before, "said": said}


def apart(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do it in a child process."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(into, json.dumps(work()).encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as answer:
        found: dict[str, Any] = json.loads(answer.read())
    os.waitpid(child, 0)
    return found


def main() -> None:
    """Print what each flood took."""
    genuine = pack(fed().shard.state)
    honest = bounds.room
    bounds.room = lambda packed: ROOM
    taken = {
        name: apart(lambda made=made: read(b"(" + made() + b"t", genuine)) for name, made in FLOODS.items()
    }
    bounds.room = honest
    first = sum(opcode.name == "MEMOIZE" for opcode, _, _ in pickletools.genops(genuine))
    taken["a billion laughs"] = apart(lambda: read(laughs(60, first), genuine))
    json.dump(taken, sys.stdout)


if __name__ == "__main__":
    main()
