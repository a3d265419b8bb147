"""Adopting: the shard goes on with exactly the model that a recipe gives, here and in every replay."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial.backtest import backtest
from fluvial.history import History
from fluvial.shadow.recipe import Recipe
from fluvial.store import decision_table
from learners.expression import build
from tests.fluvial.world import World, coins, embedded_world, tosses


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = embedded_world(tmp_path, coins(snapshot_every=1_000_000))
    yield made
    made.log.close()
    made.store.close()


def learned(world: World, n: int = 600) -> int:
    """Let the model learn for a while and then from labels turned round; returns the batch between the two."""
    world.feed(tosses(n))
    batch = world.run().owned[0].shard.state.batch
    world.feed(tosses(n, seed=2, first=n, flip_after=n))
    world.run()
    return batch


def tell(world: World, action: str, shard: int = 0, **args: Any) -> None:
    """Write a decision past the desk."""
    row = {"pipeline": "coins", "shard": shard, "action": action, "review": f"r-{action}", "args": args}
    with world.store.write() as db:
        db.execute(sa.insert(decision_table).values(row))


def adopt(world: World, recipe: Recipe) -> Any:
    """Adopt, let the worker take it up, and give its shard."""
    tell(world, "adopt", recipe=recipe.as_json())
    return world.run().owned[0].shard


def guess(world: World) -> float:
    """What the model says of a heavy coin now."""
    model = History(world.place(), 0).start().shard.state.learner.model
    return float(model.predict_proba_one({"weight": 2.0, "wear": 0.0})[True])


CASES = {
    "as it was": lambda at: Recipe(at, at, at),
    "afresh since": lambda at: Recipe(at, at, fresh=True),
    "from a window": lambda at: Recipe(at // 2, at // 2, at, fresh=True),
    "back and on": lambda at: Recipe(at // 2, at),
    "candidate": lambda at: Recipe(
        0, 0, fresh=True, model='Select("weight") | linear_model.LogisticRegression()'
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_model_is_the_one_that_the_recipe_gives_and_every_replay_agrees(world: World, name: str) -> None:
    at = learned(world)
    shard = adopt(world, CASES[name](at))
    assert shard.state.learner.version == 2
    world.feed(tosses(300, seed=3, first=1200))
    digest = world.run().owned[0].shard.state.digest
    verdict = world.verify()
    assert (verdict.difference, verdict.digest) == (None, digest.hex())
    world.spoil(keep=[0])
    assert world.run().owned[0].shard.state.digest == digest, "a restart from nothing"
    both = backtest(world.place(), 0, world.pipeline).beside
    assert (both.differ, both.alone) == (0, [0, 0])


def test_a_part_that_a_model_adopted_in_the_same_batch_does_not_have_is_refused_and_nothing_halts(
    world: World,
) -> None:
    at = learned(world)
    tell(world, "adopt", recipe=CASES["candidate"](at).as_json())
    tell(world, "reset_part", part="StandardScaler")
    assert world.run().owned[0].shard.state.learner.version == 2
    (row,) = world.journal.rows_with(0, "reset_part")
    assert [decision.action for decision in row.decisions] == ["adopt", "reset_part"]
    assert "the model has no part 'StandardScaler'" in row.decisions[1].args["failed"]
    assert world.halted() is None
    assert world.verify().difference is None


def test_the_model_of_before_the_drift_is_back_where_it_learned_nothing_since(world: World) -> None:
    at = learned(world)
    assert guess(world) < 0.5
    adopt(world, Recipe(at, at, at))
    assert guess(world) > 0.5


def by_hand(world: World, first: int, last: int, *, without: str = "") -> Any:
    """A fresh model that is taught, outside the product, the labels in the batches first + 1 to last."""
    model, seen = build(world.pipeline.model, seed=world.pipeline.seed), {}
    for row, records in History(world.place(), 0).read(0, last):
        for record in records:
            said = json.loads(record.value or b"")
            if "label" not in said:
                seen[said["id"]] = said
            elif row.number > first and seen[said["id"]]["mint"] != without:
                event = seen[said["id"]]
                features = {"weight": event["weight"], "wear": event["wear"]}
                model.learn_one(features | {"mint_rate": 0.5}, said["label"])
    return model


@pytest.mark.parametrize(
    ("start", "first", "last", "without"),
    [(12, 12, None, ""), (4, 4, 11, ""), (3, 12, 12, ""), (3, 8, None, ""), (6, 6, None, "A")],
)
def test_a_recipe_learns_the_labels_of_its_batches_and_sources_and_no_other(
    tmp_path: Path, start: int, first: int, last: int | None, without: str
) -> None:
    world = embedded_world(tmp_path, coins(snapshot_every=1_000_000, source="mint"))
    learned(world)
    recipe = Recipe(start, first, last, fresh=True, without=(without,) if without else ())
    shard = adopt(world, recipe)
    batch = world.journal.rows_with(0, "adopt")[0].number
    wanted = by_hand(world, first, batch - 1 if last is None else last, without=without)
    for weight in (-2.0, -0.1, 0.3, 4.0):
        coin = {"weight": weight, "wear": 0.1}
        assert shard.state.learner.model.predict_proba_one(coin) == wanted.predict_proba_one(coin)
    world.log.close()
    world.store.close()
