"""Backtests: another model, or a stream without a source, on the labels exactly as they came."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.backtest import backtest
from fluvial.beside import Beside, distance, shared
from fluvial.config import with_model
from fluvial.decision import Decision
from fluvial.errors import ConfigError, Gap
from fluvial.memory import Memory
from fluvial.shard import StepFailed
from fluvial.store import decision_table, metadata
from fluvial.telling import Told
from learners.prediction import Outcome
from learners.task import task_named
from tests.fluvial.world import World, coins, embedded_world, tosses

LESS = 'Select("weight") | preprocessing.StandardScaler() | linear_model.LogisticRegression()'
Make = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[World] = []

    def world(name: str = "world", **changes: object) -> World:
        (tmp_path / name).mkdir()
        made.append(embedded_world(tmp_path / name, coins(**changes)))
        return made[-1]

    yield world
    for one in made:
        one.log.close()
        one.store.close()


def everything(world: World) -> dict[str, Any]:
    """All that the store holds, and how long the topics are."""
    with world.store.read() as db:
        found = {table.name: db.execute(sa.select(table)).all() for table in metadata.sorted_tables}
    roles = ("events", "labels", "predictions", "quarantine", "incidents")
    return found | {role: len(world.records(role)) for role in roles}


def decide(world: World, action: str, **args: object) -> None:
    with world.store.write() as db:
        row = {"pipeline": "coins", "shard": 0, "action": action, "review": "r", "args": args}
        db.execute(sa.insert(decision_table).values(row))


def test_a_variant_learns_what_a_worker_with_its_model_would_have_learned(make: Make) -> None:
    world, there = make(), make("there", model=LESS)
    for one in (world, there):
        one.feed(tosses(1500, flip_after=900))
        one.run()
    before = everything(world)
    found = backtest(world.place(), 0, with_model(world.pipeline, LESS))
    assert everything(world) == before, "a backtest writes nothing"
    assert found.original.digest == world.status()["digest"]
    assert found.variant.digest == there.status()["digest"]
    assert found.beside.labels == 1500
    scores = found.beside.values(recent=False)
    for side, truth in zip(scores, (world, there), strict=True):
        for name, values in truth.status()["scores"].items():
            assert {metric: side[name][metric] for metric in values} == pytest.approx(values)
    ours, theirs = (
        {r.offset: json.loads(r.value or b"") for r in one.records("predictions")} for one in (world, there)
    )
    apart = {offset: abs(ours[offset]["probability"] - theirs[offset]["probability"]) for offset in ours}
    assert found.beside.pairs == 1500
    assert found.beside.differ == sum(one > 0 for one in apart.values())
    assert found.beside.largest == pytest.approx(max(apart.values()))
    assert found.beside.mean == pytest.approx(sum(apart.values()) / 1500)
    decided = sum(ours[offset]["prediction"] != theirs[offset]["prediction"] for offset in ours)
    assert found.beside.decided_otherwise == decided > 0


def test_the_same_model_gives_the_same_of_everything(make: Make) -> None:
    world = make()
    world.feed(tosses(4000, flip_after=2000))
    world.run()
    found = backtest(world.place(), 0, world.pipeline)
    assert found.beside.differ == 0
    assert found.original == found.variant
    assert found.alarms[0] == found.alarms[1] != []


def test_without_a_source_all_is_as_if_it_had_never_come(make: Make) -> None:
    world, there = make(source="mint"), make("there", source="mint")
    records = list(tosses(1200))
    of_b = {name for kind, name, value, _ in records if kind == "events" and json.loads(value)["mint"] == "B"}
    world.feed(iter(records))
    there.feed(record for record in records if record[1] not in of_b)
    for one in (world, there):
        one.run()
    found = backtest(world.place(), 0, world.pipeline, ["B"])
    assert found.variant.digest == there.status()["digest"]
    assert found.sieve.left_out == {"events": 600, "labels": 600}
    assert found.beside.labels == 600, "both are judged on what both saw"
    assert found.beside.alone == [600, 0]
    assert found.variant.early == 0, "labels of what was left out wait for nothing"


def test_labels_of_a_source_are_left_out_too(make: Make) -> None:
    world = make()
    for kind, name, value, at in tosses(400):
        told = json.loads(value) | ({"source": "nightly"} if name.endswith("7") and kind == "labels" else {})
        world.log.append(f"coins.{kind}", json.dumps(told).encode(), key=name.encode(), timestamp=at)
    world.log.flush()
    world.run()
    found = backtest(world.place(), 0, world.pipeline, ["nightly"])
    assert found.sieve.left_out == {"events": 0, "labels": 40}
    assert found.variant.outcomes["learned"] == 360
    assert found.beside.labels == 360
    assert backtest(world.place(), 0, world.pipeline, ["nobody"]).sieve.seen == {"nightly": 40}


def test_decisions_hold_for_the_variant_and_a_rollback_brings_back_its_own_model(make: Make) -> None:
    world, there = make(), make("there", model=LESS)
    for one in (world, there):
        one.feed(tosses(400))
        one.run(batch=100)
        decide(one, "pause")
        one.run()
        one.feed(tosses(200, seed=2, first=400))
        one.run()
        decide(one, "resume")
        decide(one, "rollback", batch=3)
        one.run()
        one.feed(tosses(200, seed=3, first=600))
        one.run()
    found = backtest(world.place(), 0, with_model(world.pipeline, LESS))
    assert found.original.digest == world.status()["digest"]
    assert found.variant.model_version == 2
    assert found.variant.outcomes["predict_only"] == found.original.outcomes["predict_only"] > 0
    assert found.variant.digest == there.status()["digest"]
    with pytest.raises(Gap, match="rollback wants the model after batch 1"):
        Memory(world.journal, 0, world.pipeline).model(Decision(1, "rollback", "r", {"batch": 1}), 9)


def test_where_the_first_records_are_gone_both_begin_with_nothing_at_the_first_that_is_there(
    make: Make,
) -> None:
    world = make()
    world.feed(tosses(600))
    world.run()
    decide(world, "pause")
    world.run()
    world.feed(tosses(600, seed=2, first=600))
    world.run()
    world.log.trim(TopicPartition("coins.events", 0), 700)  # type: ignore[attr-defined]
    found = backtest(world.place(), 0, with_model(world.pipeline, LESS))
    assert found.since > 0
    assert found.original.events == found.variant.events < 500
    assert found.original.paused, "the pause was decided before"
    assert found.original.outcomes["learned"] == 0
    world.log.trim(TopicPartition("coins.events", 0), 1200)  # type: ignore[attr-defined]
    assert backtest(world.place(), 0, world.pipeline).original.events == 0


def test_a_variant_that_fails_on_a_record_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make()
    world.feed(tosses(50))
    world.run()
    from fluvial import sieve  # noqa: PLC0415

    monkeypatch.setattr(
        sieve.Sieve, "__call__", lambda self, records: [records[0]._replace(topic="elsewhere")]
    )
    with pytest.raises(StepFailed, match=r"^the original: batch 1, at elsewhere"):
        backtest(world.place(), 0, world.pipeline)


def test_a_model_that_a_file_could_not_have_is_refused_in_the_same_words() -> None:
    with pytest.raises(
        ConfigError, match=r"^--model: model: column 1: linear_model\.LogReg is not allowed; did you mean"
    ):
        with_model(coins(), "linear_model.LogReg()")
    with pytest.raises(ConfigError, match=r"no field is called 'wieght': did you mean 'weight'"):
        with_model(coins(), 'Select("wieght") | linear_model.LogisticRegression()')
    assert with_model(coins(), LESS) == coins(model=LESS)


def test_outcomes_that_come_apart_are_paired_and_those_of_one_run_alone_are_not_judged() -> None:
    beside = Beside(task_named("binary"), shared(["model", "base_rate"], ["model", "other"]), 100)

    def outcome(name: str, forecast: float) -> Outcome:
        return Outcome(name, 0.0, True, 0.5, True, None, (forecast, 0.5))

    beside.take(Told([], [outcome("a", 0.9), outcome("b", 0.8)]), Told([], [outcome("c", 0.1)]))
    beside.take(Told([], []), Told([], [outcome("a", 0.2)]))
    assert beside.labels == 1
    (first, second) = beside.values(recent=False)
    assert list(first) == ["model"]
    assert (first["model"]["mean_forecast"], second["model"]["mean_forecast"]) == (
        pytest.approx(0.9),
        pytest.approx(0.2),
    )


def test_the_distance_of_two_forecasts_is_that_of_their_probabilities() -> None:
    assert distance({"a": 0.5, "b": 0.5}, {}) == 0.5
    assert distance(3.0, -1.0) == 4.0
    with pytest.raises(TypeError):
        distance(0.5, {"a": 1.0})
