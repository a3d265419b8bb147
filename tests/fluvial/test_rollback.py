"""Rollback: the model of an earlier batch comes back, exactly, here and in every replay."""

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial.history import History
from fluvial.incidents import Incidents
from fluvial.store import decision_table
from tests.fluvial.world import World, coins, embedded_world, tosses

FOREST = 'Select("weight", "wear") | forest.ARFClassifier(n_models=3, grace_period=20)'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = embedded_world(tmp_path, coins(snapshot_every=1_000_000))
    yield made
    made.log.close()
    made.store.close()


def learned(world: World, n: int = 600) -> int:
    """Let the model learn for a while and then from labels turned round; returns the batch between the two."""
    world.feed(tosses(n))
    batch = world.run().owned[0].shard.state.batch
    world.feed(tosses(n, seed=2, first=n, flip_after=n))
    world.run()
    return batch


def guess(world: World, at: int | None = None) -> float:
    """What the model says of a heavy coin: now, or as it was right after a batch."""
    past = History(world.place(), 0)
    model = past.start().shard.state.learner.model if at is None else past.model_at(at)
    return float(model.predict_proba_one({"weight": 2.0, "wear": 0.0})[True])


def back_to(world: World, batch: int) -> Any:
    """Roll back, let the worker take it up, and give its shard."""
    world.decide("rollback", batch=batch)
    return world.run().owned[0].shard


def last_decision(world: World) -> Any:
    """The newest rollback as the journal says it."""
    return world.journal.rows_with(0, "rollback")[-1].decisions[-1]


def test_the_model_of_that_batch_is_back_and_the_offset_stays(world: World) -> None:
    batch = learned(world)
    spoilt, good = guess(world), guess(world, batch)
    assert spoilt < 0.5 < good
    shard = back_to(world, batch)
    assert guess(world) == good
    assert (shard.state.learner.version, shard.state.events) == (2, 1200)
    assert shard.state.watch.loss.state == "warming"
    assert len(world.records("predictions")) == 1200, "nothing is read again"
    world.feed(tosses(300, seed=3, first=1200))
    world.run()
    assert world.status()["outcomes"]["learned"] == 1500
    assert world.status()["fates"]["used"] == 1500
    assert world.verify().difference is None


@pytest.mark.parametrize("size", [1, 13, 5000])
def test_what_follows_is_the_same_in_batches_of_any_size(tmp_path: Path, size: int) -> None:
    digests = []
    for name, batch_size in (("usual", 100), ("other", size)):
        folder = tmp_path / name
        folder.mkdir()
        made = embedded_world(folder, coins(snapshot_every=1_000_000, linger=0.0))
        made.feed(tosses(40))
        first = made.run(batch=batch_size).owned[0].shard.state.batch
        made.feed(tosses(40, seed=2, first=40, flip_after=40))
        made.run(batch=batch_size)
        back_to(made, first)
        made.feed(tosses(60, seed=3, first=80))
        live = made.run(batch=batch_size).owned[0].shard.state.digest
        made.spoil()
        assert made.run(batch=1000).owned[0].shard.state.digest == live, "the replay"
        digests.append(live)
        made.log.close()
        made.store.close()
    assert digests[0] == digests[1]


def test_a_replay_under_any_hash_seed_brings_the_same_model_back(tmp_path: Path) -> None:
    world = embedded_world(tmp_path, coins(model=FOREST, snapshot_every=1_000_000))
    batch = learned(world, 80)
    back_to(world, batch)
    world.feed(tosses(80, seed=3, first=160))
    digest = world.run().owned[0].shard.state.digest.hex()
    world.log.close()
    world.store.close()
    code = (
        "import sys; from pathlib import Path; from tests.fluvial.test_rollback import FOREST\n"
        "from tests.fluvial.world import coins, embedded_world\n"
        "world = embedded_world(Path(sys.argv[1]), coins(model=FOREST, snapshot_every=1_000_000))\n"
        "found = world.verify(); print(found.digest, found.difference)\n"
        "world.log.close(); world.store.close()"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")[-2]
        for seed in ("0", "4242")
    }
    assert said == {f"{digest} None"}


def test_a_restart_before_or_after_it_is_taken_up_changes_nothing(world: World) -> None:
    batch = learned(world)
    good = guess(world, batch)
    world.decide("rollback", batch=batch)  # no worker is there
    assert world.run().owned[0].shard.state.learner.version == 2
    for _ in range(2):
        shard = world.run().owned[0].shard
        assert (shard.state.learner.version, guess(world)) == (2, good)
    assert len(world.journal.rows_with(0, "rollback")) == 1


