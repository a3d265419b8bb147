"""ConsoleServer: the console on a port, in a thread of its own."""

import secrets
import socket
from collections.abc import Sequence
from threading import Thread
from time import monotonic, sleep

import uvicorn

from fluvial.console.app import create
from fluvial.store import Store

ANY = ("0.0.0.0", "::", "")
"""Hosts that mean every address of this machine."""

PATIENCE = 10.0
"""Seconds that starting may take."""


class ConsoleServer:
    """Serves a store's console; ``port`` 0 is any free one. Others reach it only if ``host`` lets them.

    ``names`` are further host names under which people open it. Raises OSError where the port is
    taken; from then on the port is ours and ``url`` is known, but nobody is answered before ``start``.
    """

    def __init__(
        self,
        store: Store,
        *,
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
    ) -> None:
        self.token = token or secrets.token_urlsafe(24)
        self._names = [host, *names] + ([socket.gethostname(), socket.getfqdn()] if host in ANY else [])
        app = create(store, token=self.token, names=self._names)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family)
        # The access log would write the token down.
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)
        self._thread: Thread | None = None
