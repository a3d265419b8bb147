"""Shadow tables and adopted models on Apache Kafka and PostgreSQL, as on the embedded log and SQLite."""

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from consumers.kafka import KafkaLog
from fluvial.incidents import Incidents
from fluvial.shadow.jobs import Jobs
from fluvial.store import Store
from monitors.alarm import Alarm
from tests.fluvial.shadow.drifted import computed, incident_of
from tests.fluvial.world import START, World, coins, tosses

ROLES = ("events", "labels", "reviews", "predictions", "incidents", "quarantine")


@pytest.fixture
def world(kafka_bootstrap: str, store_url: str) -> Iterator[World]:
    name = f"t{uuid.uuid4().hex[:12]}"
    silent = {"warmup": 500_000, "seasons": []}
    topics = {role: f"{name}.{role}" for role in ROLES}
    pipeline = coins(partitions=3, topics=topics, monitor=silent, snapshot_every=400)
    with closing(KafkaLog(kafka_bootstrap)) as log, closing(Store(store_url)) as store:
        yield World(pipeline, log, store)


def test_a_table_is_computed_and_its_model_adopted(world: World) -> None:
    world.feed(tosses(1_200, flip_after=700))
    world.run()
    onset = START / 1000 + 700
    alarm = Alarm("loss", "worse", onset + 300, onset, 1000, 0.1, 0.4, 500, 500)
    Incidents(world.store).record("coins", 0, [("fault", alarm)])
    (table,) = computed(world)
    assert table.result is not None, table.failed
    rows = {row["name"]: row["loss"] for row in table.result["variants"]}
    assert rows["frozen"] > rows["as_is"] > rows["retrained"]
    world.decide("adopt", incident=incident_of(world).id, variant="retrained")
    computed(world)
    assert [job.state for job in Jobs(world.store).of(incident_of(world).id, "model")] == ["done"]
    world.feed(tosses(300, seed=3, first=1_200, flip_after=0))
    shard = world.run().owned[0].shard
    assert shard.state.learner.version == 2
    verdict = world.verify()
    assert (verdict.difference, verdict.digest) == (None, shard.state.digest.hex())
