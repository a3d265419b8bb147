"""The loop: what a worker learns, publishes, survives and obeys."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.record import TopicPartition
from fluvial.incidents import Incidents
from fluvial.outputs import Outbox
from fluvial.owned import Owned
from fluvial.store import StoreUnavailable
from tests.fluvial.world import World, coins, embedded_world, tosses


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[World]:
    made = embedded_world(tmp_path, coins(), store_url)
    yield made
    made.log.close()
    made.store.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    made = embedded_world(tmp_path, coins())
    yield made
    made.log.close()
    made.store.close()


def test_every_event_is_predicted_and_every_label_learned_once(world: World) -> None:
    world.feed(tosses(2000))
    world.run()
    status = world.status()
    assert status["events"] == status["predictions"] == 2000
    assert status["outcomes"]["learned"] == status["fates"]["used"] == 2000
    assert len(world.records("predictions")) == 2000
    assert status["scores"]["model"]["rocauc"] > 0.9
    assert world.verify().difference is None


def test_a_second_worker_goes_on_where_the_first_ended(small: World) -> None:
    small.feed(tosses(500))
    small.run()
    batches = small.status()["batch"]
    assert small.run().owned[0].shard.state.batch == batches
    small.feed(tosses(500, seed=2, first=500))
    small.run()
    assert small.status()["events"] == 1000
    assert len(small.records("predictions")) == 1000
    assert small.verify().difference is None


def test_while_a_worker_runs_the_collector_leaves_alone_what_was_there_before(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver, left_alone = Outbox.deliver, []

    def delivered(outbox: Outbox) -> None:
        left_alone.append(gc.get_freeze_count())
        deliver(outbox)

    monkeypatch.setattr(Outbox, "deliver", delivered)
    small.feed(tosses(10))
    small.run()
    assert min(left_alone) > 10_000
    assert gc.get_freeze_count() == 0


def test_a_clean_stop_leaves_nothing_to_replay(small: World) -> None:
    small.feed(tosses(300))
    small.run()
    newest = small.shelf.listing(0)[0]
    assert newest.batch == small.status()["batch"]
    assert small.journal.batches(0, newest.batch) == []
    again = Owned(small.place(worker="again"), 0)
    assert list(again.recover(Outbox(small.pipeline, small.log, small.store))) == []
    assert again.shard.state.events == 300


def test_without_any_snapshot_the_journal_alone_gives_the_same_model(small: World) -> None:
    small.feed(tosses(800))
    before = small.run().owned[0].shard.state.digest
    _spoil_snapshots(small)
    runner = small.run()
    assert runner.owned[0].shard.state.digest == before
    assert len(small.records("predictions")) == 800, "nothing that was published is published again"


def test_the_size_of_batches_changes_nothing(tmp_path: Path) -> None:
    digests = set()
    for batch in (1, 7, 1000):
        folder = tmp_path / str(batch)
        folder.mkdir()
        world = embedded_world(folder, coins())
        world.feed(tosses(400))
        digests.add(world.run(batch=batch).owned[0].shard.state.digest)
        world.log.close()
        world.store.close()
    assert len(digests) == 1


def test_a_pause_stops_learning_while_predictions_go_on_and_survives_a_restart(world: World) -> None:
    world.feed(tosses(500))
    world.run()
    world.decide("pause")
    world.run()
    world.feed(tosses(500, seed=2, first=500))
    world.run()
    status = world.status()
    assert status["paused"]
    assert status["outcomes"]["learned"] == 500
    assert status["outcomes"]["predict_only"] == 500
    assert status["predictions"] == 1000
    world.decide("resume")
    world.run()
    world.feed(tosses(100, seed=3, first=1000))
    world.run()
    assert world.status()["outcomes"]["learned"] == 600
    assert world.verify().difference is None


def test_replaying_decisions_changes_nothing(small: World) -> None:
    small.feed(tosses(300))
    small.run()
    small.decide("pause")
    small.run()
    small.decide("reset")
    small.run()
    small.feed(tosses(300, seed=2, first=300))
    digest = small.run().owned[0].shard.state.digest
    _spoil_snapshots(small)
    again = small.run().owned[0]
    assert again.shard.state.digest == digest
    assert again.shard.state.learner.paused
    assert again.shard.state.learner.version == 2
    decided = [d.action for batch in small.journal.batches(0, 0) for d in batch.decisions]
    assert decided == ["pause", "reset"]


def test_a_drift_opens_one_incident_that_a_person_can_decide_on(world: World) -> None:
    world.feed(tosses(6000, flip_after=3000))
    world.run()
    (incident,) = Incidents(world.store).listing()
    assert incident.state == "firing"
    found = Incidents(world.store).get(incident.id).evidence
    evidence = next(one for one in found if one["severity"] == "page")
    assert evidence["monitor"] in ("loss", "estimated_loss"), (
        "labels come late here: what is expected may say so first"
    )
    assert evidence["direction"] == "worse"
    assert abs(evidence["onset"] - (1_700_000_000 + 3000)) < 200
    world.decide("acknowledge", incident=incident.id)
    world.decide("reset", incident=incident.id)
    runner = world.run()
    assert runner.owned[0].shard.state.learner.version == 2
    announced = [json.loads(record.value or b"") for record in world.records("incidents")]
    assert [found["state"] for found in announced][-1] == "acknowledged"


def test_bad_records_are_set_aside_with_reason_and_place(small: World) -> None:
    events = small.pipeline.topic("events")
    small.feed(tosses(50))
    for value in (b"\xff\xfe", b"[]", b'{"id": "x"}', None):
        small.log.append(events, value, key=b"k", timestamp=1_700_000_100_000)
    small.log.append(
        small.pipeline.topic("labels"), b'{"id": "coin-1", "label": "heads"}', timestamp=1_700_000_100_000
    )
    small.log.flush()
    small.run()
    status = small.status()
    assert status["events"] == 53
    assert status["outcomes"]["quarantined"] == 3
    assert status["fates"]["quarantined"] == 1
    assert status["ignored"] == 1
    aside = [json.loads(record.value or b"") for record in small.records("quarantine")]
    reasons = {(found["stream"], found["reason"]) for found in aside}
    assert reasons == {
        ("events", "not_json"), ("events", "not_an_object"), ("events", "missing_field"), ("labels", "unknown_label"),
    }  # fmt: skip
    assert all(found["offset"] >= 0 for found in aside)


def test_a_fenced_worker_writes_nothing_and_takes_the_shard_back_when_it_is_still_assigned(
    small: World,
) -> None:
    small.feed(tosses(200))
    runner = small.worker()
    while not runner.owned:
        runner.tick()
    small.journal.acquire(0, "thief")
    while runner.owned:
        runner.tick()
    assert small.journal.batches(0, 0) == [] or max(b.number for b in small.journal.batches(0, 0)) < 3
    runner.run()
    assert small.status()["events"] == 200
    assert small.verify().difference is None


def test_a_gap_in_the_log_halts_the_shard_and_names_what_is_missing(small: World) -> None:
    small.feed(tosses(500))
    small.run()
    _spoil_snapshots(small)
    small.log.trim(TopicPartition(small.pipeline.topic("events"), 0), 100)  # type: ignore[attr-defined]
    runner = small.worker(drained=lambda r: False)
    while small.halted() is None:
        runner.tick()
    runner.should_exit = True
    runner.run()
    assert "coins.events:0" in (small.halted() or "")
    assert not runner.owned


def test_a_topic_made_anew_halts_the_shard(small: World) -> None:
    small.feed(tosses(100))
    small.run()
    small.log.delete(small.pipeline.topic("events"))  # type: ignore[attr-defined]
    small.log.create(small.pipeline.topic("events"), 1)
    runner = small.worker(drained=lambda r: False)
    while small.halted() is None:
        runner.tick()
    runner.should_exit = True
    runner.run()
    assert "made anew" in (small.halted() or "")


def test_what_was_journaled_but_not_published_is_published_once_the_worker_is_back(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.feed(tosses(300))
    runner = small.worker()
    while not runner.owned:
        runner.tick()

    class Crash(BaseException):
        pass

    def crash() -> None:
        raise Crash

    monkeypatch.setattr(runner._outbox, "deliver", crash)
    with pytest.raises(Crash):
        runner.run()
    small.log._buffer.clear()  # type: ignore[attr-defined]  # the process is gone, and its memory with it
    journaled = small.journal.batches(0, 0)[-1]
    assert journaled.number == journaled.published + 1
    assert len(small.records("predictions")) < sum(
        r.count for b in small.journal.batches(0, 0) for r in b.ranges.values()
    )
    small.run()
    assert len(small.records("predictions")) == 300
    assert small.verify().difference is None


def test_a_store_that_is_away_costs_the_shard_but_no_record(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.feed(tosses(300))
    runner = small.worker()
    append, failures = runner._journal.append, iter(["first", "second"])

    def flaky(entries: object) -> list[int]:
        if next(failures, None):
            raise StoreUnavailable("the store is locked: wait")
        return append(entries)  # type: ignore[arg-type]

    monkeypatch.setattr("fluvial.holdings.RETRY", 0.01)
    monkeypatch.setattr("fluvial.runner.RETRY", 0.01)
    monkeypatch.setattr(runner._journal, "append", flaky)
    runner.run()
    assert small.status()["events"] == 300
    assert small.verify().difference is None


def test_a_model_that_fails_halts_its_shard_and_not_the_worker(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.feed(tosses(100))
    runner = small.worker(drained=lambda r: False)
    while not runner.owned:
        runner.tick()

    def fail(*_: object) -> None:
        raise TypeError("unsupported operand")

    monkeypatch.setattr(runner.owned[0].shard.state.learner.task, "learn", fail)
    while small.halted() is None:
        runner.tick()
    assert "TypeError" in (small.halted() or "")
    runner.should_exit = True
    runner.run()


def test_one_shard_for_each_partition_keeps_keys_apart(tmp_path: Path) -> None:
    world = embedded_world(tmp_path, coins(learn="per-partition", partitions=3))
    world.feed(tosses(900))
    runner = world.run()
    assert sorted(runner.owned) == [0, 1, 2]
    assert sum(world.status(shard)["events"] for shard in range(3)) == 900
    assert sum(world.status(shard)["outcomes"]["learned"] for shard in range(3)) == 900
    assert all(world.verify(shard).difference is None for shard in range(3))
    world.log.close()
    world.store.close()


def test_a_backlog_of_sixty_thousand_events_and_labels_loses_none(small: World) -> None:
    small.feed(tosses(60_000))
    small.run(batch=2000, snapshot_every=1_000_000)
    status = small.status()
    assert status["outcomes"]["learned"] == 60_000
    assert status["fates"] == dict.fromkeys(status["fates"], 0) | {"used": 60_000}


def _spoil_snapshots(world: World) -> None:
    """Make every snapshot unusable: a bit of each is flipped."""
    import sqlalchemy as sa  # noqa: PLC0415

    from fluvial.store import snapshot_table  # noqa: PLC0415

    with world.store.write() as db:
        for row in db.execute(sa.select(snapshot_table)).all():
            body = bytearray(row.body)
            body[-1] ^= 1
            update = sa.update(snapshot_table).where(snapshot_table.c.batch == row.batch)
            db.execute(update.values(body=bytes(body)))
