"""Three brokers that keep three copies of everything: any one of them may be killed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from tests.services.kafka_jvm import HOST, JvmKafka, random_id
from tests.services.kafka_settings import kafka_version, replicated
from tests.services.process import free_port
from tests.waiting import wait_until

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # how it reads its schemas
    from kafka import KafkaAdminClient

T = TypeVar("T")

SIZE = 3


class KafkaCluster:
    """A cluster of Java processes; brokers are numbered from 0."""

    def __init__(self, folder: Path) -> None:
        ports = [(free_port(), free_port()) for _ in range(SIZE)]
        voters = [f"{HOST}:{controller}" for _, controller in ports]
        named = ",".join(f"{i}@{voter}:{random_id()}" for i, voter in enumerate(voters, 1))
        cluster_id = random_id()

        def made(index: int) -> JvmKafka:
            changes = {
                "node.id": str(index + 1),
                "controller.quorum.bootstrap.servers": ",".join(voters),
                **replicated(SIZE),
            }
            quorum = ("--initial-controllers", named)
            return JvmKafka(
                folder / str(index), changes, ports=ports[index], quorum=quorum, cluster_id=cluster_id
            )

        self.brokers: Sequence[JvmKafka] = _all_at_once(made, range(SIZE))
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)
        self.description = f"{SIZE} brokers of Apache Kafka {kafka_version()} (JVM, from Maven)"

    def start(self) -> None:
        """Start every broker that is not up: a quorum needs most of them, so all at once."""
        _all_at_once(lambda index: self.brokers[index].start(), range(SIZE))

    def wait_until_whole(self, topics: Sequence[str]) -> None:
        """Wait until every broker holds all of these topics again."""
        wait_until(lambda: self._copies(topics) == {SIZE}, "all copies are there", deadline_s=90)

    def _copies(self, topics: Sequence[str]) -> set[int]:
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap)) as admin:
            found = admin.describe_topics(list(topics))
        return {len(partition["isr_nodes"]) for topic in found for partition in topic["partitions"]}

    def stop(self) -> None:
        """Shut all down at once: the last one alone would wait for the others."""
        _all_at_once(lambda index: self.brokers[index].stop(), range(SIZE))


@contextmanager
def kafka_cluster_in(folder: Path) -> Iterator[KafkaCluster]:
    """A running cluster; raises `UnavailableError`."""
    cluster = KafkaCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _all_at_once(call: Callable[[int], T], indices: Sequence[int]) -> list[T]:
    with ThreadPoolExecutor(len(indices)) as pool:
        return list(pool.map(call, indices))
