"""A card is computed from the journal's past, says what is missing, and is kept for the console."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial.card import look as looking
from fluvial.card.card import Card
from fluvial.card.causes import cause
from fluvial.card.collect import collect
from fluvial.card.facts import facts_of
from fluvial.card.keep import NoCard, compute_and_keep, keep, kept
from fluvial.config import as_written
from fluvial.errors import NoDrift
from fluvial.evidence import alarm_of
from fluvial.fingerprint import definition, libraries
from fluvial.incidents import Incidents
from fluvial.reviews import Request, review
from fluvial.store import Store, journal_table
from fluvial.tables import card_table
from tests.fluvial.card.scenarios import LOANS, Scenario, loans
from tests.fluvial.commandline import Commandline
from tests.fluvial.ran import ran
from tests.fluvial.world import COINS, World, coins, embedded_world, tosses

NAME = "Ada "
"""How the private field of every loan begins."""


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a world in which a unit changed, for copying."""
    folder = tmp_path_factory.mktemp("learned")
    world = embedded_world(folder, loans())
    world.feed(Scenario(("unit", "poison"), events=7500).records())
    world.run()
    world.store.close()
    world.log.close()
    return folder


@pytest.fixture
def world(learned: Path, tmp_path: Path) -> World:
    """A world in which a unit changed."""
    shutil.copytree(learned, tmp_path / "world")
    return embedded_world(tmp_path / "world", loans())


def first(world: World) -> str:
    """The id of its incident."""
    return Incidents(world.store).listing()[-1].id


def card_in(world: World, **place: Any) -> Card:
    """The card of its incident."""
    incident = Incidents(world.store).get(first(world))
    return collect(world.place(**place), facts_of(world.store, incident))


def everything(world: World) -> dict[str, Any]:
    """All that the store holds, but cards."""
    tables = [table for table in card_table.metadata.sorted_tables if table is not card_table]
    with world.store.read() as db:
        return {table.name: db.execute(sa.select(table)).all() for table in tables}


def test_a_card_is_the_same_every_time_and_reads_without_changing_anything(world: World) -> None:
    before = everything(world)
    one = card_in(world)
    assert one == card_in(world)
    assert everything(world) == before
    assert Card.model_validate(json.loads(one.model_dump_json())) == one
    assert one.missing == []


def test_without_a_snapshot_the_replay_from_the_beginning_gives_the_same_card(world: World) -> None:
    assert card_in(world, key=None) == card_in(world)


def test_what_the_card_says_adds_up(world: World) -> None:
    made = card_in(world)
    loss, wrong, cost = made.measures
    assert (loss.name, wrong.name, cost.name) == ("loss", "wrong", "cost")
    assert loss.low is not None
    assert loss.low > 0
    assert made.cost is not None
    assert made.volume is not None
    assert made.volume.after_per_hour == pytest.approx(1000 / 24, rel=0.05)
    assert cost.change is not None
    assert made.cost.per_hour == pytest.approx(cost.change * made.volume.after_per_hour, rel=1e-9)
    assert made.cost.unit == "EUR"
    assert made.labels is not None
    assert made.labels.delay_before == pytest.approx(2200, rel=0.1)
    assert made.fields[0].name == Scenario().fault.field
    assert sum(one.lean or 0.0 for one in made.fields) == pytest.approx(1.0)
    assert {one.field for one in made.segments} <= {"region", "channel"}
    assert made.watching is not None
    assert made.watching.outcomes == []


def test_no_private_value_is_anywhere_in_a_card(world: World) -> None:
    made = card_in(world)
    assert "name" in made.examples[0].after.values
    assert NAME not in made.model_dump_json()


def test_what_became_private_since_is_not_shown_although_the_definition_of_then_shows_it(
    world: World,
) -> None:
    pipeline = loans(
        LOANS.replace("age: {type: number,", "age: {type: number, pii: true,").replace("block: 8", "block: 4")
    )
    world.pipeline = pipeline
    world.journal.define(definition(loans()), as_written(loans()), libraries())
    made = card_in(world)
    age = next(one for one in made.fields if one.name == "age")
    assert age.private
    assert age.bars == []
    assert {pair.after.values["age"] for pair in made.examples} == {"***"}


def test_where_records_are_gone_the_card_says_so_and_keeps_what_the_store_knows(world: World) -> None:
    world.trim("events", 6500)
    made = card_in(world)
    assert "cannot be looked at again" in made.missing[0]
    assert made.measures == []
    assert made.watching is not None
    assert cause(made)[0] == "world", "what the alarm said is what is left"


def test_where_only_the_oldest_records_are_gone_a_snapshot_stands_in(world: World) -> None:
    kept_snapshots = [one.batch for one in world.shelf.listing(0) if one.batch > 0]
    for role in ("events", "labels"):
        world.trim(role, 2500)
    made = card_in(world)
    assert made.missing == []
    assert made.before is not None
    assert made.before.events < 6000 - 2500
    assert cause(made)[0] == "schema"
    assert len(kept_snapshots) >= 2


def test_where_no_snapshot_is_left_of_that_the_fields_are_still_compared(world: World) -> None:
    world.trim("events", 2500)
    made = card_in(world, key=None)
    assert "cannot be rebuilt" in made.missing[0]
    assert made.measures == []
    assert any(one.factor is not None for one in made.fields)


