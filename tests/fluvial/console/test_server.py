"""The console on a port of this machine."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading

import httpx
import pytest

from fluvial.console.server import ConsoleServer
from fluvial.store import Store
from tests.waiting import wait_until


def test_the_printed_address_lets_a_visitor_in(server: ConsoleServer) -> None:
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(server.url)
    assert page.status_code == 200
    assert "token" not in str(page.url)
    assert "Pipelines" in page.text
    assert httpx.get(server.address).status_code == 401


def test_without_a_host_only_this_machine_is_served(server: ConsoleServer) -> None:
    assert server.url.startswith("http://127.0.0.1:")


def test_every_start_has_a_token_of_its_own(store: Store) -> None:
    tokens = set()
    for _ in range(3):
        server = ConsoleServer(store)
        tokens.add(server.token)
        server.stop()
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 32


def test_a_taken_port_is_told_at_once(server: ConsoleServer, store: Store) -> None:
    with pytest.raises(OSError, match="in use"):
        ConsoleServer(store, port=server.port)


def test_stopping_gives_the_port_and_the_thread_back(store: Store) -> None:
    server = ConsoleServer(store)
    server.start()
    port = server.port
    assert httpx.get(f"{server.address}/healthz").status_code == 200
    server.stop()
    assert "console" not in {thread.name for thread in threading.enumerate()}
    with contextlib.closing(socket.create_server(("127.0.0.1", port))):
        pass


def test_a_connection_that_came_while_the_console_was_stopping_is_closed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ConsoleServer(store)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as late:
        connections = server._server.server_state.connections
        wait_until(lambda: connections, "the connection is there")
        monkeypatch.setattr(type(next(iter(connections))), "shutdown", lambda connection: None)
        server.stop()
        assert late.recv(1) == b""
    gc.collect()  # what was left open would be complained of


def test_a_host_that_was_asked_for_is_served_under_its_names(store: Store) -> None:
    server = ConsoleServer(store, host="0.0.0.0", names=["models.example"])
    server.start()
    try:
        assert server.url.startswith("http://localhost:")
        port = server.port
        for host, status in (("models.example", 200), (socket.gethostname(), 200), ("evil.example", 400)):
            answer = httpx.get(f"http://127.0.0.1:{port}/healthz", headers={"Host": host})
            assert answer.status_code == status
    finally:
        server.stop()


@pytest.mark.parametrize("name", ["plotly.min.js", "console.js", "console.css", "plotly.css", "icon.svg"])
def test_the_pages_parts_come_from_here_and_may_be_kept(server: ConsoleServer, name: str) -> None:
    answer = httpx.get(f"{server.address}/static/{name}?v=1")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert httpx.get(f"{server.address}/static/{name}").headers["cache-control"] == "no-cache"
