"""Saver and keeper: snapshots are stored beside the loop, cost the stream little, and fail without harm."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fluvial.fence import Fenced
from fluvial.history import History
from fluvial.keeper import SHARE, Keeper
from fluvial.outputs import Outbox
from fluvial.owned import Owned
from fluvial.reporter import Reporter
from fluvial.saver import DirectSaver, Saved, Saver, ThreadSaver
from fluvial.shelf import Shelf, Snapshot
from fluvial.store import StoreUnavailable
from tests.fluvial.world import KEY, World, coins, embedded_world, tosses
from tests.waiting import wait_until

KINDS: list[Callable[[Shelf, bytes], Saver]] = [DirectSaver, ThreadSaver]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = embedded_world(tmp_path, coins(snapshot_every=1_000_000))
    made.feed(tosses(400))
    made.run()
    yield made
    made.log.close()
    made.store.close()


@pytest.fixture
def owned(world: World) -> Owned:
    one = Owned(world.place(), 0)
    list(one.recover(Outbox(world.pipeline, world.log, world.store)))
    return one


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_saver_stored_is_the_state_as_it_was_packed(
    world: World, owned: Owned, kind: Callable[[Shelf, bytes], Saver]
) -> None:
    digest = owned.shard.state.digest
    with closing(kind(world.shelf, KEY)) as saver:
        job = owned.job()
        owned.shard.state.digest = b"changed since"
        saver.submit(job)
        (saved,) = saver.wait()
    assert (saved.shard, saved.epoch, saved.error) == (0, owned.epoch, None)
    assert saved.size == world.shelf.listing(0)[0].size
    assert History(world.place(), 0).start().shard.state.digest == digest


@pytest.mark.parametrize("kind", KINDS)
def test_a_former_owner_is_told_that_it_stored_nothing(
    world: World, owned: Owned, kind: Callable[[Shelf, bytes], Saver]
) -> None:
    before = world.shelf.listing(0)
    world.journal.acquire(0, "another")
    with closing(kind(world.shelf, KEY)) as saver:
        saver.submit(owned.job())
        (saved,) = saver.wait()
    assert isinstance(saved.error, Fenced)
    assert world.shelf.listing(0) == before


def test_the_loop_does_not_wait_while_a_snapshot_is_stored(
    world: World, owned: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing, go_on = threading.Event(), threading.Event()
    save = Shelf.save

    def slow(shelf: Shelf, shard: int, epoch: int, snapshot: Snapshot) -> None:
        storing.set()
        assert go_on.wait(30)
        save(shelf, shard, epoch, snapshot)

    monkeypatch.setattr(Shelf, "save", slow)
    with closing(ThreadSaver(world.shelf, KEY)) as saver:
        saver.submit(owned.job())
        assert storing.wait(30)
        assert saver.finished() == []
        go_on.set()
        assert [saved.error for saved in saver.wait()] == [None]


def test_an_error_that_nobody_expected_is_raised_where_it_is_seen(
    world: World, owned: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Shelf, "save", broken)
    with closing(ThreadSaver(world.shelf, KEY)) as saver:
        saver.submit(owned.job())
        with pytest.raises(ZeroDivisionError):
            saver.wait()


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Slow(DirectSaver):
    """Packing takes time by the clock above, and the store fails when it is told to."""

    fails = False

    def finished(self) -> list[Saved]:
        failed = StoreUnavailable("the disk is full") if self.fails else None
        return [saved._replace(error=failed) for saved in super().finished()]


class Desk:
    """Who owns the shards."""

    def __init__(self, owned: Owned) -> None:
        self.owned = {owned.index: owned}

    def refuse(self, owned: Owned, what: str) -> None:
        del self.owned[owned.index]


@pytest.fixture
def keeper(world: World, owned: Owned, monkeypatch: pytest.MonkeyPatch) -> tuple[Keeper, Clock, Slow]:
    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    from monitors.metrics import Metrics  # noqa: PLC0415

    clock, saver = Clock(), Slow(world.shelf, KEY)
    reporter = Reporter("coins", Metrics(CollectorRegistry()), world.store)
    job = owned.job

    def slow_job() -> object:
        clock.now += 0.5
        return job()

    monkeypatch.setattr(owned, "job", slow_job)
    return Keeper(Desk(owned), saver, reporter, clock, 100), clock, saver


def test_packing_takes_no_more_than_its_share_of_the_time(
    owned: Owned, keeper: tuple[Keeper, Clock, Slow]
) -> None:
    one, clock, _ = keeper
    owned.since_snapshot = 100
    one.look_after()
    one.look_after()
    assert (owned.since_snapshot, owned.saving) == (0, False)
    first = owned.saved_at
    owned.since_snapshot = 1_000_000
    while owned.since_snapshot:
        one.look_after()
        clock.now += 0.1
    assert owned.saved_at - first == pytest.approx(0.5 / SHARE + 0.5, abs=0.2)


def test_a_snapshot_that_could_not_be_stored_is_tried_again_and_harms_nothing(
    owned: Owned, keeper: tuple[Keeper, Clock, Slow]
) -> None:
    one, _, saver = keeper
    saver.fails = True
    owned.since_snapshot = 100
    one.look_after()
    one.look_after()
    assert owned.unsaved
    saver.fails = False
    one.save_now([owned])
    assert not owned.unsaved


def test_snapshots_of_a_busy_worker_are_stored_by_the_thread(tmp_path: Path) -> None:
    world = embedded_world(tmp_path, coins(snapshot_every=50, batch=20))
    world.feed(tosses(1000))
    runner = world.run()
    wait_until(lambda: len(world.shelf.listing(0)) > 2, "several snapshots are stored", 10)
    assert not runner.owned[0].unsaved
    assert world.verify().difference is None
    world.log.close()
    world.store.close()