def test_the_snapshot_that_was_chosen_outlives_all_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_but_chosen(batches: Sequence[int], keep: int, chosen: Collection[int] = ()) -> list[int]:
        return [batch for batch in batches[keep:] if batch and batch not in chosen]

    monkeypatch.setattr("fluvial.shelf.crowded", all_but_chosen)
    batch = learned(world)
    back_to(world, batch)
    for n in range(8):
        world.feed(tosses(100, seed=n, first=1200 + 100 * n))
        world.run()
    kept = [one.batch for one in world.shelf.listing(0)]
    assert (batch in kept, len(kept)) == (True, 5 + 2)
    digest = world.run().owned[0].shard.state.digest
    world.spoil(keep=[batch])
    first = min(row.number for row in world.journal.batches(0, batch))
    start = {tp: done.start for tp, done in world.journal.batches(0, batch, first)[0].ranges.items()}
    for tp, offset in start.items():
        world.trim(tp.topic.split(".")[1], offset)
    assert world.run().owned[0].shard.state.digest == digest, "the replay needs that model and finds it"


def test_a_chosen_snapshot_that_was_spoilt_is_made_again_by_replay(world: World) -> None:
    batch = learned(world)
    good = guess(world, batch)
    world.spoil(keep=[0])
    back_to(world, batch)
    assert guess(world) == good
    assert "failed" not in last_decision(world).args
    assert world.verify().difference is None


def ask(world: World, **args: Any) -> None:
    """Write a decision past the desk, which would have refused it."""
    row = {"pipeline": "coins", "shard": 0, "action": "rollback", "review": "r", "args": args}
    with world.store.write() as db:
        db.execute(sa.insert(decision_table).values(row))


@pytest.mark.parametrize("args", [{"batch": 10_000}, {"batch": -3}, {"batch": "x"}, {"batch": None}, {}])
def test_a_batch_that_never_was_has_no_effect_and_the_journal_says_so(
    world: World, args: dict[str, Any]
) -> None:
    learned(world, 200)
    before = guess(world)
    ask(world, **args)
    shard = world.run().owned[0].shard
    assert (guess(world), shard.state.learner.version) == (before, 1)
    assert last_decision(world).args["failed"]
    assert world.run().owned[0].shard.state.digest == shard.state.digest
    assert world.verify().difference is None


def test_a_model_that_cannot_be_rebuilt_any_more_has_no_effect_and_says_why(world: World) -> None:
    batch = learned(world)
    before = guess(world)
    newest = world.shelf.listing(0)[0].batch
    world.spoil(keep=[newest])
    world.trim("events", 1100)
    world.decide("rollback", batch=batch)
    shard = world.run().owned[0].shard
    assert (guess(world), shard.state.learner.version) == (before, 1)
    assert "coins.events:0" in last_decision(world).args["failed"]
    assert world.halted() is None
    assert Incidents(world.store).listing(pipeline="coins", state="resolved") == []
    with world.store.read() as db:
        told = db.execute(sa.select(decision_table.c.args)).scalar_one()
    assert told == last_decision(world).args, "people see it where they decided"


def test_batch_zero_is_a_model_that_has_learned_nothing(world: World) -> None:
    learned(world, 200)
    shard = back_to(world, 0)
    assert (guess(world), shard.state.learner.version) == (0.5, 2)
    assert world.verify().difference is None


def test_a_rollback_of_a_rollback_brings_the_later_model_back(world: World) -> None:
    batch = learned(world)
    late = world.run().owned[0].shard.state.batch
    before = guess(world)
    back_to(world, batch)
    assert guess(world) != before
    back_to(world, late)
    assert guess(world) == before
    world.spoil(keep=[0])
    assert world.run().owned[0].shard.state.learner.version == 3
    assert world.verify().difference is None


def test_a_paused_model_stays_paused_when_it_goes_back(world: World) -> None:
    batch = learned(world, 200)
    world.decide("pause")
    world.run()
    learner = back_to(world, batch).state.learner
    assert (learner.paused, learner.version) == (True, 2)


def test_one_shard_of_several_goes_back_alone(tmp_path: Path) -> None:
    world = embedded_world(tmp_path, coins(learn="per-partition", partitions=2, snapshot_every=1_000_000))
    world.feed(tosses(400))
    batches = {index: owned.shard.state.batch for index, owned in world.run().owned.items()}
    world.feed(tosses(400, seed=2, first=400, flip_after=400))
    world.run()
    world.decide("rollback", shard=1, batch=batches[1])
    owned = world.run().owned
    assert [owned[index].shard.state.learner.version for index in (0, 1)] == [1, 2]
    assert [world.verify(shard).difference for shard in (0, 1)] == [None, None]
    world.log.close()
    world.store.close()


def test_the_group_hears_of_a_worker_that_replays_for_long_to_bring_a_model_back(world: World) -> None:
    batch = learned(world)
    heard: list[None] = []
    History(world.place(), 0).model_at(batch - 1, lambda: heard.append(None))
    assert len(heard) == batch - 1, "the snapshot before it is the first one"
