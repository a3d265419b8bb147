"""Deciding by a shadow table: what is said beforehand, what the shard goes on with, and that a replay agrees."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluvial.console.cases import decisions
from fluvial.inforce import in_force
from fluvial.review import NotPossible
from fluvial.reviews import Request, rehearse
from fluvial.shadow.jobs import Jobs
from fluvial.tables import shadow_artefact_table as table
from tests.fluvial.shadow.drifted import computed, drifted, incident_of, more, told
from tests.fluvial.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with drifted(tmp_path) as made:
        yield made


def ask(world: World, action: str, **more: Any) -> Request:
    return Request(action=action, who="ann", incident=incident_of(world).id, **more)  # type: ignore[arg-type]


def test_a_drift_gets_its_table_by_itself_and_once(world: World) -> None:
    jobs = computed(world)
    assert [(job.kind, job.state, job.shard) for job in jobs] == [("table", "done", 0)]
    rows = {row["name"]: row for row in jobs[0].result["variants"]}  # type: ignore[index]
    assert set(rows) >= {"as_is", "frozen", "reset", "retrained", "rolled_back"}
    assert len({row["n"] for row in rows.values()}) == 1, "all are judged on the same labels"
    assert rows["frozen"]["loss"] > rows["as_is"]["loss"] > rows["reset"]["loss"]
    assert rows["reset"]["high"] < 0 < rows["frozen"]["low"]
    assert jobs[0].result["best"] in ("reset", "retrained")  # type: ignore[index]
    assert len(computed(world)) == 1


def test_a_card_is_computed_anew_when_the_incident_has_changed_and_not_before(world: World) -> None:
    def cards() -> list[tuple[str, str]]:
        computed(world)
        jobs = Jobs(world.store).of(incident_of(world).id, "card")
        return [(job.name.rpartition("/")[2], job.state) for job in jobs]

    first = incident_of(world).version
    assert cards() == cards() == [(str(first), "done")]
    world.decide("acknowledge", incident=incident_of(world).id)
    assert cards() == cards() == [(str(first + 1), "done"), (str(first), "done")]


@pytest.mark.parametrize("variant", ["frozen", "retrained", "rolled_back"])
def test_what_is_adopted_is_the_model_of_the_table_taken_on_to_this_batch(world: World, variant: str) -> None:
    (job,) = computed(world)
    more(world, 200)
    request = ask(world, "adopt", variant=variant)
    said = rehearse(world.store, request, "cli")
    assert told(world) == [], "saying it beforehand does nothing"
    taken = world.decide("adopt", incident=incident_of(world).id, variant=variant)
    assert taken.effect == said.effect
    assert f"{job.result['n']:,} labels" in taken.effect  # type: ignore[index]
    shard = more(world, 300, 4700)
    assert shard.state.learner.version == 2
    (decision,) = world.journal.rows_with(0, "adopt")[0].decisions
    assert "failed" not in decision.args
    verdict = world.verify()
    assert (verdict.difference, verdict.digest) == (None, shard.state.digest.hex())


def test_a_model_made_beforehand_is_the_one_that_a_replay_makes(world: World) -> None:
    computed(world)
    world.decide("adopt", incident=incident_of(world).id, variant="retrained")
    computed(world)
    made = Jobs(world.store).of(incident_of(world).id, "model")
    assert [job.state for job in made] == ["done"]
    digest = more(world, 300).state.digest.hex()
    assert world.verify().digest == digest


def test_a_spoilt_artefact_costs_replay_and_nothing_else(world: World) -> None:
    computed(world)
    world.decide("adopt", incident=incident_of(world).id, variant="retrained")
    computed(world)
    with world.store.write() as db:
        body = db.execute(table.select()).one().body
        db.execute(table.update().values(body=body[:-9] + bytes(9)))
    digest = more(world, 300).state.digest.hex()
    assert world.verify().digest == digest
    assert "failed" not in world.journal.rows_with(0, "adopt")[0].decisions[0].args


def test_undoing_brings_back_the_model_of_before(world: World) -> None:
    computed(world)
    before = world.run().owned[0].shard.state.learner.model.predict_proba_one({"weight": 2.0, "wear": 0.0})
    world.decide("adopt", incident=incident_of(world).id, variant="retrained")
    world.run()
    row = world.journal.rows_with(0, "adopt")[0]
    world.decide("rollback", batch=row.number - 1)
    model = world.run().owned[0].shard.state.learner.model
    assert model.predict_proba_one({"weight": 2.0, "wear": 0.0}) == before
    assert world.verify().difference is None


def test_an_excluded_source_is_predicted_and_not_learned_until_it_is_included(tmp_path: Path) -> None:
    with drifted(tmp_path, source="mint") as world:
        computed(world)
        world.decide("exclude_source", incident=incident_of(world).id, source="B")
        assert [(action, sorted(args)) for action, _, args in told(world)] == [
            ("exclude_source", ["source"]),
            ("adopt", ["rebuild"]),
        ]
        world.run()
        learner = world.run().owned[0].shard.state.learner
        learned, waited = learner.learned, learner.predict_only
        learner = more(world, 400).state.learner
        assert (learner.learned - learned, learner.predict_only - waited) == (200, 200)
        assert in_force(world.journal, 0, 10_000).sources == ("B",)
        assert "failed" not in world.journal.rows_with(0, "adopt")[0].decisions[-1].args
        world.decide("include_source", source="B")
        learner = more(world, 200, 4900).state.learner
        assert learner.predict_only - waited == 200
        assert world.verify().difference is None
        with pytest.raises(NotPossible, match="'B' of coins is not excluded; there is none"):
            world.decide("include_source", source="B")


def test_one_part_forgets_and_the_others_stay(world: World) -> None:
    model = world.run().owned[0].shard.state.learner.model
    weights = dict(model["LogisticRegression"].weights)
    world.decide("reset_part", part="StandardScaler")
    shard = world.run().owned[0].shard
    model = shard.state.learner.model
    assert (dict(model["StandardScaler"].counts), dict(model["LogisticRegression"].weights)) == ({}, weights)
    assert more(world, 100).state.learner.version == 2
    assert world.verify().difference is None
    with pytest.raises(NotPossible, match="no part 'Scaler': there are Select, StandardScaler, Logis"):
        world.decide("reset_part", part="Scaler")


def test_a_rollback_can_pause_with_it(world: World) -> None:
    kept = max(one.batch for one in world.shelf.listing(0) if one.batch < 30)
    taken = world.decide("rollback", batch=kept, pause=True)
    assert taken.effect.endswith("Learning is paused with it.")
    learner = more(world, 100).state.learner
    assert (learner.paused, learner.version, learner.predict_only) == (True, 2, 100)
    assert world.verify().difference is None


def test_a_window_is_retrained_beside_the_shard_and_then_offered(world: World) -> None:
    computed(world)
    world.decide("retrain", incident=incident_of(world).id, window="35:40")
    assert told(world) == []
    newest, _ = computed(world)
    row = next(row for row in newest.result["variants"] if row["name"] == "retrained")  # type: ignore[index]
    assert (row["recipe"]["first"], row["recipe"]["last"]) == (34, 40)
    world.decide("adopt", incident=incident_of(world).id, variant="retrained")
    assert told(world)[0][2]["recipe"] == row["recipe"]
    more(world, 100)
    assert world.verify().difference is None


def test_what_cannot_be_rebuilt_is_refused_with_a_sentence_and_nothing_stands_still(world: World) -> None:
    computed(world)
    newest = world.shelf.listing(0)[0].batch
    world.spoil(keep=[newest])
    world.trim("events", 4400)
    version = world.run().owned[0].shard.state.learner.version
    world.decide("adopt", incident=incident_of(world).id, variant="retrained")
    shard = more(world, 100)
    assert shard.state.learner.version == version
    assert "coins.events:0" in world.journal.rows_with(0, "adopt")[0].decisions[0].args["failed"]
    assert world.halted() is None


def test_nothing_is_adopted_before_there_is_a_table(world: World) -> None:
    with pytest.raises(NotPossible, match=r"there is no shadow table of .* for shard 0 yet"):
        world.decide("adopt", incident=incident_of(world).id, variant="reset")
    computed(world)
    with pytest.raises(NotPossible, match=r"no variant 'best' that can be adopted; there are"):
        world.decide("adopt", incident=incident_of(world).id, variant="best")


def test_afterwards_the_alternatives_are_held_against_what_was_decided(world: World) -> None:
    computed(world)
    world.decide("pause", incident=incident_of(world).id)
    world.run()
    assert len(computed(world)) == 1, "too few events have come since"
    more(world, 600)
    hindsight = computed(world)[0]
    assert (hindsight.kind, hindsight.state) == ("hindsight", "done")
    rows = {row["name"]: row for row in hindsight.result["variants"]}  # type: ignore[index]
    assert rows["as_is"]["loss"] == pytest.approx(rows["paused"]["loss"])
    assert rows["undecided"]["loss"] < rows["as_is"]["loss"], "it would have gone on learning the new truth"
    assert rows["undecided"]["high"] < 0


def test_afterwards_people_read_since_when_and_how_many_labels_were_learned(world: World) -> None:
    computed(world)
    world.decide("pause", incident=incident_of(world).id)
    more(world, 200)
    (shown,) = decisions(world.store, incident=incident_of(world).id)
    assert shown.progress is not None
    (note,) = shown.progress.notes
    assert note.startswith("Since batch 91 of shard 0 (coins.events:0 at 4,500, coins.labels:0 at 4,500)")
    assert note.endswith("learning is paused; 0 labels learned since.")
