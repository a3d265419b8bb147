"""Follower: a standby knows the state before it owns the shard, and takes over without loading it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.decision import Decision
from fluvial.follower import Follower
from fluvial.history import History
from fluvial.journal import Batch, Entry
from fluvial.outputs import Outbox
from fluvial.owned import Owned
from fluvial.store import decision_table, snapshot_table
from fluvial.timing import SYSTEM
from tests.fluvial.world import World, coins, embedded_world, tosses


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = embedded_world(tmp_path, coins(snapshot_every=1_000_000))
    made.feed(tosses(600))
    made.run()
    yield made
    made.log.close()
    made.store.close()


def follower(world: World) -> Follower:
    return Follower(History(world.place(), 0), SYSTEM)


def test_a_follower_comes_to_the_same_state_and_keeps_up(world: World) -> None:
    one = follower(world)
    one.follow(60)
    assert one.past is not None
    assert one.past.shard.state.digest.hex() == world.status()["digest"]
    world.feed(tosses(300, seed=2, first=600))
    world.run()
    one.follow(60)
    one.follow(60)  # the first ends the old rows, the next finds the new ones
    assert one.past.shard.state.digest.hex() == world.status()["digest"]
    assert one.past.positions == world.run().owned[0].positions


def test_a_follower_goes_on_where_its_time_was_up(world: World) -> None:
    forget(world)
    one = follower(world)
    seen = []
    while not seen or seen[-1] < world.status()["batch"]:
        one.follow(0)
        assert one.past is not None
        seen.append(one.past.batch)
    assert len(set(seen)) > 3


def test_taking_over_from_a_follower_needs_no_snapshot_and_publishes_what_may_be_missing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(world)
    one = follower(world)
    one.follow(60)
    published = len(world.records("predictions"))
    last = world.journal.batches(0, 0)[-1]
    assert set(one.unpublished) == set(range(last.published + 1, last.number + 1)) == {last.number}
    owned, outbox = Owned(world.place(), 0), Outbox(world.pipeline, world.log, world.store)
    with monkeypatch.context() as loading:
        loading.setattr(History, "start", lambda *_: pytest.fail("a warm state must not be loaded again"))
        assert list(owned.recover(outbox, one)) == []
    outbox.deliver()
    assert owned.shard.state.digest.hex() == world.status()["digest"]
    again = len(world.records("predictions")) - published
    assert 0 < again <= sum(done.count for done in last.ranges.values())
    assert world.verify().difference is None


def test_a_follower_that_went_through_what_was_given_up_later_is_not_believed(world: World) -> None:
    one = follower(world)
    one.follow(60)
    assert one.past is not None
    last, epoch = one.past.batch, world.journal.acquire(0, "owner").epoch
    positions = {str(tp): at for tp, at in one.past.positions.items()}
    row = {"id": 1, "pipeline": "coins", "shard": 0, "action": "accept_gap", "review": "r", "args": {}}
    with world.store.write() as db:
        db.execute(sa.insert(decision_table).values(row))
    accepted = Decision(1, "accept_gap", "r", {"after": last - 2, "positions": positions})
    assert world.journal.append([Entry(0, epoch, Batch(last + 1, {}, [accepted], last))]) == []
    one.follow(60)
    one.follow(60)
    assert one.past is None, "its state holds batches that do not count any more"
    owned = Owned(world.place(), 0)
    list(owned.recover(Outbox(world.pipeline, world.log, world.store), one))
    assert owned.shard.state.batch == last + 1
    assert owned.shard.state.digest == History(world.place(None), 0).at(last - 2).shard.state.digest


def test_a_follower_that_was_left_behind_costs_nothing_when_its_rows_are_gone(world: World) -> None:
    forget(world)
    one = follower(world)
    one.follow(0)
    assert one.past is not None
    world.run()
    world.feed(tosses(300, seed=2, first=600))
    digest = world.run().owned[0].shard.state.digest  # and a snapshot is kept at the end
    for tp, at in list(world.shelf.listing(0)[0].positions.items()):
        assert one.past.positions[tp] < at
        world.log.trim(tp, at)  # type: ignore[attr-defined]
    owned = Owned(world.place(), 0)
    list(owned.recover(Outbox(world.pipeline, world.log, world.store), one))
    assert owned.shard.state.digest == digest


def test_a_follower_does_not_say_where_the_reading_of_a_shard_begins(tmp_path: Path) -> None:
    fresh = embedded_world(tmp_path, coins())
    fresh.feed(tosses(50))
    one = follower(fresh)
    one.follow(60)
    assert one.past is None, "no owner has begun"
    fresh.log.trim(TopicPartition("coins.events", 0), 10)  # type: ignore[attr-defined]
    owned = Owned(fresh.place(), 0)
    list(owned.recover(Outbox(fresh.pipeline, fresh.log, fresh.store), one))
    assert owned.positions[TopicPartition("coins.events", 0)] == 10
    fresh.log.close()
    fresh.store.close()


def forget(world: World) -> None:
    """Drop all snapshots but the first: who takes the shard has to replay, and what was published is in doubt."""
    with world.store.write() as db:
        db.execute(sa.delete(snapshot_table).where(snapshot_table.c.batch > 0))
