"""Holdings: shards come and go, and the trouble of one is not the trouble of the others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from consumers.log import LogUnavailable, PartitionsAdded, Unreadable
from consumers.record import TopicPartition
from fluvial.runner import Runner
from fluvial.store import snapshot_table
from tests.fluvial.world import Sole, World, coins, embedded_world, tosses


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    pipeline = coins(learn="per-partition", partitions=2, batch=10, snapshot_every=1_000_000)
    made = embedded_world(tmp_path, pipeline)
    made.feed(tosses(600))
    made.run()
    with made.store.write() as db:  # both have to be replayed from the start
        db.execute(sa.delete(snapshot_table).where(snapshot_table.c.batch > 0))
    yield made
    made.log.close()
    made.store.close()


def owning(world: World, *shards: int) -> tuple[Runner, Sole]:
    """A worker that has been given these shards and has recovered them."""
    runner = world.worker(drained=lambda _: False)
    group = Sole(2)
    group.shards = frozenset(shards)
    for part in (runner, runner._holdings):
        part._membership = group
    while set(runner.owned) != set(shards):
        runner.tick()
    return runner, group


def end(runner: Runner) -> None:
    runner.should_exit = True
    runner.run()


def test_a_shard_that_arrives_leaves_the_others_their_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluvial.holdings.SLICE", 0.0)
    runner, group = owning(world, 0)
    before = runner.owned[0].shard.state.events
    world.feed(tosses(200, seed=2, first=600))
    group.shards = frozenset({0, 1})
    learned_meanwhile = 0
    while 1 not in runner.owned:
        runner.tick()
        learned_meanwhile = runner.owned[0].shard.state.events - before
    assert learned_meanwhile > 20
    while any(
        world.log.spans([tp])[tp].end > at for o in runner.owned.values() for tp, at in o.positions.items()
    ):
        runner.tick()
    end(runner)
    assert [world.verify(shard).difference for shard in (0, 1)] == [None, None]


def test_one_shard_that_cannot_be_read_does_not_hold_up_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = world.log.fetch
    away = True

    def flaky(tp: TopicPartition, start: int, end: int) -> Any:
        if away and tp.partition == 0:
            raise LogUnavailable(f"{tp} gives nothing")
        return fetch(tp, start, end)

    monkeypatch.setattr("fluvial.holdings.RETRY", 0.01)
    monkeypatch.setattr(world.log, "fetch", flaky)
    runner, group = owning(world, 1)
    group.shards = frozenset({0, 1})
    events = runner.owned[1].shard.state.events
    world.feed(tosses(200, seed=2, first=600))
    while runner.owned[1].shard.state.events < events + 80:
        runner.tick()
    assert set(runner.owned) == {1}
    assert runner._holdings.missing() == "shard 0 cannot be taken: coins.events:0 gives nothing"
    away = False
    while 0 not in runner.owned:
        runner.tick()
    assert runner._holdings.missing() == ""
    end(runner)


def test_a_shard_that_is_taken_away_while_it_arrives_is_let_go_unharmed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluvial.holdings.SLICE", 0.0)
    runner, group = owning(world, 0)
    group.shards = frozenset({0, 1})
    runner.tick()
    runner.tick()
    assert set(runner.owned) == {0}
    group.shards = frozenset({0})
    runner.tick()
    assert set(runner.owned) == {0}
    assert runner._holdings.missing() == ""
    end(runner)
    assert world.run().owned.keys() == {0, 1}
    assert [world.verify(shard).difference for shard in (0, 1)] == [None, None]


def test_a_delivery_that_fails_costs_every_shard_on_its_way_its_replay_but_no_prediction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = world.worker()
    deliver, failures = runner._outbox.deliver, iter(["once"])

    def flaky() -> None:
        if next(failures, None):
            world.log._buffer.clear()  # type: ignore[attr-defined]  # what a failed flush forgets
            raise LogUnavailable("the broker is away")
        deliver()

    monkeypatch.setattr("fluvial.holdings.RETRY", 0.01)
    monkeypatch.setattr("fluvial.runner.RETRY", 0.01)
    monkeypatch.setattr(runner._outbox, "deliver", flaky)
    world.feed(tosses(100, seed=3, first=600))
    runner.run()
    assert [world.verify(shard).difference for shard in (0, 1)] == [None, None]
    assert sum(world.status(shard)["events"] for shard in (0, 1)) == 700


def test_records_that_cannot_be_read_halt_their_shard_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, _ = owning(world, 0, 1)
    events = TopicPartition(world.pipeline.topic("events"), 1)
    assert runner._aligned is not None
    poll, damaged = runner._aligned._tail.poll, iter([Unreadable(f"{events}: a damaged batch", [events])])

    def flaky(timeout: float) -> Any:
        if error := next(damaged, None):
            raise error
        return poll(timeout)

    monkeypatch.setattr(runner._aligned._tail, "poll", flaky)
    runner.tick()
    assert set(runner.owned) == {0}
    assert "a damaged batch" in (world.halted(1) or "")
    before = runner.owned[0].shard.state.events
    world.feed(tosses(100, seed=2, first=600))
    while runner.owned[0].shard.state.events < before + 20:
        runner.tick()
    end(runner)


def test_partitions_that_were_added_stop_the_shards_until_the_file_knows_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, _ = owning(world, 0, 1)
    assert runner._aligned is not None
    events = world.pipeline.topic("events")
    describe = world.log.describe

    def grown(topics: Any) -> Any:
        found = describe(topics)
        return found | ({events: found[events]._replace(partitions=3)} if events in found else {})

    def added(_: float) -> Any:
        raise PartitionsAdded(events, 2, 3)

    monkeypatch.setattr("fluvial.holdings.RETRY", 0.0)
    monkeypatch.setattr(runner._aligned._tail, "poll", added)
    monkeypatch.setattr(world.log, "describe", grown)
    for _ in range(3):
        runner.tick()
    assert not runner.owned
    assert "has 3 partitions, the pipeline file says 2: write 3 there" in (world.halted(0) or "")
    end(runner)


def test_a_write_that_was_refused_is_on_record_although_nothing_can_be_delivered_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, _ = owning(world, 0, 1)
    world.journal.acquire(0, "another worker")

    def away() -> None:
        raise LogUnavailable("the log is away")

    def tick_for_ever() -> None:
        while True:
            runner.tick()

    monkeypatch.setattr(runner._outbox, "deliver", away)
    world.feed(tosses(200, seed=2, first=600))
    with pytest.raises(LogUnavailable):
        tick_for_ever()
    assert [(kind, what) for kind, _, _, what in world.journal.refusals(0)] == [("write", "journal")]
    monkeypatch.undo()
    end(runner)
