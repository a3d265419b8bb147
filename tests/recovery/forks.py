"""Forks: servers that fork workers with everything imported, each under another hash seed.

``python -m tests.recovery.forks`` reads jobs from stdin, one JSON line each, and answers each with
how that life ended. The server has no thread and no connection, so that every fork is clean; a
forked child keeps its hash seed, hence several servers.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import psycopg
from sqlalchemy.dialects import postgresql, sqlite

from tests.recovery.life import Job, live
from tests.recovery.points import POINTS, Board
from tests.recovery.streams import KINDS, pipeline_of
from tests.services.process import guarded

HASH_SEEDS = ("0", "1", "4242", "random")
IMPORTED = (psycopg, postgresql, sqlite)
"""What SQLAlchemy would import in every life anew."""


class End(NamedTuple):
    """How a life ended: ``killed`` in which phase, by itself with exit code ``code``, or ``stopped``."""

    killed: bool
    stopped: bool
    phase: str
    code: int
    seconds: float
    pid: int


class ForkServer:
    """One server; it runs one life at a time."""

    def __init__(self, hash_seed: str) -> None:
        self._process = subprocess.Popen(
            guarded([sys.executable, "-m", "tests.recovery.forks"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "OPENBLAS_NUM_THREADS": "1"},
        )

    def run(self, job: Job) -> End:
        """Let a worker live and return how it ended; one that was stopped (STOP) is returned at once."""
        return End(*self._ask(["run", job]))

    def resume(self, pid: int, patience: float = 60.0) -> End:
        """Let a stopped worker go on, and return how it ended."""
        return End(*self._ask(["resume", [pid, patience]]))

    def _ask(self, what: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("a fork server has ended: see its errors above")
        return json.loads(answer)

    def close(self) -> None:
        """End the server."""
        self._process.communicate(timeout=30)


class Servers:
    """Several servers, lent out one by one."""

    def __init__(self, servers: Sequence[ForkServer]) -> None:
        self._free: SimpleQueue[ForkServer] = SimpleQueue()
        for server in servers:
            self._free.put(server)

    def run(self, job: Job) -> End:
        """Let a worker live in the server that has rested longest."""
        server = self._free.get()
        try:
            return server.run(job)
        finally:
            self._free.put(server)


@contextmanager
def servers(hash_seeds: Sequence[str] = HASH_SEEDS) -> Any:
    """Servers under these hash seeds."""
    with ExitStack() as stack:
        started = [ForkServer(seed) for seed in hash_seeds]
        for server in started:
            stack.callback(server.close)
        yield Servers(started)


# ---- in the server


def serve() -> None:
    """Answer jobs until stdin ends."""
    for kind in KINDS:
        pipeline_of(kind)
    gc.collect()
    gc.freeze()  # a forked child's collector would otherwise copy every page
    board = Board()
    for line in sys.stdin:
        verb, what = json.loads(line)
        end = _start(Job(*what), board) if verb == "run" else _resume(*what)
        print(json.dumps(end), flush=True)


def _start(job: Job, board: Board) -> End:
    board.clear()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be(job, board)
    if job.after is not None:
        time.sleep(job.after)  # not to wait for something: the moment of the blow is the experiment
        os.kill(pid, getattr(signal, f"SIG{job.then}"))
    status = _wait(pid, started + job.patience)
    phase = POINTS[job.point].phase if job.point is not None else board.phase
    return _end(pid, status, phase, started)


def _resume(pid: int, patience: float) -> End:
    started = time.monotonic()
    os.kill(pid, signal.SIGCONT)
    return _end(pid, _wait(pid, started + patience), "", started)


def _be(job: Job, board: Board) -> None:
    """Be the child: its words go to a file beside its log, and it ends here."""
    code = 1
    try:
        said = os.open(Path(job.folder) / "lives.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        live(job, board)
        code = 0
    except BaseException:  # noqa: BLE001 - nothing of a child may run on in the server's code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(pid: int, deadline: float) -> int:
    while True:
        done, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        if done:
            return status
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGABRT)
            return os.waitpid(pid, 0)[1]
        time.sleep(0.002)


def _end(pid: int, status: int, phase: str, started: float) -> End:
    seconds = time.monotonic() - started
    if os.WIFSTOPPED(status):
        return End(False, True, phase, 0, seconds, pid)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    code = os.waitstatus_to_exitcode(status)
    return End(killed, False, phase, 0 if killed else code, seconds, pid)


if __name__ == "__main__":
    serve()
