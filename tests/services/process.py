"""Child processes of the tests: watched while they start, stopped by their own id, never left behind."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Below the ephemeral range: no outgoing connection can take one in between. Of several processes that run
# tests each has its own.
_COUNT = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORTS = range(20_000, 30_000)[_NUMBER % _COUNT :: _COUNT]

# The kernel sends the parent-death signal when the *thread* that started the child ends, so every child is
# started by one thread that lives as long as the run.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_given: set[int] = set()
_living: set[Child] = set()


def free_port() -> int:
    """A port nobody listens on and this run has not handed out before."""
    for port in random.sample(PORTS, min(500, len(PORTS))):
        if port in _given:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given.add(port)
            return port
    raise RuntimeError(f"no free port between {PORTS.start} and {PORTS.stop}")


class Child:
    """A process of ours: it can be asked to stop or killed, and its log read."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        _living.add(self)

    def alive(self) -> bool:
        return self.process.poll() is None

    def kill9(self) -> None:
        """Kill it without notice, as a power cut would."""
        self.process.kill()
        self.process.wait(timeout=10)
        _living.discard(self)

    def stop(self, first: signal.Signals = signal.SIGTERM, deadline_s: float = 20.0) -> None:
        """Ask it to stop; kill it when the deadline passes."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.send_signal(first)
            self.process.wait(timeout=deadline_s)
        self.kill9()

    def tail(self, characters: int = 2_000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:]


def guarded(command: Sequence[str], *, death_signal: str = "KILL", user: str | None = None) -> list[str]:
    """The command, made to end with this process and to run as `user`; as it is where setpriv is missing."""
    if not shutil.which("setpriv"):
        return list(command)
    switch = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    return ["setpriv", "--pdeathsig", death_signal, *switch, *command]  # it execs: the pid stays ours


def launch(name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Child:
    """Start a process with its output in a log file; it is not waited for."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = _spawner.submit(
            subprocess.Popen,
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        ).result()
    return Child(name, process, log)


def spawn(
    name: str, command: Sequence[str], log: Path, ready: Callable[[], bool], deadline_s: float = 60.0
) -> Child:
    """Start a process and wait until `ready`; raises `RuntimeError` with the end of its log otherwise."""
    child = launch(name, command, log)
    end = time.monotonic() + deadline_s
    try:
        while not ready():
            if not child.alive() or time.monotonic() > end:
                how = f"not ready within {deadline_s:g} s" if child.alive() else "ended while it was starting"
                raise RuntimeError(f"{name} {how}; its log ends with:\n{child.tail()}")
            time.sleep(0.05)
    except BaseException:
        child.kill9()
        raise
    return child


@atexit.register
def _kill_the_rest() -> None:
    for child in list(_living):
        child.kill9()
