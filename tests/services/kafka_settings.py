"""The settings of a Kafka for tests, and the question whether it is up."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

POM = Path(__file__).with_name("pom.xml")
_API_VERSIONS = b"\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff"  # api 18, version 0, correlation 1, no client id


def kafka_version() -> str:
    """The version the pom asks for; containers use the same."""
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", POM.read_text())
    assert found, f"{POM} does not name kafka.version"
    return found[1]


class Listener(NamedTuple):
    """A door of a broker: clients are told `advertised`, which may be the port of a proxy."""

    name: str
    protocol: str
    port: int
    advertised: int


def listening(host: str, bind: str, controller_port: int, listeners: Sequence[Listener]) -> dict[str, str]:
    """The properties of a broker with these doors; the last one is for its fellow brokers."""
    doors = [f"{each.name}://{bind}:{each.port}" for each in listeners]
    protocols = [f"{each.name}:{each.protocol}" for each in listeners]
    return {
        "listeners": ",".join([*doors, f"CONTROLLER://127.0.0.1:{controller_port}"]),
        "advertised.listeners": ",".join(f"{each.name}://{host}:{each.advertised}" for each in listeners),
        "listener.security.protocol.map": ",".join([*protocols, "CONTROLLER:PLAINTEXT"]),
        "inter.broker.listener.name": listeners[-1].name,
    }


def replicated(brokers: int) -> dict[str, str]:
    """The properties with which every topic survives the death of one of three brokers."""
    copies, in_sync = str(brokers), str(min(brokers, 2))
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
    }


def settings(host: str, port: int, controller_port: int, data: str, bind: str) -> dict[str, str]:
    """The properties of a broker that is its own controller and answers clients on `host:port`."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        **listening(host, bind, controller_port, [Listener("PLAINTEXT", "PLAINTEXT", port, port)]),
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        "num.partitions": "4",
        "auto.create.topics.enable": "false",  # a mistyped topic is an error, not a new topic
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        **replicated(1),
        "group.initial.rebalance.delay.ms": "0",
        # a killed broker that comes back is refused until its old session is over: 9 s unless told otherwise
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "300",
    }


def kafka_answers(host: str, port: int) -> bool:
    """Whether a broker answers an ApiVersions request; an open port alone is too early."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(len(_API_VERSIONS).to_bytes(4, "big") + _API_VERSIONS)
            return len(connection.recv(10)) >= 8
    except OSError:
        return False
