"""What is said of a broker that cannot be reached, when there are several reasons to choose from."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
)

from consumers.kafka import KafkaLog
from consumers.kafka_clients import _Net
from consumers.log import LogUnavailable
from tests.consumers.sockets import leaves_sockets


@pytest.fixture
def sullen() -> Iterator[str]:
    """The address of somebody who hangs up twice and then lets callers wait."""
    held: list[socket.socket] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        for number in range(100):
            try:
                caller, _ = listening.accept()
            except OSError:
                return  # closed: the test is over
            if number < 2:
                caller.recv(65_536)  # unread bytes would make it a reset
                caller.close()
            else:
                held.append(caller)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for one in (listening, *held):
            one.close()
        gc.collect()


@leaves_sockets
def test_who_hung_up_is_told_although_the_time_ran_out_in_the_end(sullen: str) -> None:
    said = "perhaps the two do not mean the same security"
    with closing(KafkaLog(sullen, patience=3.0)) as log, pytest.raises(LogUnavailable, match=said):
        log.describe(["t"])


def timed_out() -> Exception:
    """As kafka-python raises it where our time was up before it could connect."""
    try:
        try:
            raise KafkaTimeoutError("I/O wait timed out")
        except KafkaTimeoutError:
            raise KafkaConnectionError("Connection timed out")  # noqa: B904  # as there
    except KafkaConnectionError as error:
        return error


GONE = KafkaConnectionError("socket disconnected")
ALERT = KafkaConnectionError("[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate")
PASSWORD = SaslAuthenticationFailedError("Authentication failed")


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (RequestTimedOutError("Timeout during ApiVersions check"), GONE),
        (KafkaTimeoutError("Connection timed out"), ALERT),
        (timed_out(), ALERT),
        (GONE, ALERT),
        (GONE, PASSWORD),
    ],
)
def test_the_attempt_that_tells_most_is_told_whichever_came_last(less: Exception, more: Exception) -> None:
    for order in ([less, more], [more, less]):
        net = _Net.__new__(_Net)
        net.failure = None
        noted = net._noting(lambda error: None)
        for error in order:
            noted(error)
        assert net.failure is more


def test_of_two_attempts_that_tell_as_much_the_later_is_told() -> None:
    net = _Net.__new__(_Net)
    net.failure = None
    noted = net._noting(lambda error: None)
    for error in (GONE, again := KafkaConnectionError("111 ECONNREFUSED")):
        noted(error)
    assert net.failure is again
