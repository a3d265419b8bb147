"""MetricsServer: what it answers at which path, to whom, and that it gives its port back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from monitors.metrics import MetricsServer


class Worker:
    """Somebody who says what is wrong."""

    said = ""

    def trouble(self) -> str:
        return self.said


@contextmanager
def served(worker: Worker, host: str = "127.0.0.1") -> Iterator[httpx.Client]:
    registry = CollectorRegistry()
    Counter("tries", "Tries.", registry=registry)
    server = MetricsServer(registry, host, 0, worker.trouble)
    server.start()
    try:
        at = f"[{host}]" if ":" in host else host
        with httpx.Client(trust_env=False, base_url=f"http://{at}:{server.port}") as client:
            yield client
    finally:
        server.stop()


def test_ready_is_what_the_worker_says_at_the_moment() -> None:
    worker = Worker()
    with served(worker) as client:
        for said, status, line in (
            ("", 200, "ready\n"),
            ("the store is away", 503, "the store is away\n"),
            ("two lines\nand a \u2603", 503, "two lines and a \u2603\n"),
            ("", 200, "ready\n"),
        ):
            worker.said = said
            answer = client.get("/ready")
            assert (answer.status_code, answer.text) == (status, line)
            assert answer.headers["cache-control"] == "no-store"


def test_live_and_metrics_answer_whatever_the_trouble_is() -> None:
    worker = Worker()
    worker.said = "the store is away"
    with served(worker) as client:
        assert (client.get("/live").status_code, client.get("/live").text) == (200, "alive\n")
        assert "tries_total 0.0" in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/", "/readyz", "/healthz", "/metrics/x"])
def test_a_path_that_means_nothing_is_never_taken_for_good_health(path: str) -> None:
    with served(Worker()) as client:
        assert client.get(path).status_code == 404


def test_it_listens_on_ipv6_too() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with served(Worker(), "::1") as client:
        assert client.get("/ready").text == "ready\n"


def test_a_stopped_server_gives_its_port_back() -> None:
    registry = CollectorRegistry()
    server = MetricsServer(registry)
    server.start()
    server.stop()
    server.stop()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0
    again = MetricsServer(registry, port=server.port)
    again.start()
    again.stop()


def test_a_port_that_is_taken_is_an_error() -> None:
    registry = CollectorRegistry()
    server = MetricsServer(registry)
    server.start()
    try:
        with pytest.raises(OSError, match="in use"):
            MetricsServer(registry, port=server.port).start()
    finally:
        server.stop()
