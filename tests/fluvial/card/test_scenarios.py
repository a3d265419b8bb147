"""Ten planted faults through a real shard with its journal: the card names what was planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial.card.card import Card
from fluvial.card.causes import cause
from fluvial.card.keep import compute_and_keep, kept
from fluvial.incidents import Incident, Incidents
from fluvial.store import alarm_table
from tests.fluvial.card.scenarios import Scenario, loans
from tests.fluvial.world import World, embedded_world

SEED = 7

NAMED: dict[tuple[str, ...], set[str]] = {
    ("abrupt",): {"world"},
    ("gradual",): {"world"},
    ("recurring",): {"world"},
    ("unit",): {"schema"},
    ("delay",): {"feed"},
    ("poison",): {"source"},
    ("unit", "poison"): {"schema", "source"},
}
"""Scenarios that call somebody, and the causes that the evidence has to name; of two both."""

SILENT: list[tuple[str, ...]] = [("input only",), ("season",), ()]
"""Scenarios that call nobody."""


def played(folder: Path, kinds: tuple[str, ...]) -> World:
    """A world in which a worker has learned a scenario."""
    folder.mkdir()
    world = embedded_world(folder, loans())
    world.feed(Scenario(kinds, SEED).records())
    world.run()
    return world


def cards(world: World) -> list[tuple[Incident, Card]]:
    """The card of every incident, as it is kept."""
    found = Incidents(world.store).listing()
    for one in found:
        compute_and_keep(world.place(), world.store, one.id)
    return [(one, kept(world.store, one.id).card) for one in found]


def names(world: World, kinds: tuple[str, ...]) -> bool:
    """Whether the card of the first incident names what was planted, that first which did most."""
    (_, card), *_ = reversed(cards(world))
    found = {one.cause for one in card.findings}
    return cause(card)[0] in NAMED[kinds] and found >= NAMED[kinds] and not card.missing


def moved(world: World) -> list[dict[str, Any]]:
    """What the monitors said that called nobody."""
    with world.store.read() as db:
        return list(db.execute(sa.select(alarm_table.c.evidence)).scalars())


@pytest.mark.timeout(600)
def test_the_card_names_the_planted_cause_in_nine_of_ten_scenarios(tmp_path: Path) -> None:
    right = {}
    for number, kinds in enumerate(NAMED):
        world = played(tmp_path / f"{number}", kinds)
        right[kinds] = names(world, kinds)
    for number, kinds in enumerate(SILENT, len(NAMED)):
        world = played(tmp_path / f"{number}", kinds)
        right[kinds] = Incidents(world.store).listing() == []
        if kinds == ("input only",):
            said = [one for one in moved(world) if one["monitor"] == "field:age"]
            right[kinds] &= bool(said) and all(one["severity"] == "info" for one in said)
    assert len(right) == 10
    assert sum(right.values()) >= 9, right
