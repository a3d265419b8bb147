"""verify: what a replay finds out about the journal, the snapshots and the topic of predictions."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial import proof, said
from fluvial.errors import Gap
from fluvial.explaining import explain
from fluvial.fingerprint import definition
from fluvial.found import find
from fluvial.runner import Runner
from fluvial.store import decision_table, journal_table, snapshot_table
from fluvial.verify import verify
from tests.fluvial.world import START, World, coins, embedded_world, tosses
from tests.waiting import wait_until

OTHER_MODEL = 'Select("weight") | preprocessing.StandardScaler() | linear_model.LogisticRegression()'


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def world(**changes: object) -> World:
        made.append(embedded_world(tmp_path, coins(**changes)))
        return made[-1]

    yield world
    for one in made:
        one.log.close()
        one.store.close()


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make()


def predictions(world: World, partition: int = 0) -> TopicPartition:
    return TopicPartition(world.pipeline.topic("predictions"), partition)


def publish(world: World, value: bytes, partition: int = 0) -> None:
    world.log.append(
        world.pipeline.topic("predictions"), value, key=b"k", timestamp=START, partition=partition
    )
    world.log.flush()


def decide(world: World, action: str, **args: object) -> None:
    """Tell the shard what to do, as the desk does."""
    row = {"pipeline": "coins", "shard": 0, "action": action, "review": "r", "args": args}
    with world.store.write() as db:
        db.execute(sa.insert(decision_table).values(row))


def until_halted(world: World) -> None:
    """Run a worker until its shard stands still."""
    runner = world.worker(drained=lambda _: False)
    wait_until(lambda: (runner.tick(), world.halted())[1], "the shard is halted")
    runner.should_exit = True
    runner.run()


def changed(world: World, value: bytes, **more: object) -> bytes:
    return json.dumps(json.loads(value) | more, separators=(",", ":")).encode()


def test_all_that_was_published_is_compared(world: World) -> None:
    world.feed(tosses(500))
    world.run()
    found = world.verify()
    assert (found.difference, found.predictions, found.compared) == (None, 500, 500)
    assert found.digest == world.status()["digest"]
    assert (found.unverified, found.others, found.given_up) == ((), {}, 0)


def test_partitions_and_shards_are_compared_each_by_itself(make: Callable[..., World]) -> None:
    world = make(learn="per-partition", partitions=3)
    world.feed(tosses(600))
    world.run()
    found = [world.verify(shard) for shard in range(3)]
    assert [one.difference for one in found] == [None] * 3
    assert sum(one.compared for one in found) == 600
    publish(
        world, changed(world, world.records("predictions")[-1].value or b"", probability=0.5), partition=2
    )
    assert [world.verify(shard).difference is None for shard in range(3)] == [True, True, False]


def test_one_model_over_many_partitions_is_compared_whole(make: Callable[..., World]) -> None:
    world = make(partitions=3)
    world.feed(tosses(600))
    world.run()
    assert (world.verify().difference, world.verify().compared) == (None, 600)


def test_what_was_published_twice_alike_is_fine_even_long_after(world: World) -> None:
    world.feed(tosses(500))
    world.run()
    for record in world.records("predictions")[40:45]:
        publish(world, record.value or b"")
    assert world.verify().difference is None


def test_a_second_different_prediction_is_a_difference(world: World) -> None:
    world.feed(tosses(500))
    world.run()
    record = world.records("predictions")[40]
    publish(world, changed(world, record.value or b"", probability=0.25))
    assert "coins.events:0:40: two different predictions" in (world.verify().difference or "")


def test_a_prediction_that_was_changed_is_shown_beside_what_replay_gives(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.feed(tosses(300))
    append = world.log.append

    def tampering(topic: str, value: bytes | None, **more: object) -> None:
        if topic == predictions(world).topic and b'"coin-77"' in (value or b""):
            value = changed(world, value or b"", probability=0.125)
        append(topic, value, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(world.log, "append", tampering)
    world.run()
    difference = world.verify().difference or ""
    assert difference.startswith("coins.events:0:77: published was {")
    assert '"probability":0.125' in difference
    assert "replay gives {" in difference


def test_a_prediction_that_was_never_published_is_missed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.feed(tosses(300))
    append = world.log.append

    def losing(topic: str, value: bytes | None, **more: object) -> None:
        if topic != predictions(world).topic or b'"coin-77"' not in (value or b""):
            append(topic, value, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(world.log, "append", losing)
    world.run()
    assert world.verify().difference == "coins.events:0:77: its prediction was never published"


def test_predictions_that_retention_removed_are_not_missed(world: World) -> None:
    world.feed(tosses(500))
    world.run()
    world.log.trim(predictions(world), 123)  # type: ignore[attr-defined]
    found = world.verify()
    assert (found.difference, found.predictions, found.compared) == (None, 500, 500 - 123)


def test_a_prediction_of_an_event_that_no_batch_holds_is_a_difference(world: World) -> None:
    world.feed(tosses(300))
    world.run()
    last = world.records("predictions")[-1].value or b""
    publish(world, changed(world, last, source="coins.events:0:900"))
    assert "coins.events:0:900" in (world.verify().difference or "")


def test_a_snapshot_with_another_digest_is_a_difference(world: World) -> None:
    world.feed(tosses(300))
    world.run()
    with world.store.write() as db:
        db.execute(sa.update(snapshot_table).where(snapshot_table.c.batch > 0).values(digest="00"))
    assert "the snapshot's digest is 00" in (world.verify().difference or "")


def test_what_others_put_into_the_topic_of_predictions_is_passed_over(world: World) -> None:
    world.feed(tosses(100))
    world.run()
    for value in (b"\xff", b"[]", b'{"shard": 0, "source": 7}', b'{"shard": 0, "source": "a:b:c"}', b"{}"):
        publish(world, value)
    assert world.verify().difference is None


def test_predictions_of_earlier_definitions_are_counted_and_not_compared(world: World) -> None:
    world.feed(tosses(400))
    world.run()
    before = definition(world.pipeline)
    world.pipeline = world.pipeline.model_copy(update={"model": OTHER_MODEL})
    world.feed(tosses(200, seed=2, first=400))
    world.run()
    assert len(world.records("predictions")) == 600, "what was published is not published again"
    found = world.verify()
    assert (found.difference, found.compared, found.others) == (None, 200, {before: 400})


def test_the_last_batch_before_an_upgrade_may_have_been_published_by_the_new_definition(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.feed(tosses(250))
    crashed_while_publishing(world, monkeypatch)
    before, told = definition(world.pipeline), len(world.records("predictions"))
    old = world.pipeline
    world.pipeline = old.model_copy(update={"model": OTHER_MODEL})
    world.run()
    assert len(world.records("predictions")) == 250
    assert world.verify().difference is None
    # and seen from the old definition, to which somebody goes back
    world.pipeline = old
    found = world.verify()
    assert (found.difference, found.compared) == (None, told)
    assert before not in found.others
    assert sum(found.others.values()) == 250 - told


def crashed_while_publishing(world: World, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """A worker that dies between the journal row of its second batch and the predictions of it."""
    runner = world.worker()
    deliver, calls = runner._outbox.deliver, iter(range(100))

    class Crash(BaseException):
        pass

    def crash() -> None:
        if next(calls) > 1:
            raise Crash
        deliver()

    monkeypatch.setattr(runner._outbox, "deliver", crash)
    with pytest.raises(Crash):
        runner.run()
    world.log._buffer.clear()  # type: ignore[attr-defined]  # the process is gone, and its memory with it
    monkeypatch.undo()
    return runner


def test_where_records_are_gone_it_goes_on_from_the_oldest_snapshot_behind_them(world: World) -> None:
    world.feed(tosses(2000))
    world.run(snapshot_every=300)
    world.log.trim(TopicPartition("coins.events", 0), 700)  # type: ignore[attr-defined]
    found = world.verify()
    ((first, last, why),) = found.unverified
    assert found.difference is None
    assert first == 1
    assert "coins.events:0" in why
    assert last in {kept.batch for kept in world.shelf.listing(0)}
    assert last + found.batches == world.status()["batch"]
    assert found.digest == world.status()["digest"]
    with pytest.raises(Gap, match=r"coins\.events:0"):
        verify(world.place(key=None), 0)


def test_a_gap_that_a_person_accepted_is_passed_over(world: World) -> None:
    world.feed(tosses(1000))
    world.run(snapshot_every=300)
    with world.store.write() as db:  # only the oldest snapshots are left: rows after them have to be given up
        db.execute(sa.delete(snapshot_table).where(snapshot_table.c.batch > 5))
    last = world.journal.reached(0)[0]
    world.log.trim(TopicPartition("coins.events", 0), 700)  # type: ignore[attr-defined]
    until_halted(world)
    decide(world, "accept_gap")
    world.feed(tosses(300, seed=2, first=1000))
    world.run()
    found = world.verify()
    assert found.difference is None
    assert found.given_up > 0
    assert found.given_up + found.compared >= 300
    with pytest.raises(Gap, match="was given up when a gap was accepted"):
        explain(world.place(), find(world.pipeline, world.log, "coin-600", 10_000))
    assert explain(world.place(), find(world.pipeline, world.log, "coin-1100", 10_000)).same
    assert world.journal.reached(0)[0] > last


def test_a_topic_made_anew_is_compared_from_then_on(world: World) -> None:
    world.feed(tosses(1000))
    world.run()
    world.log.delete("coins.events")  # type: ignore[attr-defined]
    world.log.create("coins.events", 1)
    until_halted(world)
    decide(world, "accept_gap")
    world.feed(tosses(400, seed=2, first=1000))
    world.run()
    found = world.verify()
    assert (found.difference, found.compared) == (None, 400)
    assert len(found.unverified) == 1


def test_only_a_window_of_predictions_is_held_in_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "WINDOW", 100)
    monkeypatch.setattr(said, "PAGE", 50)
    held = []
    remember = proof.Proof._remember

    def watching(self: proof.Proof, partition: int, again: proof.Again) -> None:
        remember(self, partition, again)
        held.append(len(self._recent) + sum(len(one._page) for one in self._said.values()))

    monkeypatch.setattr(proof.Proof, "_remember", watching)
    world.feed(tosses(3000))
    world.run()
    assert (world.verify().difference, world.verify().compared) == (None, 3000)
    assert max(held) <= 150


def test_a_rollback_is_replayed(world: World) -> None:
    world.feed(tosses(600))
    world.run()
    batch = world.shelf.listing(0)[0].batch
    decide(world, "rollback", batch=batch)
    world.feed(tosses(300, seed=2, first=600))
    world.run()
    assert world.verify().difference is None
    assert world.verify().compared == 900


def test_the_journal_of_another_definition_with_our_name_is_not_taken_for_ours(world: World) -> None:
    world.feed(tosses(200))
    world.run()
    with world.store.write() as db:
        db.execute(sa.update(journal_table).values(definition="12345678"))
    found = world.verify()
    assert (found.compared, found.others) == (0, {"12345678": 200})
