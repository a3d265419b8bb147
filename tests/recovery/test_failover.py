"""Taking over from a worker that died: what a warm standby saves, and how long it all takes."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluvial.follower import Follower
from fluvial.history import History
from fluvial.owned import Owned
from fluvial.reporter import Reporter
from fluvial.runner import Runner
from fluvial.shelf import Shelf
from fluvial.timing import SYSTEM
from tests.fluvial.world import World, coins, embedded_world, tosses
from tests.recovery.failover import Failovers


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = embedded_world(tmp_path, coins(snapshot_every=1_000_000))
    yield made
    made.log.close()
    made.store.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batches whose snapshots were opened."""
    found: list[int] = []
    body = Shelf.body

    def note(self: Shelf, shard: int, batch: int) -> bytes | None:
        found.append(batch)
        return body(self, shard, batch)

    monkeypatch.setattr(Shelf, "body", note)
    return found


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many batches each taking of a shard replayed."""
    found: list[int] = []
    acquired = Reporter.acquired

    def note(self: Reporter, owned: Owned, batches: int, seconds: float) -> None:
        found.append(batches)
        acquired(self, owned, batches, seconds)

    monkeypatch.setattr(Reporter, "acquired", note)
    return found


def killed(world: World) -> None:
    """A worker learns all there is and dies: nothing was saved since it began."""
    runner = world.worker()
    runner._save_all = lambda: None  # type: ignore[method-assign]
    runner.run()


def standby(world: World) -> Runner:
    """A worker to whom nothing is given yet."""
    runner = world.worker()
    runner._membership.shards = frozenset()  # type: ignore[attr-defined]
    return runner


def take_over(runner: Runner) -> None:
    """The group gives the shard to the standby, which then works to the end."""
    runner._membership.shards = frozenset({0})  # type: ignore[attr-defined]
    runner.run()


@pytest.mark.parametrize("kind", ["warm", "cold"])
def test_a_warm_standby_takes_over_without_opening_a_snapshot_or_replaying_what_it_followed(
    world: World, opened: list[int], replayed: list[int], kind: str
) -> None:
    world.feed(tosses(1000))
    killed(world)
    last = world.journal.batches(0, 0)[-1].number
    world.pipeline = world.pipeline.model_copy(update={"standby": kind})
    runner = standby(world)
    for _ in range(last + 1):
        runner.tick()
    before = len(opened)
    world.feed(tosses(100, seed=2, first=1000))
    take_over(runner)
    assert replayed[1:] == [0 if kind == "warm" else last]
    assert len(opened) - before == (0 if kind == "warm" else 1)
    assert world.status()["events"] == 1100
    assert world.verify().difference is None


def test_a_standby_gets_on_however_slow_the_log_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.feed(tosses(500))
    killed(world)
    fetch = world.log.fetch

    def slowly(*args: Any) -> Any:
        threading.Event().wait(0.02)
        return fetch(*args)

    monkeypatch.setattr(world.log, "fetch", slowly)
    follower = Follower(History(world.place(), 0), SYSTEM)
    last = world.journal.batches(0, 0)[-1].number
    assert follower.follow(0.01), "loading and fetching take all of its time, and yet it gets on"
    for _ in range(last):
        follower.follow(0.01)
    assert not follower.follow(0.01)
    assert follower.past is not None
    assert follower.past.batch == last


def test_one_slow_takeover_is_one_too_many() -> None:
    assert Failovers((7.0, 7.9), (0.1, 0.1), (0, 0), 50.0, 8.0).ok
    assert not Failovers((7.0, 8.1), (0.1, 0.1), (0, 0), 50.0, 8.0).ok
