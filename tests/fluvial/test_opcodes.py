"""Opcodes: all that the packer writes pass, and nothing else; what is announced has to be there."""

import pickle
import pickletools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.opcodes import LONGEST_FRAME, check
from fluvial.snapshot import pack
from learners.portable import NotPortable
from tests.fluvial.kinds import LABELS, fed

WRITTEN = {
    *("PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINGET", "LONG_BINGET", "POP", "POP_MARK"),
    *("NONE", "NEWTRUE", "NEWFALSE", "BINFLOAT", "BININT", "BININT1", "BININT2", "LONG1", "LONG4"),
    *(
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
        "SHORT_BINBYTES",
        "BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    ),
    *("EMPTY_DICT", "EMPTY_LIST", "EMPTY_SET", "EMPTY_TUPLE", "FROZENSET", "TUPLE", "TUPLE1", "TUPLE2"),
    *("TUPLE3", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"),
    *("STACK_GLOBAL", "NEWOBJ", "REDUCE", "BUILD"),
}


@pytest.mark.parametrize("task", LABELS)
def test_a_packed_state_is_written_in_these(task: str) -> None:
    packed = pack(fed(task).shard.state)
    check(packed)
    assert {opcode.name for opcode, _, _ in pickletools.genops(packed)} <= WRITTEN


@pytest.mark.parametrize("opcode", pickletools.opcodes, ids=lambda opcode: opcode.name)
def test_an_opcode_that_the_packer_does_not_write_is_refused(opcode: pickletools.OpcodeInfo) -> None:
    argument = (
        b"\x01\0\0\0\0\0\0\0" if opcode.name == "FRAME" else b"\0" * max(0, opcode.arg.n if opcode.arg else 0)
    )
    if opcode.arg and opcode.arg.n < 0:  # it says itself how long it is
        argument = b"\0" * 8
    content = b"\x80\x05" + opcode.code.encode("latin-1") + argument
    if opcode.name in WRITTEN - {"PROTO", "STOP"}:
        padding = next(n for n in range(9) if _passes(content[: len(content) - n] + b"."))
        assert padding >= 0
    else:
        assert not any(_passes(content[: len(content) - n] + b".") for n in range(len(argument) + 1))


def _passes(packed: bytes) -> bool:
    try:
        check(packed)
    except NotPortable:
        return False
    return True


@pytest.mark.parametrize(
    "front",
    [
        b"X\x05\0\0\0",
        b"B\x05\0\0\0",
        b"\x8b\x05\0\0\0",
        b"\x8d\x05" + b"\0" * 7,
        b"\x8e\x05" + b"\0" * 7,
        b"\x8c\x05",
        b"C\x05",
        b"\x8a\x05",
    ],
)
def test_what_is_announced_has_to_be_there(front: bytes) -> None:
    assert _passes(b"\x80\x05" + front + b"12345" + b".")
    for length in range(5):
        assert not _passes(b"\x80\x05" + front + b"12345"[:length] + b".")


@pytest.mark.parametrize("length", [0, 1, 45, 46, 92, 93, 255])
def test_texts_of_any_length_pass_whatever_is_in_them(length: int) -> None:
    for sign in (b"\n", b".", b"r", b"\x95", b"]"):
        text = b"\x8c" + bytes([length]) + sign * length
        assert _passes(b"\x80\x05" + text * 3 + b".")
        assert not _passes(b"\x80\x05" + text * 3 + b"r\0\0\0\0.")


def test_a_frame_that_no_packer_writes_is_refused_and_a_long_text_is_not() -> None:
    text = b"X" + (LONGEST_FRAME * 2).to_bytes(4, "little") + b"x" * LONGEST_FRAME * 2
    assert _passes(b"\x80\x05" + text + b".")
    with pytest.raises(NotPortable, match="a frame of 262,145 bytes"):
        check(b"\x80\x05\x95" + (LONGEST_FRAME + 1).to_bytes(8, "little") + b"N.")


@pytest.mark.parametrize(
    "packed",
    [b"", b".", b"\x80", b"\x80\x05", b"\x80\x04N.", b"\x80\x05N", b"\x80\x05N..", b"\x80\x05.N", b"N."],
)
def test_what_does_not_begin_or_end_like_a_packed_state_is_refused(packed: bytes) -> None:
    with pytest.raises(NotPortable):
        check(packed)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(bytearray),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(), inner)
        | st.frozensets(st.integers())
    ),
)


@given(plain, st.integers(1, 10**3000))
def test_whatever_plain_values_are_packed_into_passes(value: object, number: int) -> None:
    check(pickle.dumps([value, number, {number}, "x" * 70_000], protocol=5))


class Round:
    """What holds a tuple that holds it: of more than three parts pickle writes it twice."""

    def __init__(self) -> None:
        self.parts = (1, 2, 3, self)


def test_what_goes_round_in_circles_passes() -> None:
    circle = Round().parts
    packed = pickle.dumps(circle, protocol=5)
    assert "POP_MARK" in {opcode.name for opcode, _, _ in pickletools.genops(packed)}
    check(packed)
