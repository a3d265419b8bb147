"""One journal gives one digest per shard, whatever it is replayed with."""

import json
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from consumers.embedded import EmbeddedLog
from fluvial.errors import Gap
from tests.recovery.determinism import SHARDS, Determinism, Manner, _live, rebuilt, replay_here, replay_often

PLAIN = Manner(0, 20_000, 0, shuffled=False, processes=1)


@pytest.mark.timeout(480)  # ten fresh processes, on a machine that others use too
def test_one_journal_gives_one_digest_whatever_it_is_replayed_with(tmp_path: Path) -> None:
    found = replay_often(4, tmp_path, seed=1)
    assert found.ok, found.figure
    assert {manner.batch > 0 for manner in found.manners} == {True, False}
    assert {manner.shuffled for manner in found.manners} == {True, False}
    assert {manner.processes for manner in found.manners} == {1, SHARDS}
    assert len({manner.hash_seed for manner in found.manners}) == 4


def test_one_record_that_is_another_gives_another_digest_in_its_shard_alone(tmp_path: Path) -> None:
    live = _live(tmp_path, Random(3))
    changed, there = tmp_path / "changed", tmp_path / "there"
    for folder in (changed, there):
        folder.mkdir()
    rebuilt(tmp_path, there, PLAIN, Random(0))
    assert replay_here(there, 1000, range(SHARDS)) == live
    with pytest.MonkeyPatch.context() as patch:
        append = EmbeddedLog.append

        def touched(self: EmbeddedLog, topic: str, value: bytes | None, **more: object) -> None:
            if b'"coin-40"' in (value or b"") and topic == "faces.events":
                value = json.dumps(json.loads(value or b"{}") | {"weight": 0.125}).encode()
            append(self, topic, value, **more)  # type: ignore[arg-type]

        patch.setattr(EmbeddedLog, "append", touched)
        rebuilt(tmp_path, changed, PLAIN, Random(0))
    other = replay_here(changed, 1000, range(SHARDS))
    assert sum(other[shard] != live[shard] for shard in range(SHARDS)) == 1


def test_records_that_are_not_those_of_the_journal_are_no_replay(tmp_path: Path) -> None:
    _live(tmp_path, Random(3))
    there = tmp_path / "there"
    there.mkdir()
    rebuilt(tmp_path, there, PLAIN._replace(shuffled=True), Random(5))
    (there / "store.db").write_bytes((tmp_path / "store.db").read_bytes())
    with closing(EmbeddedLog(there / "log.db")) as log:
        assert log.describe(["faces.events"])
    with pytest.raises(Gap, match="differ from"):
        replay_here(there, 1000, [0])


def test_one_digest_too_many_is_told_with_what_was_different() -> None:
    found = Determinism({0: ["a", "a", "b"], 1: ["c", "c", "c"]}, (PLAIN, PLAIN._replace(hash_seed=9)))
    assert not found.ok
    assert "shard 0 differs under Manner(hash_seed=9" in found.figure
    assert Determinism({0: ["a", "a"], 1: ["c", "c"]}, (PLAIN,)).ok
    assert not Determinism({0: ["a", "a"], 1: ["a", "a"]}, (PLAIN,)).ok
