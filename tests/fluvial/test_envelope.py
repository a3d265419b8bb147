"""Envelope: whatever was cut, changed, swapped or made too large is told from what was sealed here."""

import resource
import sys

import pytest
import zstandard

from consumers.record import TopicPartition
from fluvial.bounds import LARGEST, LONGEST_HEADER
from fluvial.errors import Misplaced, OtherVersion, SnapshotError
from fluvial.header import FORMAT, expected_of, header_for
from fluvial.snapshot import header_of, pack, seal, seal_packed, unseal
from fluvial.state import State, fresh_state
from tests.fluvial.shards import Feed, towns
from tests.fluvial.world import KEY
from tests.recovery.hostile import forged

HEADER = {"pipeline": "towns", "shard": 0, "batch": 7, "river": "0.26.1", "model": "1a2b3c4d"}
PLACED = ("pipeline", "shard", "batch")


@pytest.fixture(scope="module")
def state() -> State:
    feed = Feed(towns())
    for n in range(30):
        feed.event(f"e{n}", at=n, town="A", x=n)
        feed.label(f"e{n}", n % 3 == 0)
    return feed.shard.state


@pytest.fixture(scope="module")
def sealed(state: State) -> bytes:
    return seal(state, HEADER, KEY)


def test_the_header_can_be_read_without_opening_the_snapshot(sealed: bytes) -> None:
    assert header_of(sealed) == HEADER


def test_sealing_in_two_steps_is_sealing(state: State, sealed: bytes) -> None:
    assert seal_packed(pack(state), HEADER, KEY) == sealed


@pytest.mark.parametrize("name", [name for name in HEADER if name not in PLACED])
def test_a_snapshot_of_other_versions_is_told_from_a_broken_one(sealed: bytes, name: str) -> None:
    with pytest.raises(OtherVersion, match=f"{name} was .* and is 'other' now"):
        unseal(sealed, HEADER | {name: "other"}, KEY)


@pytest.mark.parametrize("name", PLACED)
def test_a_snapshot_in_another_ones_place_is_told_from_one_of_other_versions(
    sealed: bytes, name: str
) -> None:
    with pytest.raises(Misplaced, match=f"another one's: {name} was .* and is 'other' now"):
        unseal(sealed, HEADER | {name: "other", "river": "older"}, KEY)


def test_an_older_snapshot_in_a_newer_ones_row_is_refused(sealed: bytes) -> None:
    expected = {name: value for name, value in HEADER.items() if name != "batch"}
    assert unseal(sealed, expected, KEY).events == 30
    assert unseal(sealed, expected, KEY, batch=7).events == 30
    with pytest.raises(Misplaced, match="batch was 7 and is 8 now"):
        unseal(sealed, expected, KEY, batch=8)


def test_what_a_header_does_not_say_is_not_what_was_expected(sealed: bytes) -> None:
    with pytest.raises(OtherVersion, match="numpy was None"):
        unseal(sealed, HEADER | {"numpy": "2"}, KEY)


def test_another_key_does_not_open_it(sealed: bytes) -> None:
    with pytest.raises(SnapshotError, match="another key"):
        unseal(sealed, HEADER, b"x" * 32)


def test_a_flipped_bit_anywhere_is_noticed(sealed: bytes) -> None:
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1 << place % 8
        with pytest.raises(SnapshotError):
            unseal(bytes(changed), HEADER, KEY)


def test_a_cut_anywhere_is_noticed(sealed: bytes) -> None:
    for length in range(len(sealed)):
        with pytest.raises(SnapshotError):
            unseal(sealed[:length], HEADER, KEY)


@pytest.mark.parametrize("more", [b"\0", b"FLUVIAL", KEY])
def test_bytes_that_were_added_are_noticed(sealed: bytes, more: bytes) -> None:
    with pytest.raises(SnapshotError, match="seal does not hold"):
        unseal(sealed + more, HEADER, KEY)


def test_a_header_that_was_swapped_for_another_ones_is_noticed(state: State, sealed: bytes) -> None:
    other = seal(state, HEADER | {"batch": 8}, KEY)
    end = len(sealed) - len(other.partition(b"}")[2])
    with pytest.raises(SnapshotError, match="seal does not hold"):
        unseal(other[:end] + sealed[end:], {}, KEY)


@pytest.mark.parametrize("version", [0, 1, FORMAT + 1, 255])
def test_another_format_is_another_version(sealed: bytes, version: int) -> None:
    with pytest.raises(OtherVersion, match=f"of format {version} and this fluvial reads {FORMAT}"):
        unseal(sealed[:7] + bytes([version]) + sealed[8:], HEADER, KEY)


