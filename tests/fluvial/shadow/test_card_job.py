"""The job of an evidence card: it is somebody's while they work on it, and begun anew when they die over it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from fluvial.card.keep import kept
from fluvial.shadow.dispatch import Dispatch
from fluvial.shadow.jobs import Job, Jobs
from fluvial.shadow.work import Bench, Stopped
from fluvial.tables import shadow_job_table
from tests.fluvial.shadow.drifted import drifted, incident_of
from tests.fluvial.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world after a drift, in which a card was asked for."""
    with drifted(tmp_path) as made:
        Dispatch(made.pipeline, made.store, 500).look()
        yield made


def card_of(world: World) -> Job:
    """The job of the card as it stands."""
    [found] = Jobs(world.store).of(incident_of(world).id, "card")
    return found


def lapse(world: World) -> None:
    """Let every lease be over."""
    with world.store.write() as db:
        db.execute(sa.update(shadow_job_table).values(lease_until=1.0))


def claimed(world: World, worker: str = "") -> Job:
    """The card's job in the hands of a worker."""
    found = Jobs(world.store).claim("coins", worker or world.place().worker, card_of(world).name)
    assert found is not None
    return found


def test_a_card_that_takes_long_stays_with_whoever_computes_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluvial.shadow.work.SAID_EVERY", 0.0)
    renewed: list[bool] = []

    def hear(_batch: int, _last: int) -> None:
        renewed.append((card_of(world).lease_until or 0.0) > time.time())
        lapse(world)  # as if the next word came after half a minute

    Bench(world.place(), world.store).compute(claimed(world), hear)
    assert len(renewed) > 3
    assert all(renewed), "each word renews the lease"
    done = card_of(world)
    assert (done.state, done.tries) == ("done", 1)
    assert done.batch == done.last != 0
    assert kept(world.store, incident_of(world).id)


def test_the_card_of_a_process_that_died_is_begun_anew(world: World) -> None:
    claimed(world, "died")
    assert Jobs(world.store).claim("coins", "heir", card_of(world).name) is None, "it may be at work"
    lapse(world)
    assert Dispatch(world.pipeline, world.store, 500).look(), "somebody is to compute it"
    Bench(world.place(), world.store).compute(claimed(world))
    assert (card_of(world).state, card_of(world).tries) == ("done", 2)


def test_a_card_ends_in_the_middle_when_it_is_time_to_leave_and_is_queued_again(world: World) -> None:
    words: list[int] = []
    bench = Bench(world.place(), world.store, lambda: len(words) >= 3)
    with pytest.raises(Stopped):
        bench.compute(claimed(world), lambda batch, _last: words.append(batch))
    assert (card_of(world).state, card_of(world).tries) == ("queued", 0)


def test_whoever_lost_the_card_stops_and_leaves_it_to_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluvial.shadow.work.SAID_EVERY", 0.0)
    words: list[int] = []

    def hear(batch: int, _last: int) -> None:
        words.append(batch)
        if len(words) == 3:
            lapse(world)
            claimed(world, "another")

    Bench(world.place(), world.store).compute(claimed(world), hear)
    assert len(words) == 3
    assert (card_of(world).state, card_of(world).worker) == ("running", "another")
