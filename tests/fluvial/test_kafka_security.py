"""Kafka that asks who comes: the settings let log and membership in, and what is wrong is said."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from consumers.log import LogError, LogUnavailable
from consumers.record import TopicPartition
from fluvial.opening import open_log
from fluvial.settings import Settings
from fluvial.wiring import membership_of
from tests.consumers.sockets import leaves_sockets
from tests.fluvial.test_kafka_loop import renamed
from tests.fluvial.world import coins
from tests.services.kafka_secure import PASSWORD, USER, SecureKafka
from tests.waiting import wait_until

pytestmark = leaves_sockets

Reach = Callable[..., Settings]


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()  # see leaves_sockets


@pytest.fixture
def reach(kafka_secure: SecureKafka, tmp_path: Path) -> Reach:
    """The settings that open a door of the broker, but for what is changed."""
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "wrong").write_text("hunter2")
    password = {"kafka_user": USER, "kafka_password_file": tmp_path / "password"}
    trust: dict[str, Any] = {"kafka_ca_file": kafka_secure.certificate}
    shown = {"kafka_cert_file": kafka_secure.client, "kafka_cert_key_file": kafka_secure.client_key}
    needed = {"sasl_plaintext": password, "ssl": trust | shown, "sasl_ssl": password | trust}

    def settings(door: str, **changes: Any) -> Settings:
        address = f"kafka://{kafka_secure.doors[door.upper()]}"
        return Settings(
            **({"log": address, "kafka_security": door, "home": tmp_path} | needed[door] | changes)
        )

    return settings


@pytest.mark.parametrize("door", ["sasl_plaintext", "ssl", "sasl_ssl"])
def test_log_and_membership_come_in_by_every_door(reach: Reach, door: str) -> None:
    settings, pipeline = reach(door), renamed(coins(pipeline=f"coins{uuid.uuid4().hex[:8]}"))
    with closing(open_log(settings)) as log:
        for topic in pipeline.input_topics:
            log.create(topic, 1)
            log.append(topic, b"secret", timestamp=1)
        log.flush()
        tp = TopicPartition(pipeline.input_topics[0], 0)
        assert [record.value for record in log.fetch(tp, 0, 1)] == [b"secret"]
        with closing(log.tail({tp: 0})) as tail:
            assert wait_until(lambda: tail.poll(0.2), "the record")[tp][0].value == b"secret"
        with closing(membership_of(pipeline, settings)) as membership:
            wait_until(lambda: membership.assigned() == {0}, "the shard is ours")


@pytest.mark.parametrize(
    ("door", "changes", "error", "said"),
    [
        ("sasl_plaintext", {"kafka_user": "bob"}, LogError, "the user or its secret is refused"),
        ("sasl_ssl", {"kafka_password_file": "wrong"}, LogError, "the user or its secret is refused"),
        ("sasl_ssl", {"kafka_ca_file": None}, LogUnavailable, "its certificate is not trusted here"),
        (
            "ssl",
            {"kafka_cert_file": None, "kafka_cert_key_file": None},
            LogUnavailable,
            "it wants a certificate",
        ),
        (
            "sasl_plaintext",
            {"kafka_security": "plaintext", "kafka_user": "", "kafka_password_file": None},
            LogUnavailable,
            "perhaps the two do not mean the same security",
        ),
    ],
)
def test_who_is_not_let_in_is_told_why(
    reach: Reach, tmp_path: Path, door: str, changes: dict[str, Any], error: type[LogError], said: str
) -> None:
    if changes.get("kafka_password_file"):
        changes = changes | {"kafka_password_file": tmp_path / changes["kafka_password_file"]}
    with closing(open_log(reach(door, **changes), patience=3.0)) as log:
        with pytest.raises(error, match=said) as raised:
            log.describe(["t"])
        # A busy broker can hang up before it has said why; then both causes are named, and it is tried again.
        hung_up = isinstance(raised.value, LogUnavailable) and "perhaps" in str(raised.value)
        assert type(raised.value) is error or hung_up
        for secret in (PASSWORD, "hunter2"):
            assert secret not in str(raised.value)


def test_a_mechanism_that_the_broker_does_not_know_is_an_error(reach: Reach) -> None:
    settings = reach("sasl_plaintext", kafka_sasl_mechanism="SCRAM-SHA-512")
    with (
        closing(open_log(settings, patience=3.0)) as log,
        pytest.raises(LogError, match=r"in another way|the same security"),  # the broker hangs up at once
    ):
        log.describe(["t"])
