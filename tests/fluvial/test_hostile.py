"""Whoever has the key cannot run anything by a snapshot: no pickle of many does what it was made for."""

import copyreg
import os
import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluvial.allowed import HELD, found
from fluvial.errors import SnapshotError
from fluvial.snapshot import pack, unpack, unseal
from fluvial.state import State
from tests.fluvial.kinds import fed
from tests.fluvial.world import KEY
from tests.recovery.canary import canary
from tests.recovery.hostile import attacks, forged, smuggled

ATTACKS = sorted(attacks(Path("marker")))


@pytest.fixture(scope="module")
def genuine() -> bytes:
    return pack(fed().shard.state)


@pytest.fixture(autouse=True)
def _without_backtraces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUST_BACKTRACE", "0")


def test_there_are_more_than_fifty_of_them() -> None:
    assert len(ATTACKS) > 50


def test_without_an_attack_the_state_is_read(genuine: bytes) -> None:
    with canary() as seen:
        assert isinstance(unseal(forged(smuggled(b"N", genuine), KEY), {}, KEY), State)
    assert not seen


@pytest.mark.parametrize("opcodes", ["checked", "unchecked"])
@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused_and_nothing_is_run(
    name: str, opcodes: str, genuine: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unchecked: what the opcodes alone give away, the loader refuses as well."""
    if opcodes == "unchecked":
        monkeypatch.setattr("fluvial.snapshot.check", lambda packed: None)
    marker = tmp_path / "it-ran"
    sealed = forged(smuggled(attacks(marker)[name], genuine), KEY)
    with canary() as seen, pytest.raises(SnapshotError, match=r"^the state cannot be read: [^\n]+$"):
        unseal(sealed, {}, KEY)
    assert not seen
    assert not marker.exists()


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused_also_alone_and_by_itself(name: str, tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    attack = attacks(marker)[name]
    for content in (b"\x80\x05" + attack + b".", attack + b"."):
        with canary() as seen, pytest.raises(SnapshotError):
            unseal(forged(content, KEY), {}, KEY)
        assert not seen
    assert not marker.exists()


REAL = ("call os:mkdir", "call builtins:open", "call builtins:exec", "the same by GLOBAL", "INST", "OBJ")


@pytest.mark.parametrize("name", REAL)
def test_what_is_refused_here_is_really_run_by_plain_pickle(name: str, tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    with canary() as seen:
        thing: Any = pickle.loads(attacks(marker)[name] + b".")
    if hasattr(thing, "close"):
        thing.close()
    assert marker.exists()
    assert seen


class Reduced:
    """What most people would write to run something through pickle."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_usual_way_in_is_refused(protocol: int, tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    content = pickle.dumps(Reduced(f"touch {marker}"), protocol=protocol)
    with pytest.raises(SnapshotError):
        unseal(forged(content, KEY), {}, KEY)
    assert not marker.exists()


@pytest.fixture
def extension() -> Iterator[int]:
    """A number for os.system, as ``copyreg`` gives them out."""
    copyreg.add_extension("os", "system", 240)
    yield 240
    copyreg.remove_extension("os", "system", 240)


def test_a_function_that_has_a_number_is_not_found_by_it(
    extension: int, genuine: bytes, tmp_path: Path
) -> None:
    marker = tmp_path / "it-ran"
    attack = (
        b"\x82"
        + bytes([extension])
        + b"(\x8c"
        + bytes([len(str(marker)) + 6])
        + f"touch {marker}".encode()
        + b"tR"
    )
    with pytest.raises(SnapshotError):
        unseal(forged(smuggled(attack, genuine), KEY), {}, KEY)
    assert not marker.exists()


def test_no_attack_leaves_anything_behind(genuine: bytes, tmp_path: Path) -> None:
    def shared() -> list[Any]:
        things = [found(*place) for place in sorted(HELD)] + [State]
        return [
            (
                dict(vars(thing)) if hasattr(thing, "__dict__") else {},
                thing.__name__,
                getattr(thing, "__defaults__", None),
            )
            for thing in things
        ]

    before = shared()
    for attack in attacks(tmp_path / "it-ran").values():
        with pytest.raises(SnapshotError):
            unseal(forged(smuggled(attack, genuine), KEY), {}, KEY)
    assert shared() == before
    assert isinstance(unpack(genuine), State)


@pytest.mark.parametrize("seed", range(5))
def test_a_state_with_bytes_changed_under_a_good_seal_is_read_or_refused_and_runs_nothing(
    seed: int, genuine: bytes
) -> None:
    draw = random.Random(seed)
    ends = {"read": 0, "refused": 0}
    for _ in range(400):
        changed = bytearray(genuine)
        for _ in range(draw.choice((1, 1, 2, 5))):
            at = draw.randrange(2, len(changed))
            changed[at : at + draw.randrange(2)] = draw.randbytes(draw.randrange(3))
        with canary() as seen:
            try:
                unpack(bytes(changed))
                ends["read"] += 1
            except SnapshotError:
                ends["refused"] += 1
        assert not seen
    assert ends["refused"] > 100


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pickle.dumps({"learner": None}, protocol=5), "holds a dict"),
        (pickle.dumps(None, protocol=5), "holds a NoneType"),
        (b"\x80\x05" + b"\x8c\x0dfluvial.state\x8c\x05State\x93.", "holds a Mould"),
        (b"\x80\x05" + b"\x8c\x0elearners.bound\x8c\x0crevive_lower\x93.", "holds a Door"),
    ],
)
def test_what_is_no_state_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(SnapshotError, match=f"the snapshot {why}.*, not a shard's state"):
        unseal(forged(content, KEY), {}, KEY)
