"""Reporter: what the loop does is what a scrape shows."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from fluvial.incidents import Incidents
from fluvial.owned import Owned
from fluvial.reporter import Reporter
from fluvial.reviews import Request, register, review
from fluvial.store import Store
from monitors.alarm import Alarm
from monitors.metrics import Metrics
from tests.fluvial.world import coins, embedded_world, tosses
from tests.monitors.scrape import Scrape


def test_a_shard_recovers_from_the_moment_it_is_taken(store: Store) -> None:
    registry = CollectorRegistry()
    reporter = Reporter("coins", Metrics(registry), store)
    reporter.progress(0)
    assert Scrape(registry).one("fluvial_shard_recovering") == 1
    reporter.released(0)
    assert Scrape(registry).one("fluvial_shard_recovering") == 0


def test_a_recovery_would_replay_what_came_after_the_newest_snapshot(tmp_path: Path) -> None:
    world = embedded_world(tmp_path, coins())
    with closing(world.store), closing(world.log):
        world.feed(tosses(100))
        runner = world.worker(batch=50)
        seen: list[float] = []
        save = runner._holdings.keeper.save_now

        def watched(some: Iterable[Owned]) -> None:
            seen.append(Scrape(world.registry).sum("fluvial_unsaved_records"))
            save(some)

        runner._holdings.keeper.save_now = watched  # type: ignore[method-assign]
        runner.run()
        scrape = Scrape(world.registry)
    assert seen == [200]
    assert scrape.one("fluvial_unsaved_records") == 0
    state, sealed = scrape.one("fluvial_state_bytes"), scrape.one("fluvial_snapshot_bytes")
    assert state is not None
    assert sealed is not None
    assert state > sealed > 0  # what is sealed is compressed
    assert scrape.one("fluvial_shard_recovering") == 0


def test_open_incidents_are_shown_until_they_are_resolved(store: Store) -> None:
    registry = CollectorRegistry()
    reporter = Reporter("coins", Metrics(registry), store)
    register(store, "coins", 1, {})
    Incidents(store).record("coins", 0, [("a1", Alarm("loss", "worse", 1.0, 1.0, 9, 0.1, 0.4, 5, 5))])
    for action, shown in (("acknowledge", ["a1"]), ("resolve", [])):
        review(store, Request(action=action, incident="a1", who="ann"), "cli")
        reporter.desk()
        assert list(Scrape(registry).values("fluvial_incident_open", "incident")) == shown


@pytest.mark.parametrize("part", ['town="} 1\n', "town=\ud800", "town=\0", "town=York"])
def test_what_moved_is_told_to_people_and_never_to_prometheus(store: Store, part: str) -> None:
    registry = CollectorRegistry()
    register(store, "coins", 1, {})
    alarm = Alarm("loss:town", "worse", 1.0, 1.0, 9, 0.1, 0.4, 5, 5, part=part, because=f"It is {part}.")
    Incidents(store).record("coins", 0, [("a1", alarm)])
    Reporter("coins", Metrics(registry), store).desk()
    (found,) = Scrape(registry).of("fluvial_incident_open")
    assert found.labels == {"pipeline": "coins", "shard": "0", "monitor": "loss:town", "incident": "a1"}
    assert "town=" not in generate_latest(registry).decode()
    assert Incidents(store).get("a1").evidence[0]["part"].startswith("town=")
