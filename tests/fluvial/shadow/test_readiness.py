"""Readiness: a shard goes on learning while a model is made for it, and stands still for its last records only."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from fluvial.decision import Decision
from fluvial.place import Place
from fluvial.shadow import readiness
from fluvial.shadow.jobs import Jobs
from fluvial.shadow.readiness import PATIENCE, UNCLAIMED, Readiness
from tests.fluvial.shadow.drifted import computed, drifted, incident_of
from tests.fluvial.world import World


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with drifted(tmp_path) as made, patch.object(readiness, "LITTLE", 500):
        computed(made)
        made.decide("adopt", incident=incident_of(made).id, variant="retrained")
        yield made


def place(world: World, hands: Hands) -> Place:
    return world.place()._replace(timing=hands)


def actions(ready: Readiness, pending: list[Decision], batch: int) -> list[str]:
    return [one.action for one in ready.due(pending, batch)]


def test_it_waits_while_somebody_makes_the_model_and_no_longer(world: World) -> None:
    hands, pending = Hands(), world.journal.pending(0)
    ready, batch = Readiness(place(world, hands), 0), world.journal.reached(0)[0]
    assert actions(ready, pending, batch) == []
    hands.now += UNCLAIMED - 0.5
    assert actions(ready, pending, batch) == []
    assert Jobs(world.store).claim("coins", "helper") is not None
    hands.now += 60
    assert actions(ready, pending, batch) == [], "somebody is at it"
    hands.now += PATIENCE
    assert actions(ready, pending, batch) == ["adopt"]


def test_nobody_waits_for_a_helper_that_is_not_there(world: World) -> None:
    hands, pending = Hands(), world.journal.pending(0)
    ready, batch = Readiness(place(world, hands), 0), world.journal.reached(0)[0]
    assert actions(ready, pending, batch) == []
    hands.now += UNCLAIMED + 0.1
    assert actions(ready, pending, batch) == ["adopt"]


def test_a_pause_overtakes_and_what_exchanges_the_model_keeps_its_place(world: World) -> None:
    hands = Hands()
    world.decide("pause")
    world.decide("reset")
    ready, batch = Readiness(place(world, hands), 0), world.journal.reached(0)[0]
    assert actions(ready, world.journal.pending(0), batch) == ["pause"]


def test_a_model_that_is_made_is_taken_up_at_once(world: World) -> None:
    computed(world)
    ready, batch = Readiness(place(world, Hands()), 0), world.journal.reached(0)[0]
    assert actions(ready, world.journal.pending(0), batch) == ["adopt"]
    assert world.run().owned[0].shard.state.learner.version == 2
    assert world.verify().difference is None
