"""The settings of a one-node Kafka for tests, and the question whether it is up."""

from __future__ import annotations

import re
import socket
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
_API_VERSIONS = b"\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff"  # api 18, version 0, correlation 1, no client id


def kafka_version() -> str:
    """The version the pom asks for; containers use the same."""
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", POM.read_text())
    assert found, f"{POM} does not name kafka.version"
    return found[1]


def settings(host: str, port: int, controller_port: int, data: str, bind: str) -> dict[str, str]:
    """The properties of a broker that is its own controller and answers clients on `host:port`."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://{bind}:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "num.partitions": "4",
        "auto.create.topics.enable": "false",  # a mistyped topic is an error, not a new topic
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
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
