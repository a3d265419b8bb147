"""What a journal row remembers of its records: no other records pass for them."""

from __future__ import annotations

from itertools import combinations

from consumers.record import Record
from fluvial.replay import fingerprint, first_fingerprint, is_of, range_of


def test_records_that_differ_anywhere_have_other_fingerprints() -> None:
    record = Record("t", 0, 7, 1_000, b"ab", b"c")
    others = [
        record,
        record._replace(offset=8),
        record._replace(timestamp=1_001),
        *(
            record._replace(key=key, value=value)
            for key, value in ((b"a", b"bc"), (b"", b"abc"), (None, b"abc"))
        ),
        *(record._replace(value=value) for value in (b"d", b"", None, b"\xff", b"-1:")),
        record._replace(key=None),
        record._replace(key=b"\xff"),
    ]
    for one, other in combinations(others, 2):
        assert fingerprint([one]) != fingerprint([other]), (one, other)


def test_what_is_a_key_here_is_no_value_there() -> None:
    first, second = Record("t", 0, 0, 1, None, None), Record("t", 0, 1, 1, None, b"x")
    assert fingerprint([first, second]) != fingerprint(
        [first._replace(value=b"x"), second._replace(value=None)]
    )


def test_what_a_row_was_made_of_is_known_again_and_nothing_else_is() -> None:
    some = [Record("t", 0, 0, 1, None, None), Record("t", 0, 1, 1, b"a", b"x")]
    other = [some[0]._replace(value=b"\xff"), some[1]]
    assert is_of(some, range_of(some, 0))
    assert not is_of(other, range_of(some, 0))
    assert not is_of(some[:1], range_of(some, 0))
    former = range_of(some, 0)._replace(crc=first_fingerprint(some))
    assert is_of(some, former)
    assert not is_of([some[0], some[1]._replace(value=b"y")], former)


def test_headers_do_not_matter_because_nothing_is_learned_from_them() -> None:
    record = Record("t", 0, 7, 1_000, b"ab", b"c")
    assert fingerprint([record]) == fingerprint([record._replace(headers=(("trace", b"1"),))])
