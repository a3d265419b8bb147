"""A few of each fault of brokers and connections; `make soak` has more."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.consumers.sockets import leaves_sockets
from tests.recovery.brokers import Outages, drop_connections, kill_one_of_three, kill_the_only_broker
from tests.services.kafka import Broker
from tests.services.kafka_cluster import KafkaCluster
from tests.services.kafka_jvm import ProxiedKafka

pytestmark = [pytest.mark.timeout(400), leaves_sockets]


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()  # see leaves_sockets


def survived(outages: Outages, times: int) -> None:
    assert outages.ok, outages.figure
    assert len(outages.seconds) == times


def test_a_worker_goes_on_when_the_only_broker_was_killed_and_came_back(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    survived(kill_the_only_broker(tmp_path, kafka_broker, 2), 2)


def test_a_worker_goes_on_while_one_broker_in_three_is_dead(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    survived(kill_one_of_three(tmp_path, kafka_cluster, 3), 3)


def test_a_worker_goes_on_when_its_connections_break_in_the_middle_of_a_request(
    kafka_proxied: ProxiedKafka, tmp_path: Path
) -> None:
    survived(drop_connections(tmp_path, kafka_proxied, 5), 5)
