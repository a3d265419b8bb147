"""Hatchery: forks `fluvial` commands from a process that has everything imported.

``python -m tests.recovery.hatchery`` reads orders from stdin, one JSON line each. What hatches is a
worker like any other, only without the seconds that Python needs to import it; it dies with the
hatchery.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.dialects import postgresql, sqlite

from consumers import kafka, kafka_membership
from fluvial.cli import main
from tests.services.process import guarded

IMPORTED = (psycopg, postgresql, sqlite, kafka, kafka_membership)
"""What a worker would import only when it needs it."""

PR_SET_PDEATHSIG = 1


class Hatchery:
    """The other end of such a process."""

    def __init__(self, hash_seed: str = "random") -> None:
        self._process = subprocess.Popen(
            guarded([sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.recovery.hatchery"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._lock = threading.Lock()
        self._ask(["ready"])

    def hatch(self, words: list[str], env: dict[str, str], log: Path) -> Hatched:
        """Start `fluvial WORDS` with its words in a log file."""
        return Hatched(self, int(self._ask(["hatch", words, env, str(log)])))

    def code(self, pid: int) -> int | None:
        """The exit code of what has ended, None while it lives."""
        found: int | None = self._ask(["code", pid])
        return found

    def close(self) -> None:
        """End the hatchery, and all that hatched from it."""
        with self._lock:
            self._process.communicate(timeout=30)

    def _ask(self, what: list[Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the hatchery has ended: see its errors above")
        return json.loads(answer)


class Hatched:
    """A process that hatched, spoken to like one of subprocess."""

    def __init__(self, hatchery: Hatchery, pid: int) -> None:
        self._hatchery, self.pid = hatchery, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, None while it lives."""
        if self.returncode is None:
            self.returncode = self._hatchery.code(self.pid)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)


# ---- in the hatchery


def serve() -> None:
    """Answer orders until stdin ends."""
    gc.collect()
    gc.freeze()  # a forked child's collector would otherwise copy every page
    ended: dict[int, int] = {}
    for line in sys.stdin:
        verb, *rest = json.loads(line)
        answer: Any = None
        if verb == "hatch":
            answer = _hatch(*rest)
        elif verb == "code":
            answer = _code(rest[0], ended)
        print(json.dumps(answer), flush=True)


def _hatch(words: list[str], env: dict[str, str], log: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.chdir(Path(log).parent)
        os.environ.update(env)
        sys.argv = ["fluvial", *words]
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - nothing of a child may run on in the hatchery's code
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _code(pid: int, ended: dict[int, int]) -> int | None:
    if pid not in ended:
        done, status = os.waitpid(pid, os.WNOHANG)
        if not done:
            return None
        ended[pid] = os.waitstatus_to_exitcode(status)
    return ended[pid]


if __name__ == "__main__":
    serve()
