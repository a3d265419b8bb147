"""The same pipeline on Apache Kafka: the same predictions, bit for bit."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from consumers.kafka import KafkaLog
from fluvial.config import Pipeline, Topics
from fluvial.store import Store
from tests.fluvial.world import COINS, World, coins, embedded_world, tosses
from tests.waiting import wait_until


def renamed(pipeline: Pipeline) -> Pipeline:
    """The same pipeline under topic names that nobody else has."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    roles = ("events", "labels", "reviews", "predictions", "incidents", "quarantine")
    return pipeline.model_copy(update={"topics": Topics(**{role: f"{prefix}.{role}" for role in roles})})


@pytest.fixture
def on_kafka(kafka_bootstrap: str, tmp_path: Path) -> Iterator[World]:
    log, store = KafkaLog(kafka_bootstrap), Store(f"sqlite:///{tmp_path / 'kafka.db'}")
    yield World(renamed(coins()), log, store)
    log.close()
    store.close()


def test_the_embedded_log_and_kafka_give_the_same_predictions_bit_for_bit(
    on_kafka: World, tmp_path: Path
) -> None:
    beside = embedded_world(tmp_path, on_kafka.pipeline)
    for world in (beside, on_kafka):
        world.feed(tosses(3000, flip_after=1500))
        world.run()
    here, there = beside.records("predictions"), on_kafka.records("predictions")
    assert [r.value for r in here] == [r.value for r in there]
    assert beside.status()["digest"] == on_kafka.status()["digest"]
    assert on_kafka.verify().difference is None
    beside.log.close()
    beside.store.close()


def test_a_worker_on_kafka_recovers_from_the_journal_alone(on_kafka: World) -> None:
    on_kafka.feed(tosses(1000))
    digest = on_kafka.run(batch=37).owned[0].shard.state.digest
    on_kafka.feed(tosses(200, seed=3, first=1000))
    on_kafka.run()
    assert on_kafka.status()["events"] == 1200
    assert on_kafka.status()["digest"] != digest.hex()
    assert on_kafka.verify().difference is None


def test_a_backlog_on_kafka_loses_no_label(on_kafka: World) -> None:
    on_kafka.feed(islice(tosses(60_000), None))
    on_kafka.run(batch=2000, snapshot_every=1_000_000)
    status = on_kafka.status()
    assert status["outcomes"]["learned"] == 60_000
    assert status["fates"] == dict.fromkeys(status["fates"], 0) | {"used": 60_000}


def test_the_commands_of_the_readme_work_on_kafka(kafka_bootstrap: str, tmp_path: Path) -> None:
    name = f"coins-{uuid.uuid4().hex[:8]}"
    (tmp_path / "pipeline.yaml").write_text(COINS.replace("pipeline: coins", f"pipeline: {name}"))
    env = os.environ | {"FLUVIAL_HOME": str(tmp_path), "FLUVIAL_LOG": f"kafka://{kafka_bootstrap}"}

    def fluvial(*args: str, feed: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "fluvial", *args], cwd=tmp_path, env=env, input=feed, capture_output=True,
            text=True, check=False, timeout=90,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "created" in fluvial("topics", "create", "pipeline.yaml")
    assert "exists" in fluvial("topics", "create", "pipeline.yaml")
    assert "WRONG" not in fluvial("doctor", "pipeline.yaml")
    for stream in ("events", "labels"):
        feed = "\n".join(value.decode() for kind, _, value, _ in tosses(50) if kind == stream)
        fluvial("produce", "pipeline.yaml", "--stream", stream, feed=feed)
    worker = subprocess.Popen(
        [sys.executable, "-m", "fluvial", "run", "pipeline.yaml", "--metrics-port", "-1"],
        cwd=tmp_path,
        env=env,
    )
    try:
        wait_until(
            lambda: (
                "50 learned" in fluvial("status", name)
                if (tmp_path / "store.db").exists() and name in fluvial("pipelines")
                else False
            ),
            "50 labels are learned",
            60,
        )
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(15) == 0
    finally:
        if worker.poll() is None:
            worker.kill()
            worker.wait(10)
    assert "identical" in fluvial("replay", "pipeline.yaml", "--verify")
