"""One category is forgotten as a journaled decision: said beforehand, done exactly, told afterwards."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial.config import Pipeline, parse
from fluvial.console.cases import decisions
from fluvial.owned import Owned
from fluvial.review import NotPossible
from fluvial.reviews import Request, rehearse
from fluvial.runner import Runner
from fluvial.shadow.forgetting import categories_of, parts_of
from fluvial.store import pipeline_table, snapshot_table
from learners.category import known
from tests.fluvial.shadow.drifted import told
from tests.fluvial.shadow.test_crashes import killed
from tests.fluvial.world import COINS, World, embedded_world, tosses

MODEL = 'Select("weight") + OneHot("mint") | linear_model.LogisticRegression(optimizer=optim.Adam())'
TREE = 'Select("weight") + OneHot("mint") | tree.HoeffdingTreeClassifier()'


def encoded(model: str = MODEL, *, private: bool = False, shards: int = 1) -> Pipeline:
    text = COINS.replace("mint: {type: category, use: context}", "mint: {type: category, pii: PII}")
    lines = [line for line in text.replace("PII", str(private).lower()).splitlines() if "model:" not in line]
    more = ["learn: per-partition", f"shards: {shards}"] if shards > 1 else []
    return parse("\n".join([*lines, f"model: {model}", *more]))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = embedded_world(tmp_path, encoded())
    with closing(made.log), closing(made.store):
        made.feed(tosses(600))
        made.run()
        yield made


def learner_of(runner: Runner) -> Any:
    return runner.owned[0].shard.state.learner


def dry(world: World, **wish: Any) -> str:
    request = Request(action="reset_part", who="ann", pipeline="coins", **wish)
    return rehearse(world.store, request, "cli").effect


def test_it_is_said_beforehand_what_would_be_forgotten_and_nothing_is_done(world: World) -> None:
    weight = dict(learner_of(world.run()).model["LogisticRegression"].weights)["mint=A"]
    said = dry(world, part="mint=A")
    assert f"1 weight: mint=A at {weight:.3g}, 1 entry of recent statistics: mint_rate after batch" in said
    assert "rollback to the batch before" in said
    assert told(world) == []


def test_a_category_is_forgotten_with_what_the_optimiser_kept_of_it_and_a_replay_agrees(world: World) -> None:
    before = learner_of(world.run())
    other = dict(before.model["LogisticRegression"].weights)["mint=B"]
    taken = world.decide("reset_part", part="mint=A")
    assert taken.effect == dry(world, part="mint=A")
    learner = learner_of(world.run())
    model = learner.model["LogisticRegression"]
    assert dict(model.weights)["mint=B"] == other
    assert "mint=A" not in {*dict(model.weights), *dict(model.optimizer.m), *dict(model.optimizer.v)}
    assert list(known(learner.model, learner.recent)["mint"]) == ["B"]
    world.feed(tosses(200, seed=3, first=600))
    shard = world.run().owned[0].shard
    assert shard.state.learner.version == 2
    verdict = world.verify()
    assert (verdict.difference, verdict.digest) == (None, shard.state.digest.hex())


def test_it_is_told_afterwards_what_was_forgotten(world: World) -> None:
    world.decide("reset_part", part="mint=A")
    world.run()
    (shown,) = decisions(world.store, pipeline="coins")
    assert shown.progress is not None
    (note,) = shown.progress.notes
    assert "what was known of mint=A is forgotten (1 weight: mint=A at " in note
    assert note.endswith("1 entry of recent statistics: mint_rate); 0 labels learned since.")


def test_a_rollback_to_the_batch_before_brings_the_weights_back(world: World) -> None:
    before = dict(learner_of(world.run()).model["LogisticRegression"].weights)
    world.decide("reset_part", part="mint=A")
    world.run()
    batch = world.journal.rows_with(0, "reset_part")[0].number
    world.decide("rollback", batch=batch - 1)
    assert dict(learner_of(world.run()).model["LogisticRegression"].weights) == before
    assert world.verify().difference is None


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("mint=C", r"no category 'C' of 'mint'; it knows A, B \(shard 0, after batch \d+\)"),
        ("town=A", "no category of 'town'; it knows some of mint"),
        ("OneHott", "no part 'OneHott': there are Select, OneHot, LogisticRegression"),
    ],
)
def test_a_wrong_name_is_refused_with_what_there_is(world: World, part: str, said: str) -> None:
    with pytest.raises(NotPossible, match=said):
        world.decide("reset_part", part=part)


def test_a_model_that_mixes_categories_refuses_and_names_what_can_be_done(tmp_path: Path) -> None:
    world = embedded_world(tmp_path, encoded(TREE))
    with closing(world.log), closing(world.store):
        world.feed(tosses(200))
        world.run()
        with pytest.raises(
            NotPossible, match=r"HoeffdingTreeClassifier mixes .*Reset HoeffdingTreeClassifier"
        ):
            world.decide("reset_part", part="mint=A")
        with world.store.read() as db:
            assert categories_of(db, "coins") == []


def test_of_a_private_field_nothing_is_told(tmp_path: Path) -> None:
    world = embedded_world(tmp_path, encoded(private=True))
    with closing(world.log), closing(world.store):
        world.feed(tosses(200))
        world.run()
        with world.store.read() as db:
            assert categories_of(db, "coins") == []
        with pytest.raises(NotPossible, match="no category of 'mint'; it knows none of any field"):
            world.decide("reset_part", part="mint=A")


def test_two_people_forget_the_same_category_at_once_and_the_shard_goes_on(world: World) -> None:
    world.decide("reset_part", part="mint=A")
    world.decide("reset_part", "bob", part="mint=A")
    world.decide("reset", "bob")
    world.decide("reset_part", "bob", part="mint=B")
    shard = world.run().owned[0].shard
    assert world.halted() is None
    assert list(known(shard.state.learner.model, shard.state.learner.recent)) == []
    assert world.verify().digest == shard.state.digest.hex()


def test_what_is_told_of_an_earlier_moment_refuses_no_category(world: World) -> None:
    with world.store.write() as db:
        column = snapshot_table.c
        newest = db.execute(sa.select(column.batch, column.knows).order_by(column.batch.desc())).all()[0]
        old = {**newest.knows, "batch": newest.batch - 1, "categories": {}}
        db.execute(snapshot_table.update().where(column.batch == newest.batch).values(knows=old))
    world.decide("reset_part", part="mint=A")
    world.decide("reset_part", part="mint=C")
    weights = world.run().owned[0].shard.state.learner.model["LogisticRegression"].weights
    assert "mint=A" not in weights
    known_one, unknown = (args for _, _, args in told(world))
    assert "failed" not in known_one
    assert unknown["failed"] == "the model knows no category 'C' of 'mint'; it knows A, B"


PLACES = [None, ((Owned, "advance"), False), ((Runner, "_process"), True)]


def test_a_worker_killed_while_it_forgets_resumes_as_if_nothing_had_happened(tmp_path: Path) -> None:
    digests = set()
    for n, place in enumerate(PLACES):
        folder = tmp_path / str(n)
        folder.mkdir()
        world = embedded_world(folder, encoded())
        with closing(world.log), closing(world.store):
            world.feed(tosses(600))
            world.run()
            world.decide("reset_part", part="mint=A")
            if place is not None:
                killed(place[0], world, after=place[1])
            world.feed(tosses(200, seed=3, first=600))
            shard = world.run().owned[0].shard
            verdict = world.verify()
            assert (verdict.difference, verdict.digest) == (None, shard.state.digest.hex())
            digests.add((shard.state.digest, shard.state.learner.version))
    assert len(digests) == 1


def test_parts_are_those_of_the_model_at_work_and_not_of_the_file(world: World) -> None:
    with world.store.write() as db:
        facts = db.execute(pipeline_table.select()).one().facts
        db.execute(pipeline_table.update().values(facts={**facts, "model": TREE}))
        course = db.execute(pipeline_table.select()).one()
        assert parts_of(db, course) == ["Select", "OneHot", "LogisticRegression"]
    world.decide("reset_part", part="LogisticRegression")
    with pytest.raises(NotPossible, match="no part 'HoeffdingTreeClassifier'"):
        world.decide("reset_part", part="HoeffdingTreeClassifier")
