"""A TCP proxy that can cut its connections or swallow what they carry, at a moment of one's choice."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.services.process import free_port

CHUNK = 65_536
T = TypeVar("T")


class Trap:
    """Cuts every connection when a client sends what `matches`; it springs once."""

    def __init__(self, matches: Callable[[bytes], bool], forward: bool) -> None:
        self.matches, self.forward = matches, forward
        self.sprung = threading.Event()


class Proxy:
    """Forwards what comes to `127.0.0.1:port` to a target and back; for clients of any protocol.

    The target need not be up. It runs in a thread of its own; `close` ends it and every connection.
    """

    def __init__(self, host: str, port: int, listen: int | None = None) -> None:
        self.port = listen or free_port()
        self._target = host, port
        self._loop = asyncio.new_event_loop()
        self._connections: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self._traps: list[Trap] = []
        self._open = asyncio.Event()
        self._open.set()
        self._closing = False
        # not asyncio's own server: one that is closed while somebody connects leaks the connection
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._let_in)
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {self.port}")
        self._thread.start()

    def cut(self) -> None:
        """Reset every connection; new ones are let in."""
        self._do(self._cut())

    def block(self) -> None:
        """Let nothing through any more; connections stay, and new ones are let in and hear nothing."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def unblock(self) -> None:
        """Let everything through again, first what has waited."""
        self._loop.call_soon_threadsafe(self._open.set)

    def cut_when(self, matches: Callable[[bytes], bool], *, forward: bool) -> Trap:
        """Cut when a client sends a chunk that matches, after it was forwarded or instead.

        A chunk is what one read gave: the beginning of a request is the beginning of a chunk where
        the client waits for answers.
        """
        trap = Trap(matches, forward)
        self._loop.call_soon_threadsafe(self._traps.append, trap)
        return trap

    def close(self) -> None:
        """Reset every connection, listen no more and end the thread."""
        if self._loop.is_closed():
            return
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _let_in(self) -> None:
        connection, _ = self._listener.accept()
        self._connections[self._loop.create_task(self._serve(connection))] = []

    async def _serve(self, connection: socket.socket) -> None:
        task = asyncio.current_task()
        assert task
        writers = self._connections[task]
        try:
            here, answers = await asyncio.open_connection(sock=connection)
            writers.append(answers)
            if self._closing:
                return
            there, requests = await asyncio.open_connection(*self._target)
            writers.append(requests)
            await asyncio.gather(self._pump(here, requests, self._traps), self._pump(there, answers, []))
        except OSError:
            pass  # one side is gone, or was never there: so is the other, from now on
        finally:
            for each in self._connections.pop(task):
                _reset(each)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, traps: list[Trap]
    ) -> None:
        while chunk := await reader.read(CHUNK):
            await self._open.wait()
            trap = next((trap for trap in traps if trap.matches(chunk)), None)
            if trap is None or trap.forward:
                writer.write(chunk)
                await writer.drain()
            if trap is not None:
                traps.remove(trap)
                await self._cut()
                trap.sprung.set()
        writer.write_eof()

    async def _cut(self) -> None:
        for writers in self._connections.values():
            for writer in writers:
                _reset(writer)

    async def _end(self) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.close()
        self._closing = True
        while self._connections:
            await self._cut()  # again and again: some may only now reach the target
            self._open.set()
            await asyncio.wait(list(self._connections), timeout=0.05)
        await asyncio.sleep(0)  # aborted transports close their sockets in the next turn


def is_produce(chunk: bytes) -> bool:
    """Whether a Kafka client begins to send records here: the api key behind the length is 0."""
    return chunk[4:6] == b"\x00\x00" and len(chunk) > 8


def is_fetch(chunk: bytes) -> bool:
    """Whether a Kafka client asks for records here."""
    return chunk[4:6] == b"\x00\x01" and len(chunk) > 8


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once, so that the other side is told of a reset and not of an end."""
    raw: socket.socket | None = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