def test_without_a_model_in_reach_the_fields_are_still_compared(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "REACH", 10)
    monkeypatch.setattr("fluvial.card.collect.EVENTS", 1500)
    made = card_in(world, key=None)
    assert "No snapshot is within 10 records before" in made.missing[0]
    assert (made.measures, made.examples) == ([], [])
    moved = next(one for one in made.fields if one.factor is not None)
    assert (moved.name, moved.lean) == (Scenario().fault.field, None)
    assert cause(made)[0] == "schema"


def test_a_replay_never_reads_further_than_its_window(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluvial.card.collect.EVENTS", 600)
    made = card_in(world)
    assert made.before is not None
    assert made.after is not None
    assert 500 <= made.before.events <= 900
    assert 500 <= made.after.events <= 900
    assert cause(made)[0] == "schema"


def test_a_deploy_right_before_the_onset_is_in_the_context(world: World) -> None:
    onset = card_in(world).onset
    assert onset is not None
    with world.store.write() as db:
        column = journal_table.c
        rows = db.execute(sa.select(column.batch).order_by(column.batch)).scalars().all()
        took_over = rows[len(rows) * 6000 // 7500 - 2]
        db.execute(sa.update(journal_table).where(column.batch >= took_over).values(definition="another"))
    made = card_in(world)
    (deploy,) = made.context.deploys
    assert deploy.batch == took_over
    assert 0 <= deploy.events_before_onset < 600
    assert cause(made)[0] == "model"
    assert "cannot run here" in made.missing[0]


def test_a_decision_near_the_onset_is_in_the_context_with_its_name_and_reason(tmp_path: Path) -> None:
    world = embedded_world(tmp_path, coins(batch=100))
    world.feed(tosses(2500))
    world.run()
    world.decide("pause", who="Ana", reason="a look at the labels")
    world.run()
    world.feed(tosses(900, first=2500, flip_after=2500))
    world.run()
    made = card_in(world)
    (deed,) = made.context.decisions
    assert (deed.action, deed.who, deed.reason) == ("pause", "Ana", "a look at the labels")
    assert 0 <= deed.events_before_onset < 200


def test_earlier_incidents_stand_beside_with_what_was_decided(world: World) -> None:
    incident = first(world)
    world.decide("false_alarm", incident=incident, who="Ben", reason="a test of the scales")
    again = Incidents(world.store).get(incident).evidence[-1]
    later = alarm_of(again)._replace(monitor="loss", direction="worse", phase="first", severity="page")
    later = later._replace(time=later.time + 1, onset=later.onset)
    Incidents(world.store).record("loans", 0, [("another", later)])
    made = collect(world.place(), facts_of(world.store, Incidents(world.store).get("another")))
    assert made.watching is not None
    (one,) = made.watching.outcomes
    assert (one.id, one.verdict, one.who, one.reason) == (
        incident,
        "false_alarm",
        "Ben",
        "a test of the scales",
    )


def test_a_scenario_of_that_time_stands_in_the_context_and_one_of_another_time_does_not(world: World) -> None:
    last = Incidents(world.store).get(first(world)).last_time
    for name, since in (("sale", last - 60), ("holiday", last + 60)):
        wish = {"action": "expect", "pipeline": world.pipeline.pipeline, "who": "Ana", "name": name}
        review(world.store, Request(**wish, since=since, until=since + 3600), "cli")
    assert [(one.name, one.who) for one in card_in(world).context.scenarios] == [("sale", "Ana")]


def test_an_incident_about_no_drift_has_no_card(world: World) -> None:
    Incidents(world.store).stands_still("loans", 0, "the disk is gone")
    halted = next(one for one in Incidents(world.store).listing() if one.monitor == "halt")
    with pytest.raises(NoDrift):
        compute_and_keep(world.place(), world.store, halted.id)


# ---- kept


@pytest.fixture
def empty(store_url: str) -> Iterator[Store]:
    """An empty store, once in SQLite and once in PostgreSQL."""
    with closing(Store(store_url)) as opened:
        yield opened


def small(version: int) -> Card:
    """A card of an incident's version."""
    return Card(incident="i", pipeline="p", task="binary", shard=0, version=version, onset=None)


def test_the_newest_card_is_kept_and_an_older_one_replaces_nothing(empty: Store) -> None:
    with pytest.raises(NoCard):
        kept(empty, "i")
    for version in (2, 3, 1):
        keep(empty, small(version))
    assert kept(empty, "i").version == 3
    assert kept(empty, "i").card == small(3)


# ---- the command line


def test_the_card_is_computed_kept_and_shown_in_a_terminal(command: Commandline, tmp_path: Path) -> None:
    file = ran(tmp_path, tosses(3500, flip_after=2500))
    (incident,) = command("incidents", "--json").json
    said = command("card", file, incident["id"])
    assert said.code == 0
    assert "Likely cause: the world changed." in said.out
    assert "wrong decisions" in said.out
    made = command("card", file, incident["id"], "--json").json
    assert made["incident"] == incident["id"]
    assert made["missing"] == []


def test_of_an_unknown_incident_and_of_another_pipeline_there_is_no_card(
    command: Commandline, tmp_path: Path
) -> None:
    file = ran(tmp_path, 100)
    assert command("card", file, "nothing").code == 1
    other = tmp_path / "other.yaml"
    other.write_text(COINS.replace("pipeline: coins", "pipeline: others"))
    assert command("card", str(other), "nothing").code == 1
