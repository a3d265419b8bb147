"""MetricsServer: what a worker says over HTTP to Prometheus, and to whoever keeps it running."""

import socket
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

Start = Callable[[str, list[tuple[str, str]]], Any]


class MetricsServer:
    """Serves over HTTP, on threads of its own; port 0 takes a free one.

    ``/metrics`` is the registry. ``/live`` says 200 as long as the process answers at all. ``/ready``
    says 200 while ``trouble``, asked from any thread, returns nothing, and 503 with what it returns.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        host: str = "127.0.0.1",
        port: int = 0,
        trouble: Callable[[], str] = lambda: "",
    ) -> None:
        self.host, self.port = host, port
        self._metrics = make_wsgi_app(registry)
        self._trouble = trouble
        self._running: tuple[WSGIServer, Thread] | None = None

    def start(self) -> None:
        """Listen; ``port`` then is the one that was taken. Raises OSError."""
        server = make_server(self.host, self.port, self._answer, _server_for(self.host), _Silent)
        thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        self._running, self.port = (server, thread), server.server_port

    def stop(self) -> None:
        """Stop listening; harmless when it is not running."""
        if self._running is not None:
            server, thread = self._running
            self._running = None
            server.shutdown()
            server.server_close()
            thread.join()

    def _answer(self, request: dict[str, Any], start: Start) -> Iterable[bytes]:
        match request["PATH_INFO"]:
            case "/metrics":
                found: Iterable[bytes] = self._metrics(request, start)
                return found
            case "/live":
                return _say(start, "200 OK", "alive")
            case "/ready":
                trouble = " ".join(self._trouble().split())
                return _say(start, "503 Service Unavailable" if trouble else "200 OK", trouble or "ready")
            case _:
                return _say(start, "404 Not Found", "there is /metrics, /ready and /live")


def _say(start: Start, status: str, line: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
    return [f"{line}\n".encode()]


def _server_for(host: str) -> type[WSGIServer]:
    family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    return type("Server", (ThreadingWSGIServer,), {"address_family": family})


class _Silent(WSGIRequestHandler):
    """Keeps one line for every scrape out of the worker's log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name upstream
        """Say nothing."""
