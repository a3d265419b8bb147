"""The past on Apache Kafka: proof, backtest, explanation and rehearsal, as on the embedded log."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.kafka import KafkaLog
from fluvial.backtest import backtest
from fluvial.config import Topics, with_model
from fluvial.explaining import explain
from fluvial.found import NoSuchPrediction, find
from fluvial.rehearsal import rehearse
from fluvial.store import Store
from tests.fluvial.world import World, coins, tosses

LESS = 'Select("weight") | preprocessing.StandardScaler() | linear_model.LogisticRegression()'
ROLES = ("events", "labels", "reviews", "predictions", "incidents", "quarantine")


@pytest.fixture
def world(kafka_bootstrap: str, tmp_path: Path) -> Iterator[World]:
    name = f"t{uuid.uuid4().hex[:12]}"
    pipeline = coins(partitions=3, topics={role: f"{name}.{role}" for role in ROLES})
    assert isinstance(pipeline.topics, Topics)
    log, store = KafkaLog(kafka_bootstrap), Store(f"sqlite:///{tmp_path / 'kafka.db'}")
    yield World(pipeline, log, store)
    log.close()
    store.close()


def test_the_past_can_be_asked_on_kafka(world: World) -> None:
    world.feed(tosses(900, flip_after=600))
    world.run()
    verdict = world.verify()
    assert (verdict.difference, verdict.compared) == (None, 900)
    less = with_model(world.pipeline, LESS)
    compared = backtest(world.place(), 0, less)
    assert compared.original.digest == world.status()["digest"]
    assert compared.beside.labels == 900

    found = find(world.pipeline, world.log, "coin-777", 10_000)
    made = explain(world.place(), found)
    assert made.same
    assert made.fate.what == "learned"
    with pytest.raises(NoSuchPrediction, match="among the newest 900"):
        find(world.pipeline, world.log, "coin-901", 10_000)

    same = rehearse(world.place(), world.store, 0, 200)
    assert same.identical
    other = rehearse(world.place()._replace(pipeline=less), world.store, 0, 200)
    assert other.tail.differ == other.tail.pairs >= 200
