"""Opcodes: what a packed state is written in, checked before pickle reads a word of it.

Pickle knows 68 opcodes, of which the packer writes 40. Of the others some look names up in older ways, and
some take memory by what they say and not by what they hold (``PUT`` at place 2**31 makes room for as many).
"""

import re

from learners.portable import NotPortable

LONGEST_FRAME = 1 << 18
"""Bytes; pickle ends a frame with the first opcode beyond 64 kB. Longer texts stand outside."""

_PLAIN = b"N\x88\x89()]}\x8ft\x85\x86\x87\x91esaub01R\x81\x93\x94\x90"
"""None, True, False, MARK, empty containers, tuples, sets, filling, BUILD, POP, REDUCE, NEWOBJ, names."""

_LENGTHS = {b"X": 4, b"B": 4, b"\x8b": 4, b"\x8d": 8, b"\x8e": 8, b"\x96": 8}
"""Long texts, bytes and numbers: how many bytes say how long they are."""

_PROTO, _FRAME, _STOP = b"\x80\x05", b"\x95", b"."


def _short(opcode: bytes) -> bytes:
    """An opcode with a length of one byte."""
    lengths = (re.escape(bytes([length])) + b".{%d}" % length for length in range(256))
    return re.escape(opcode) + b"(?:" + b"|".join(lengths) + b")"


_RUN = re.compile(
    b"(?:"
    + b"|".join(
        (
            b"(?:h.G.{8})++",  # what most of a large state is made of: a known name and a number
            b"(?:j.{4}G.{8})++",
            b"[" + re.escape(_PLAIN) + b"]++",
            b"[hK].",
            b"G.{8}",
            b"[jJ].{4}",
            b"M..",
            *(_short(opcode) for opcode in (b"\x8c", b"\x8a", b"C")),
        )
    )
    + b")*+",
    re.DOTALL,
)


def check(packed: bytes) -> None:
    """Raise NotPortable unless all opcodes are such as the packer writes, and what they announce is there."""
    if not packed.startswith(_PROTO):
        raise NotPortable("it is no pickle of protocol 5")
    at = len(_PROTO)
    while (at := _end_of_run(packed, at)) < len(packed):
        opcode = packed[at : at + 1]
        if opcode == _STOP:
            break
        at = _after(packed, at, opcode)
    if at != len(packed) - 1:
        raise NotPortable("it does not end where its last opcode ends")


def _end_of_run(packed: bytes, at: int) -> int:
    found = _RUN.match(packed, at)
    return found.end() if found else at


def _after(packed: bytes, at: int, opcode: bytes) -> int:
    """Where an opcode that says how long it is ends, or a frame begins."""
    if opcode == _FRAME:
        size = int.from_bytes(packed[at + 1 : at + 9], "little")
        if size > LONGEST_FRAME:
            raise NotPortable(f"no state has a frame of {size:,} bytes")
        return at + 9
    if opcode not in _LENGTHS:
        raise NotPortable(f"no state has the opcode {opcode!r} at byte {at:,}")
    begin = at + 1 + _LENGTHS[opcode]
    end = begin + int.from_bytes(packed[at + 1 : begin], "little")
    if end > len(packed):
        raise NotPortable(f"what is announced at byte {at:,} is not there")
    return end
