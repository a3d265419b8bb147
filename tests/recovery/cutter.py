"""Cutter: stands between a client and PostgreSQL and cuts sessions while they commit.

It understands just enough of the protocol to know what a session has said since its last commit: a
message is a letter, a length and a body; the first one of a session has no letter. Q holds a
statement, P names one, B says which one is executed.
"""

import random
import select
import socket
import struct
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Literal, NamedTuple

Side = Literal["before", "after"]
"""Whether the server never hears of the commit, or has done it and nobody hears the answer."""

LENGTH = struct.Struct(">I")
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close says "reset" instead of "end"


class Cut(NamedTuple):
    """One that is to be made: in a commit after a statement that holds ``words``, on which side."""

    words: str
    side: Side


class Cutter:
    """Listens on ``port`` and passes everything on to ``server``; ``plan`` says what is cut next."""

    def __init__(self, server: tuple[str, int], rng: random.Random) -> None:
        self._server, self._rng = server, rng
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._plan: list[Cut] = []
        self._lock = Lock()
        self._closing = Event()
        self.made: list[Cut] = []
        self._threads: list[Thread] = []
        self._accepting = Thread(target=self._accept, name="cutter")
        self._accepting.start()

    def plan(self, *cuts: Cut) -> None:
        """Make these cuts, one after the other, each at the next commit that fits."""
        with self._lock:
            self._plan += cuts

    @property
    def planned(self) -> int:
        """How many are still to be made."""
        return len(self._plan)

    def close(self) -> None:
        """Cut everything and stop listening."""
        self._closing.set()
        self._accepting.join()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                client, _ = self._listener.accept()
                thread = Thread(target=self._serve, args=(client,), name="cutter session")
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._server) as server:
            session = Session()
            while not self._closing.is_set():
                for end in select.select([client, server], [], [], 0.05)[0]:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    if end is server:
                        client.sendall(data)
                    elif self._pass_on(session, data, server):
                        if self._rng.random() < 0.5:
                            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                        return

    def _pass_on(self, session: "Session", data: bytes, server: socket.socket) -> bool:
        """Send on what a client said; whether the session is to be cut now."""
        cut = self._due(session) if session.hear(data) else None
        if cut is None or cut.side == "after":
            server.sendall(data)
        if cut is None:
            return False
        if cut.side == "after":
            _wait_for_answer(server)
        self.made.append(cut)
        return True

    def _due(self, session: "Session") -> Cut | None:
        said, session.said = session.said, []
        with self._lock:
            if not self._plan or not any(self._plan[0].words in statement for statement in said):
                return None
            return self._plan.pop(0)


class Session:
    """What one client has said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._named: dict[bytes, str] = {}
        self._rest = b""
        self._begun = False

    def hear(self, data: bytes) -> bool:
        """Take more of what the client says; whether it has just asked for a commit."""
        self._rest += data
        commits = False
        while (message := self._next()) is not None:
            commits = self._understand(*message) or commits
        return commits

    def _next(self) -> tuple[bytes, bytes] | None:
        head = 1 if self._begun else 0
        if len(self._rest) < head + 4:
            return None
        (length,) = LENGTH.unpack_from(self._rest, head)
        if len(self._rest) < head + length:
            return None
        kind, body = self._rest[:head], self._rest[head + 4 : head + length]
        self._rest, self._begun = self._rest[head + length :], True
        return kind, body

    def _understand(self, kind: bytes, body: bytes) -> bool:
        match kind:
            case b"Q":
                statement = body.rstrip(b"\0").decode(errors="replace")
            case b"P":
                name, text, _ = body.split(b"\0", 2)
                self._named[name] = text.decode(errors="replace")
                return False
            case b"B":
                statement = self._named.get(body.split(b"\0", 2)[1], "")
            case _:
                return False
        if statement.strip(" ;").upper() == "COMMIT":
            return True
        self.said.append(statement)
        return False


def _wait_for_answer(server: socket.socket) -> None:
    """Read until the server says that it is ready for more: the commit is done then."""
    rest = b""
    while True:
        rest += server.recv(1 << 16)
        while len(rest) >= 5 and len(rest) >= 1 + LENGTH.unpack_from(rest, 1)[0]:
            if rest[:1] == b"Z":
                return
            rest = rest[1 + LENGTH.unpack_from(rest, 1)[0] :]
