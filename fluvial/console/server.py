"""ConsoleServer: the console on a port, in a thread of its own."""

import asyncio
import secrets
import socket
from collections.abc import Sequence
from threading import Event, Thread

import uvicorn

from fluvial.console.app import BY_TOKEN, SignIn, create
from fluvial.console.pulse import Pulse
from fluvial.settings import Settings
from fluvial.store import Store

ANY = ("0.0.0.0", "::", "")
"""Hosts that mean every address of this machine."""

PATIENCE = 10.0
"""Seconds that starting may take."""


class ConsoleServer:
    """Serves a store's console; without ``host`` only this machine can reach it.

    ``webhook`` is the token of Alertmanager. ``port`` 0 is any free one; ``names`` are further host names
    under which people open it; ``here`` are the settings of this machine. From construction on the port is
    ours and ``url`` is known; nobody is answered before :meth:`start`. Raises OSError where the port is
    taken.
    """

    def __init__(
        self,
        store: Store,
        *,
        token: str | None = None,
        webhook: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
        sign_in: SignIn = BY_TOKEN,
        here: Settings | None = None,
    ) -> None:
        self.token = token or secrets.token_urlsafe(24)
        self._host, self._local = host, sign_in.local
        known = [host, *names, *([socket.gethostname()] if host in ANY else [])]
        app = create(store, token=self.token, webhook=webhook, names=known, here=here, sign_in=sign_in)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family)
        # No access log: it would write the token down.
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
        self._server = _Server(config, app.state.pulse)
        self._thread: Thread | None = None

    @property
    def port(self) -> int:
        """The port people connect to."""
        return int(self._socket.getsockname()[1])

    @property
    def address(self) -> str:
        """The console's address, for links: whoever follows them has been let in already."""
        shown = "localhost" if self._host in ANY else f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{shown}:{self.port}"

    @property
    def url(self) -> str:
        """The address to open: it lets its reader in by the token, or is where users sign in."""
        if not self._local:
            return f"{self.address}/signin"
        return f"{self.address}/?token={self.token}"

    def start(self) -> None:
        """Return when requests are answered. Raises RuntimeError if that never happens."""
        self._thread = Thread(target=self._run, name="console", daemon=True)
        self._thread.start()
        if not self._server.settled.wait(PATIENCE) or not self._server.started:
            raise RuntimeError("the console did not start: see the log")

    def stop(self) -> None:
        """Answer what was asked, give the port back; harmless if it never started."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._server.settled.set()


class _Server(uvicorn.Server):
    """Tells another thread when starting is over, well or not; ends what would go on for ever."""

    def __init__(self, config: uvicorn.Config, pulse: Pulse) -> None:
        super().__init__(config)
        self.settled, self._pulse = Event(), pulse

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._pulse.close()  # else the connections of those who listen would be waited for
        await super().shutdown(sockets)
        # Who came while the others were told to go was told nothing; what did not end in time is cut off.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # a transport is closed in the next turn of the loop
