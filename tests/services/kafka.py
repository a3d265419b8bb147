"""Where the tests' Kafka comes from: an address, Docker, or a Java process; and topics in it."""

from __future__ import annotations

import contextlib
import os
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tests.services.containers import docker_answers
from tests.services.kafka_docker import DockerKafka
from tests.services.kafka_jvm import JvmKafka
from tests.services.kafka_settings import kafka_answers
from tests.waiting import wait_until

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # how it reads its schemas
    from kafka import KafkaAdminClient, KafkaConsumer
    from kafka import TopicPartition as KafkaPartition  # noqa: F401 - for those who ask an admin client
    from kafka.admin import NewTopic

ADDRESS = "FLUVIAL_TEST_KAFKA"


class Kafka(Protocol):
    """Anything clients can connect to."""

    bootstrap: str
    description: str


class Broker(Kafka, Protocol):
    """A broker of one's own: what it has acknowledged outlives `stop` and `kill9`, its address stays."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill9(self) -> None: ...


class GivenKafka:
    """The broker whose address the environment names; it is used, never started or stopped."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.description = f"Kafka at {bootstrap} ({ADDRESS})"
        host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
        wait_until(lambda: kafka_answers(host, int(port)), f"{self.description} answers", deadline_s=10)


@contextlib.contextmanager
def any_kafka(folder: Path) -> Iterator[Kafka]:
    """The Kafka that is cheapest to have; raises `UnavailableError`."""
    if address := os.environ.get(ADDRESS):
        yield GivenKafka(address)
        return
    with own_broker(folder) as broker:
        yield broker


@contextlib.contextmanager
def own_broker(folder: Path) -> Iterator[Broker]:
    """A running broker that may be stopped, killed and started again; raises `UnavailableError`."""
    if docker_answers():
        container = DockerKafka()
        try:
            container.start()
            yield container
        finally:
            container.remove()
        return
    broker = JvmKafka(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


def create_topic(
    bootstrap: str, partitions: int = 1, name: str | None = None, replicas: int = 1, **settings: str
) -> str:
    """A new topic, returned by name once the broker serves it; settings as in `retention_ms="1000"`."""
    topic = name or f"test-{uuid.uuid4().hex[:12]}"
    configs = {key.replace("_", "."): value for key, value in settings.items()}
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics(
            [NewTopic(topic, num_partitions=partitions, replication_factor=replicas, topic_configs=configs)]
        )
    finally:
        admin.close()
    _wait_for_topic(bootstrap, topic, partitions)
    return topic


def _wait_for_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """The controller answers before the broker knows: wait until a client sees every partition."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    try:
        wait_until(
            lambda: len(consumer.partitions_for_topic(topic) or ()) == partitions, f"topic {topic} is served"
        )
    finally:
        consumer.close()
