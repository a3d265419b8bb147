"""What is said of a broker that cannot be reached, when there are several reasons to choose from."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka.errors import KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError

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


@pytest.mark.parametrize("late", [RequestTimedOutError, KafkaTimeoutError])
def test_an_attempt_that_our_patience_ended_hides_no_reason(late: type[Exception]) -> None:
    net, why = _Net.__new__(_Net), KafkaConnectionError("bad certificate")
    net.failure = None
    noted = net._noting(lambda error: None)
    noted(late("before any reason"))
    assert isinstance(net.failure, late)
    noted(why)
    noted(late("Timeout during ApiVersions check"))
    assert net.failure is why
