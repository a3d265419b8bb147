"""A shard that stands still: why, for how long, what a person decides, and what it has cost then."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.log import RangeLost, Unreadable
from consumers.record import TopicPartition
from fluvial.follower import REST, Follower
from fluvial.history import History
from fluvial.holdings import AGAIN
from fluvial.incidents import Incident, Incidents
from fluvial.journal import Batch
from fluvial.keeper import Keeper
from fluvial.owned import Owned
from fluvial.reviews import NotPossible
from fluvial.runner import Runner
from fluvial.signing import of_store, signed
from learners.task import BinaryTask
from tests.fluvial.world import KEY, START, World, coins, embedded_world, tosses
from tests.monitors.scrape import Scrape
from tests.waiting import wait_until

EVENTS, LABELS = (TopicPartition(f"coins.{role}", 0) for role in ("events", "labels"))


class Crash(BaseException):
    """What a killed process feels: nothing."""


class Clock:
    """The machine's clock, which can be put forward."""

    def __init__(self) -> None:
        import time  # noqa: PLC0415

        self._time, self._ahead = time, 0.0

    def monotonic(self) -> float:
        return self._time.monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        self._time.sleep(min(seconds, 0.001))

    def skip(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look for decisions, and try again what they lost, at once."""
    monkeypatch.setattr("fluvial.holdings.RETRY", 0.01)
    monkeypatch.setattr("fluvial.holdings.LOOK", 0.01)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes worlds and closes them in the end."""
    made: list[World] = []

    def build(store_url: str | None = None, **changes: object) -> World:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(embedded_world(folder, coins(**({"snapshot_every": 1_000_000} | changes)), store_url))
        return made[-1]

    yield build
    for world in made:
        world.log.close()
        world.store.close()


def turn(runner: Runner, until: Callable[[], Any], what: str = "the loop comes to it") -> None:
    """Let a worker work until something holds."""

    def once() -> Any:
        runner.tick()
        return until()

    wait_until(once, what, every_s=0)


def leave(runner: Runner) -> None:
    """Stop a worker in good order."""
    runner.should_exit = True
    runner.run()


def halt(world: World, shard: int = 0, **changes: Any) -> Runner:
    """A worker that finds out that a shard cannot go on."""
    runner = world.worker(drained=lambda r: False, **changes)
    turn(runner, lambda: world.halted(shard) is not None, "the shard is halted")
    return runner


def go_on(world: World, runner: Runner, shard: int = 0) -> None:
    """Let the worker take up what was decided and read all there is, and stop it."""
    turn(runner, lambda: shard in runner.owned, "the shard goes on")
    turn(runner, lambda: world.at_end(runner), "all is read")
    leave(runner)


def incident_of(world: World, shard: int = 0) -> Incident:
    """The newest incident of a shard that stands still or stood."""
    found = Incidents(world.store)
    ids = [one.id for one in found.listing() if one.monitor == "halt" and one.shard == shard]
    return found.get(ids[0])


def gap_row(world: World, shard: int = 0) -> tuple[Batch, dict[str, Any]]:
    """The only row that accepts a gap, and what it says was given up."""
    (row,) = [
        row
        for row in world.journal.rows_with(shard, "accept_gap")
        if any("after" in decision.args for decision in row.decisions)
    ]
    return row, dict(next(one.args for one in row.decisions if one.action == "accept_gap"))


def predicted(world: World) -> int:
    """How many different events were predicted."""
    return len({json.loads(record.value or b"")["source"] for record in world.records("predictions")})


def torn(world: World, shard: int = 0, *, trimmed: bool = True) -> int:
    """Retention eats journaled ranges, and of the snapshots only an early one is sound; returns its batch."""
    records = list(tosses(900))
    for n in range(0, len(records), 500):  # a worker that stops stores a snapshot, however slow the disk is
        world.feed(iter(records[n : n + 500]))
        world.run()
    kept = sorted(one.batch for one in world.shelf.listing(shard) if one.batch)[1]
    world.spoil(shard, keep=[kept])
    if trimmed:
        trim_after(world, kept, shard)
    return kept


def trim_after(world: World, batch: int, shard: int = 0) -> None:
    """Let retention eat into the records of the batch after this one."""
    first = world.journal.batches(shard, batch, batch + 1)[0]
    world.trim("events", first.ranges[TopicPartition(EVENTS.topic, shard)].start + 1, shard)


def given_up(world: World, after: int, shard: int = 0) -> dict[str, Any]:
    """What must be given up after a batch, counted in the journal."""
    rows = world.journal.batches(shard, after)
    ends = {str(tp): done.end for row in world.journal.batches(shard, 0) for tp, done in row.ranges.items()}
    return {
        "after": after,
        "batches": len(rows),
        "records": sum(done.count for row in rows for done in row.ranges.values()),
        "positions": ends,
        "skipped": {},
    }


# ---- retention


def test_a_shard_whose_journaled_records_are_gone_says_what_accepting_that_would_cost(
    make: Callable[..., World], store_url: str
) -> None:
    world = make(store_url)
    kept = torn(world)
    leave(halt(world))
    incident = incident_of(world)
    assert (incident.state, incident.shard, incident.alarms) == ("firing", 0, 1)
    (evidence,) = incident.evidence
    assert evidence["why"] == world.halted()
    assert "coins.events:0" in evidence["why"]
    assert evidence["gives_up"] == given_up(world, kept)


def test_accepting_the_gap_lets_the_shard_go_on_and_the_journal_says_what_it_cost(
    make: Callable[..., World], store_url: str
) -> None:
    world = make(store_url)
    kept = torn(world)
    cost = given_up(world, kept)
    last = world.owner().last_batch
    runner = halt(world)
    learned = world.journal.batches(0, 0, kept)
    review = world.decide("accept_gap", incident=incident_of(world).id, reason="the disk was full")
    world.feed(tosses(200, seed=2, first=900))
    go_on(world, runner)
    row, said = gap_row(world)
    assert (row.number, row.ranges, said) == (last + 1, {}, cost)
    assert [decision.review for decision in row.decisions] == [review.id]
    events = sum(done.count for row in learned for tp, done in row.ranges.items() if tp == EVENTS)
    assert world.status()["events"] == events + 200
    assert predicted(world) == 1100, "what was said before is not taken back, and nothing is said twice"
    closed = incident_of(world)
    assert (closed.resolved_by, closed.verdict, world.halted()) == ("fluvial", "went_on", None)
    assert world.journal.pending(0) == []


def test_what_remains_behind_a_gap_can_be_verified_and_the_rest_is_named(make: Callable[..., World]) -> None:
    world = make()
    torn(world)
    runner = halt(world)
    world.decide("accept_gap", shard=0)
    leave_when_taken(world, runner)
    row, said = gap_row(world)
    world.feed(tosses(400, seed=2, first=900))
    world.run()
    verdict = world.verify()
    forgotten = world.journal.batches(0, said["after"], row.number - 1)
    events = sum(done.count for one in forgotten for tp, done in one.ranges.items() if tp == EVENTS)
    assert (verdict.difference, verdict.given_up) == (None, events)
    assert [(one.first, one.last) for one in verdict.unverified] == [(1, said["after"])]
    assert verdict.compared == 400


def test_the_other_shards_of_the_worker_go_on_while_one_stands_still(make: Callable[..., World]) -> None:
    world = make(learn="per-partition", partitions=3)
    kept = torn(world, shard=1)
    cost = given_up(world, kept, shard=1)
    runner = halt(world, shard=1)
    before = [world.status(shard)["events"] for shard in range(3)]
    world.feed(tosses(600, seed=2, first=900))
    turn(
        runner, lambda: sum(o.shard.state.events for o in runner.owned.values()) - before[0] - before[2] > 300
    )
    assert sorted(runner.owned) == [0, 2]
    assert world.status(1)["events"] == before[1]
    world.decide("accept_gap", shard=1)
    go_on(world, runner, shard=1)
    row, said = gap_row(world, 1)
    assert (said, row.decisions[0].action) == (cost, "accept_gap")
    assert [world.journal.rows_with(shard, "accept_gap") for shard in (0, 2)] == [[], []]
    assert sum(world.status(shard)["events"] for shard in (0, 2)) + before[1] < 1500
    assert all(world.verify(shard).difference is None for shard in (0, 2))


def test_what_can_be_replayed_is_not_given_up_with_the_rest(make: Callable[..., World]) -> None:
    world = make()
    stream = list(tosses(600))
    world.feed(one for one in stream if one[0] == "events")
    world.run()
    events_only = world.owner().last_batch
    world.feed(one for one in stream if one[0] == "labels")
    world.run()
    world.spoil()
    world.trim("labels", 1)
    runner = halt(world)
    assert incident_of(world).evidence[-1]["gives_up"] == given_up(world, events_only)
    world.decide("accept_gap", shard=0)
    leave_when_taken(world, runner)
    assert gap_row(world)[1]["after"] == events_only
    status = world.status()
    assert (status["events"], status["waiting"]) == (600, 600)


@pytest.mark.parametrize("size", [7, 100, 1000])
def test_a_replay_goes_over_the_gap_exactly_as_the_shard_did(make: Callable[..., World], size: int) -> None:
    world = make()
    kept = torn(world)
    runner = halt(world)
    world.decide("accept_gap", shard=0)
    leave_when_taken(world, runner)
    world.feed(tosses(400, seed=2, first=900))
    live = world.run(batch=size).owned[0].shard.state
    world.spoil(keep=[kept])
    again = world.run().owned[0].shard.state
    assert (again.digest, again.batch) == (live.digest, live.batch)
    assert again.batch > gap_row(world)[0].number > kept


def leave_when_taken(world: World, runner: Runner, shard: int = 0) -> None:
    """Let the worker go on over the gap and stop it there."""
    turn(runner, lambda: shard in runner.owned, "the shard goes on")
    turn(runner, lambda: not world.journal.pending(shard))
    leave(runner)


def test_a_second_gap_goes_on_from_where_the_first_had_led(make: Callable[..., World]) -> None:
    world = make()
    torn(world)
    runner = halt(world)
    world.feed(tosses(300, seed=2, first=900))
    world.trim("events", 1000)
    world.trim("labels", 950)
    world.decide("accept_gap", shard=0)
    leave_when_taken(world, runner)
    first = gap_row(world)[1]
    assert first["skipped"] == {str(EVENTS): [900, 1000], str(LABELS): [900, 950]}
    world.run()
    world.spoil()
    runner = halt(world)
    world.decide("accept_gap", shard=0)
    world.feed(tosses(50, seed=3, first=1200))
    go_on(world, runner)
    second = world.journal.rows_with(0, "accept_gap")[-1]
    said = second.decisions[0].args
    assert (said["after"], said["skipped"]) == (0, {})
    assert said["positions"] == {str(EVENTS): 1200, str(LABELS): 1200}
    void = world.journal.batches(0, first["after"], world.journal.rows_with(0, "accept_gap")[0].number - 1)
    rows = [row for row in world.journal.batches(0, 0, second.number - 1) if row not in void]
    assert said["records"] == sum(done.count for row in rows for done in row.ranges.values())
    assert world.status()["events"] == 50


# ---- restarts


def survive(world: World) -> None:
    """See that the gap is accepted once and for all, whatever happened on the way."""
    live = world.run().owned[0].shard.state
    row, said = gap_row(world)
    assert (world.journal.pending(0), world.halted()) == ([], None)
    incident = incident_of(world)
    assert (incident.verdict, incident.alarms) == ("went_on", 1)
    world.spoil(keep=[said["after"]])
    again = world.run().owned[0].shard.state
    assert (again.digest, again.batch) == (live.digest, live.batch)
    assert again.batch >= row.number
    assert incident_of(world) == incident, "a restart opens nothing again"
    assert len([one for one in Incidents(world.store).listing() if one.monitor == "halt"]) == 1


def test_a_worker_that_dies_before_the_decision_keeps_it_standing_still(make: Callable[..., World]) -> None:
    world = make()
    torn(world)
    for _ in range(3):
        leave(halt(world))
    assert (incident_of(world).alarms, incident_of(world).version) == (1, 1), "nothing new has happened"
    world.decide("accept_gap", shard=0)
    survive(world)


CRASHES = {
    "before the row is written": ("fluvial.owned.Owned.accept", "before"),
    "when the row is written": ("fluvial.owned.Owned.accept", "after"),
    "before the snapshot": ("fluvial.keeper.Keeper.pin", "before"),
    "after the snapshot": ("fluvial.keeper.Keeper.pin", "after"),
    "before the incident is closed": ("fluvial.incidents.Incidents.went_on", "before"),
}


@pytest.mark.parametrize("stage", CRASHES)
def test_a_worker_that_dies_while_it_takes_the_decision_up_loses_nothing_of_it(
    make: Callable[..., World], monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    world = make()
    torn(world)
    runner = halt(world)
    world.decide("accept_gap", incident=incident_of(world).id)
    name, when = CRASHES[stage]
    owner: Any = {"Owned": Owned, "Keeper": Keeper, "Incidents": Incidents}[name.split(".")[2]]
    method = getattr(owner, name.split(".")[3])

    def crash(*args: Any, **more: Any) -> None:
        if when == "after":
            method(*args, **more)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(name, crash)
        with pytest.raises(Crash):
            runner.run()
    world.log._buffer.clear()  # type: ignore[attr-defined]  # the memory of the process is gone
    survive(world)


@pytest.mark.parametrize("dies_again", [False, True])
def test_what_was_journaled_before_the_gap_and_not_published_is_published(
    make: Callable[..., World], monkeypatch: pytest.MonkeyPatch, dies_again: bool
) -> None:
    world = make()
    world.feed(tosses(300))
    runner = world.worker()
    turn(runner, lambda: 0 in runner.owned)

    def crash() -> None:
        raise Crash

    monkeypatch.setattr(runner._outbox, "deliver", crash)
    with pytest.raises(Crash):
        runner.run()
    world.log._buffer.clear()  # type: ignore[attr-defined]
    journaled = sum(
        r.count for row in world.journal.batches(0, 0) for tp, r in row.ranges.items() if tp == EVENTS
    )
    assert len(world.records("predictions")) < journaled
    world.delete("labels")
    world.log.create(LABELS.topic, 1)
    world.feed(one for one in tosses(300) if one[0] == "labels")
    runner = halt(world)
    assert "labels was made anew" in (world.halted() or "")
    assert incident_of(world).evidence[-1]["gives_up"]["records"] == 0
    assert len(world.records("predictions")) < journaled, "a shard that stands still says nothing"
    world.decide("accept_gap", shard=0)
    if dies_again:
        accept = Owned.accept
        with monkeypatch.context() as patch:
            patch.setattr(Owned, "accept", lambda *args, **more: (accept(*args, **more), crash()))
            with pytest.raises(Crash):
                runner.run()
        world.log._buffer.clear()  # type: ignore[attr-defined]
        runner = world.worker(drained=lambda r: False)
    turn(runner, lambda: 0 in runner.owned)
    assert predicted(world) >= journaled
    go_on(world, runner)
    assert predicted(world) == 300
    assert len(world.records("predictions")) == 300, "nothing was said twice"


def test_a_standby_that_has_followed_what_was_given_up_starts_again(make: Callable[..., World]) -> None:
    world, clock = make(), Clock()
    kept = torn(world, trimmed=False)
    standby = Follower(History(world.place(), 0), clock)
    standby.follow(60)
    assert standby.past is not None
    assert standby.past.batch > kept
    trim_after(world, kept)
    runner = halt(world)
    world.decide("accept_gap", shard=0)
    leave_when_taken(world, runner)
    for _ in range(2):
        standby.follow(60)
        clock.skip(REST + 1)
    assert standby.past.shard.state.digest == world.run().owned[0].shard.state.digest


def test_accepting_the_same_gap_twice_changes_nothing(make: Callable[..., World]) -> None:
    world = make()
    torn(world)
    runner = halt(world)
    incident = incident_of(world).id
    first = world.decide("accept_gap", incident=incident, id="once")
    assert world.decide("accept_gap", incident=incident, id="once").repeated
    assert world.decide("accept_gap", shard=0).repeated
    leave_when_taken(world, runner)
    assert world.decide("accept_gap", incident=incident, id="once") == first._replace(repeated=True)
    assert world.decide("accept_gap", incident=incident) == first._replace(repeated=True)
    with pytest.raises(NotPossible, match="does not stand still"):
        world.decide("accept_gap", shard=0)
    survive(world)


# ---- by itself, and from elsewhere


def test_a_shard_that_misses_records_is_tried_again_every_minute(
    make: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, clock = make(), Clock()
    world.feed(tosses(300))
    digest = world.run().owned[0].shard.state.digest
    world.spoil()

    def lost(tp: TopicPartition, start: int, end: int) -> Any:
        raise RangeLost(f"{tp} is being restored")

    with monkeypatch.context() as patch:
        patch.setattr(world.log, "fetch", lost)
        runner = world.worker(drained=lambda r: False, timing=clock)
        turn(runner, lambda: world.halted() is not None)
        for tries in range(1, 4):
            assert world.owner().epoch == tries + 1
            clock.skip(AGAIN - 5)
            for _ in range(3):
                runner.tick()
            assert world.owner().epoch == tries + 1, "not yet"
            clock.skip(6)
            turn(runner, lambda tries=tries: world.owner().epoch > tries + 1 and 0 in runner._holdings.halted)
    assert (incident_of(world).state, incident_of(world).alarms) == ("firing", 1)
    clock.skip(AGAIN + 1)
    turn(runner, lambda: 0 in runner.owned, "the records are back")
    assert runner.owned[0].shard.state.digest == digest
    assert (incident_of(world).resolved_by, incident_of(world).verdict) == ("fluvial", "went_on")
    leave(runner)
    assert world.journal.rows_with(0, "accept_gap") == []


def test_while_its_only_shard_stands_still_a_worker_serves_the_desk(make: Callable[..., World]) -> None:
    world = make()
    torn(world)
    runner = halt(world)
    turn(runner, lambda: world.records("incidents"), "the incident is announced")
    turn(
        runner, lambda: Scrape(world.registry).one("fluvial_incidents", pipeline="coins", state="firing") == 1
    )
    assert Scrape(world.registry).one("fluvial_shard_halted", pipeline="coins", shard="0") == 1
    message = {"action": "accept_gap", "incident": incident_of(world).id, "who": "ann", "id": "r1"}
    sealed = json.dumps(signed(message, of_store(KEY))).encode()
    world.log.append(world.pipeline.topic("reviews"), sealed, key=b"r1", timestamp=START, partition=0)
    world.log.flush()
    go_on(world, runner)
    assert gap_row(world)[0].decisions[0].review == "r1"
    told = [json.loads(record.value or b"") for record in world.records("incidents")]
    assert (told[0]["state"], told[-1]["state"]) == ("firing", "resolved")
    assert told[0]["evidence"][0]["gives_up"]["batches"] > 0
    assert told[-1]["verdict"] == "went_on"


# ---- a reader that retention overtakes


def test_a_reader_that_retention_overtakes_keeps_all_that_it_has_learned(make: Callable[..., World]) -> None:
    world = make()
    world.feed(tosses(500))
    runner = world.worker(drained=lambda r: False)
    turn(runner, lambda: 0 in runner.owned)
    turn(runner, lambda: world.at_end(runner))
    digest, batch = runner.owned[0].shard.state.digest, runner.owned[0].shard.state.batch
    world.feed(tosses(300, seed=2, first=500))
    world.trim("events", 700)
    turn(runner, lambda: world.halted() is not None)
    assert "coins.events:0 holds offsets 700 to 800; the next to be learned is 500" in (world.halted() or "")
    cost = {"after": batch, "batches": 0, "records": 0, "skipped": {str(EVENTS): [500, 700]}}
    assert incident_of(world).evidence[-1]["gives_up"] == cost | {
        "positions": {str(EVENTS): 700, str(LABELS): 500}
    }
    world.decide("accept_gap", shard=0)
    turn(runner, lambda: 0 in runner.owned)
    assert runner.owned[0].shard.state.digest == digest
    turn(runner, lambda: world.at_end(runner))
    leave(runner)
    assert world.status()["events"] == 600
    assert world.run().owned[0].shard.state.events == 600


# ---- topics


def test_a_topic_that_was_deleted_must_be_there_before_anybody_can_accept_the_loss(
    make: Callable[..., World],
) -> None:
    world = make()
    world.feed(tosses(300))
    runner = world.worker(drained=lambda r: False)
    turn(runner, lambda: 0 in runner.owned)
    turn(runner, lambda: world.at_end(runner))
    world.delete("events")
    turn(runner, lambda: world.halted() is not None)
    assert "coins.events does not exist: create it" in (world.halted() or "")
    with pytest.raises(NotPossible, match="nobody can say before what is lost"):
        world.decide("accept_gap", shard=0)
    world.log.create(EVENTS.topic, 1)
    world.feed(tosses(200, seed=2, first=300))
    world.decide("resume_shard", incident=incident_of(world).id)
    turn(runner, lambda: "made anew" in (world.halted() or ""))
    incident = incident_of(world)
    assert [one["gives_up"] is None for one in incident.evidence] == [True, False]
    assert incident.evidence[-1]["gives_up"]["skipped"] == {str(EVENTS): [300, 0]}
    (tried,) = world.journal.pending(0)
    assert "made anew" in tried.args["tried"]
    world.decide("accept_gap", incident=incident.id)
    go_on(world, runner)
    assert world.status()["events"] == 500
    assert world.owner().topic_ids == {
        name: info.id for name, info in world.log.describe([EVENTS.topic, LABELS.topic]).items()
    }
    world.feed(tosses(100, seed=3, first=500))
    assert world.run().owned[0].shard.state.events == 600


def test_a_topic_made_anew_just_before_its_reader_is_opened_is_not_learned_from(
    make: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make()
    world.feed(tosses(300))
    world.run()
    tail = world.log.tail

    def late(positions: Any) -> Any:
        monkeypatch.setattr(world.log, "tail", tail)
        world.delete("events")
        world.log.create(EVENTS.topic, 1)
        world.feed(one for one in tosses(400, seed=2) if one[0] == "events")
        return tail(positions)

    monkeypatch.setattr(world.log, "tail", late)
    halt(world)
    assert "coins.events was made anew" in (world.halted() or "")
    assert world.status()["events"] == 300


def test_a_log_that_was_cut_back_is_read_from_its_end(make: Callable[..., World]) -> None:
    world = make()
    world.feed(tosses(500))
    world.run()
    world.delete("events")
    world.log.create(EVENTS.topic, 1)
    world.feed(one for one in tosses(300) if one[0] == "events")
    ids = {name: info.id for name, info in world.log.describe([EVENTS.topic, LABELS.topic]).items()}
    world.journal.remember_topics(
        0, world.journal.acquire(0, "a broker").epoch, ids
    )  # it was cut, not made anew
    runner = halt(world)
    assert "holds offsets 0 to 300; the next to be learned is 500" in (world.halted() or "")
    world.decide("accept_gap", shard=0)
    turn(runner, lambda: 0 in runner.owned)
    assert gap_row(world)[1]["skipped"] == {str(EVENTS): [500, 300]}
    world.feed(tosses(100, seed=2, first=500))
    go_on(world, runner)
    assert world.status()["events"] == 600
    assert world.run().owned[0].shard.state.events == 600


# ---- a model that fails


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes every model fail on the event of that number: `poison(450)`."""

    def put(number: int) -> None:
        events = (json.loads(value) for role, _, value, _ in tosses(number + 1) if role == "events")
        weight = next(event["weight"] for event in events if event["id"] == f"coin-{number}")
        learn = BinaryTask.learn

        def fail(task: BinaryTask, model: Any, x: dict[str, Any], y: Any) -> None:
            if x["weight"] == weight:
                raise RuntimeError("no model can learn this")
            learn(task, model, x, y)

        monkeypatch.setattr(BinaryTask, "learn", fail)

    return put


def test_a_batch_that_a_model_fails_on_is_skipped_when_a_person_says_so(
    make: Callable[..., World], poison: Callable[[int], None]
) -> None:
    poison(450)
    world = make()
    world.feed(tosses(900))
    runner = halt(world)
    spoilt = world.owner().last_batch
    (row,) = world.journal.batches(0, spoilt - 1)
    count = {tp: done.count for tp, done in row.ranges.items()}
    assert f"batch {spoilt}, at coins.labels:0:450: RuntimeError" in (world.halted() or "")
    cost = incident_of(world).evidence[-1]["gives_up"]
    assert (cost["after"], cost["batches"], cost["records"]) == (spoilt - 1, 1, sum(count.values()))
    world.decide("accept_gap", shard=0)
    go_on(world, runner)
    assert gap_row(world)[1] == cost
    assert world.status()["events"] == 900 - count[EVENTS]
    assert predicted(world) == 900 - count[EVENTS]
    assert world.verify().difference is None
    world.spoil()
    assert world.run().owned[0].shard.state.events == 900 - count[EVENTS], "the replay leaves it out, too"


def test_a_model_that_failed_is_not_tried_again_by_itself_but_when_somebody_says_so(
    make: Callable[..., World], poison: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(150)
    world, clock = make(), Clock()
    world.feed(tosses(300))
    runner = world.worker(drained=lambda r: False, timing=clock)
    turn(runner, lambda: world.halted() is not None)
    epoch = world.owner().epoch
    for _ in range(5):
        clock.skip(3600)
        runner.tick()
    assert world.owner().epoch == epoch
    world.decide("resume_shard", shard=0)
    turn(runner, lambda: "RuntimeError" in world.journal.pending(0)[0].args.get("tried", ""))
    assert world.owner().epoch == epoch + 1
    assert incident_of(world).alarms == 1, "it is the same trouble"
    monkeypatch.undo()
    monkeypatch.setattr("fluvial.holdings.LOOK", 0.0)
    world.decide("resume_shard", shard=0)
    go_on(world, runner)
    assert world.status()["events"] == 300
    assert world.verify().difference is None, "a mended model has lost nothing"


def test_what_was_decided_with_the_batch_that_failed_stays_in_force(
    make: Callable[..., World], poison: Callable[[int], None]
) -> None:
    poison(450)
    world = make(batch=1000)
    stream = list(tosses(500))
    world.feed(iter(stream[:800]))
    world.decide("pause")
    world.run()
    world.feed(iter(stream[800:]))
    reviews = [world.decide(action).id for action in ("reset", "resume")]
    runner = halt(world, linger=0.0)  # decisions and records come together
    (spoilt,) = world.journal.batches(0, world.owner().last_batch - 1)
    assert [decision.review for decision in spoilt.decisions] == reviews
    accepted = world.decide("accept_gap", shard=0)
    go_on(world, runner)
    row, _ = gap_row(world)
    assert [decision.review for decision in row.decisions] == [*reviews, accepted.id]
    world.spoil()
    learner = world.run().owned[0].shard.state.learner
    assert (learner.paused, learner.version) == (False, 2)


# ---- records that are there and cannot be read


@pytest.fixture
def damage(monkeypatch: pytest.MonkeyPatch) -> Callable[[World, int, int], None]:
    """Makes offsets of the events topic unreadable, on every way: `damage(world, 500, 520)`."""

    def put(world: World, first: int, last: int) -> None:
        fetch, tail = world.log.fetch, world.log.tail

        def refuse(tp: TopicPartition, start: int, end: int) -> None:
            if tp == EVENTS and start <= last and end > first:
                raise Unreadable(
                    f"{tp} cannot be read from offset {max(start, first)} on: a bad checksum", [tp]
                )

        def fetched(tp: TopicPartition, start: int, end: int) -> Any:
            refuse(tp, start, end)
            return fetch(tp, start, end)

        def tailed(positions: Any) -> Any:
            reader = tail(positions)
            poll = reader.poll

            def polled(timeout: float) -> Any:
                refuse(EVENTS, positions[EVENTS], positions[EVENTS] + 1)
                return poll(timeout)

            monkeypatch.setattr(reader, "poll", polled)
            return reader

        monkeypatch.setattr(world.log, "fetch", fetched)
        monkeypatch.setattr(world.log, "tail", tailed)

    return put


def test_records_that_cannot_be_read_are_skipped_when_a_person_says_so_and_no_more(
    make: Callable[..., World], damage: Callable[[World, int, int], None]
) -> None:
    world, clock = make(), Clock()
    world.feed(tosses(500))
    world.run()
    world.feed(tosses(200, seed=2, first=500))
    damage(world, 500, 536)
    runner = world.worker(drained=lambda r: False, timing=clock)
    turn(runner, lambda: world.halted() is not None)
    clock.skip(AGAIN + 1)
    epoch = world.owner().epoch
    turn(runner, lambda: world.owner().epoch > epoch and 0 in runner._holdings.halted)
    incident = incident_of(world)
    assert len([one for one in Incidents(world.store).listing() if one.monitor == "halt"]) == 1
    cost = incident.evidence[-1]["gives_up"]
    assert (cost["batches"], cost["skipped"]) == (0, {str(EVENTS): [500, 537]})
    world.decide("accept_gap", incident=incident.id)
    go_on(world, runner)
    assert world.status()["events"] == 500 + 163, "what was learned before is kept"
    assert gap_row(world)[1] == cost


def test_what_was_learned_from_and_cannot_be_read_again_is_a_gap_too(
    make: Callable[..., World], damage: Callable[[World, int, int], None]
) -> None:
    world = make()
    world.feed(tosses(500))
    world.run()
    world.spoil()
    damage(world, 250, 250)
    runner = halt(world)
    assert "a bad checksum; the journal needs these records" in (world.halted() or "")
    cost = incident_of(world).evidence[-1]["gives_up"]
    row = world.journal.batches(0, cost["after"], cost["after"] + 1)[0]
    assert row.ranges[EVENTS].start <= 250 < row.ranges[EVENTS].end
    world.decide("accept_gap", shard=0)
    go_on(world, runner)
    assert gap_row(world)[1] == cost