@pytest.mark.parametrize(
    "header", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5_000 + b"}"]
)
def test_a_header_that_is_none_is_refused(header: bytes) -> None:
    with pytest.raises(SnapshotError, match="header"):
        unseal(forged(b"N.", KEY, header), {}, KEY)
    with pytest.raises(SnapshotError, match="header"):
        header_of(forged(b"N.", KEY, header))


@pytest.mark.parametrize("bytes_", [b"", b"F", b"FLUVIAL", b"\x02", b"SQLite format 3\0" * 10])
def test_what_is_no_snapshot_at_all_is_refused(bytes_: bytes) -> None:
    with pytest.raises(SnapshotError, match="do not begin like a snapshot"):
        unseal(bytes_, {}, KEY)


# ---- sizes


def grown(before: int) -> int:
    """Bytes by which the process's largest size has grown."""
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (
        1 if sys.platform == "darwin" else 1024
    )


@pytest.mark.parametrize("size", [LARGEST + 1, 10 << 30, 1 << 40, 1 << 62])
def test_a_snapshot_that_claims_to_be_huge_is_not_unpacked(size: int) -> None:
    frame = b"\x28\xb5\x2f\xfd\xe0" + size.to_bytes(8, "little") + b"\x01\x00\x00"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SnapshotError, match=f"unpacks to {size} bytes; at most {LARGEST} are allowed"):
        unseal(forged(frame, KEY, pack=False), {}, KEY)
    assert grown(before) < 1 << 26


def test_a_snapshot_that_claims_all_that_is_allowed_takes_no_more_than_it_has() -> None:
    frame = b"\x28\xb5\x2f\xfd\xe0" + LARGEST.to_bytes(8, "little") + b"\x01\x00\x00"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SnapshotError, match="cannot be decompressed"):
        unseal(forged(frame, KEY, pack=False), {}, KEY)
    assert grown(before) < 1 << 26


def test_a_snapshot_that_holds_more_than_it_claims_is_refused() -> None:
    body = zstandard.compress(b"\0" * 1_000_000)
    claimed = zstandard.compress(b"\0" * 2_000)
    assert zstandard.frame_content_size(claimed) == 2_000
    lying = claimed[:5] + (500).to_bytes(2, "little") + body[8:]
    with pytest.raises(SnapshotError):
        unseal(forged(lying, KEY, pack=False), {}, KEY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no zstd",
        b"\x28\xb5\x2f\xfd",
        zstandard.ZstdCompressor(write_content_size=False).compress(b"N."),
        zstandard.compress(b""),
    ],
)
def test_a_body_that_cannot_be_decompressed_is_refused(body: bytes) -> None:
    with pytest.raises(SnapshotError, match=r"decompressed|unpacks to"):
        unseal(forged(body, KEY, pack=False), {}, KEY)


def test_a_snapshot_longer_than_any_is_refused_before_it_is_hashed(
    sealed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluvial.envelope.LARGEST", len(sealed) - 1)
    monkeypatch.setattr("fluvial.envelope._mac", None)
    with pytest.raises(SnapshotError, match=f"takes {len(sealed):,} bytes"):
        unseal(sealed, HEADER, KEY)


def test_a_header_longer_than_any_is_neither_written_nor_read() -> None:
    with pytest.raises(SnapshotError, match=r"at most 1,048,576 are read back"):
        seal_packed(b"N.", {"positions": "x" * LONGEST_HEADER}, KEY)
    with pytest.raises(SnapshotError, match="its header of 1,048,577 bytes is none"):
        unseal(forged(b"N.", KEY, b" " * (LONGEST_HEADER + 1)), {}, KEY)
    with pytest.raises(SnapshotError, match="its header of 4,294,967,295 bytes is none"):
        unseal(b"FLUVIAL" + bytes([FORMAT]) + b"\xff" * 4 + b"{}" + b"x" * 40, {}, KEY)


def test_a_thousand_partitions_fit_into_a_header() -> None:
    pipeline = towns(partitions=1000)
    positions = {
        TopicPartition(topic, index): 1 << 50 for topic in pipeline.input_topics for index in range(1000)
    }
    state = fresh_state(pipeline)
    body = seal(state, header_for(pipeline, 0, 1, positions, 1, b"\0" * 32), KEY)
    assert unseal(body, expected_of(pipeline, 0), KEY).events == 0
