"""A PostgreSQL server from the machine's own binaries."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.services.parts import UnavailableError
from tests.services.process import free_port, guarded, spawn

BINARIES = Path("/usr/lib/postgresql")  # where Debian and Ubuntu keep them, one folder per version
USER = "postgres"
PREFIX = "fluvial-postgres-"
INSTALL = "set FLUVIAL_TEST_POSTGRES to a SQLAlchemy URL, start Docker, or install postgresql"
# the data lives as long as the test run: nothing has to reach the disk
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB")


class LocalPostgres:
    """A server on a free port; its data is removed with it."""

    def __init__(self) -> None:
        self._binaries = _newest_binaries()
        self._user = _unprivileged_user()
        self._port = free_port()
        self._folder = _folder_of(self._user)
        self.url = f"postgresql+psycopg://{USER}@127.0.0.1:{self._port}/postgres"
        self.description = f"PostgreSQL {self._binaries.parent.name} (local binaries)"
        try:
            self._initialise()
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def start(self) -> None:
        """Start it, for the first time or after ``kill9``."""
        self._child = spawn("PostgreSQL", self._command(), self._folder / "postgres.log", self._ready)

    def kill9(self) -> None:
        """Kill the server with all its processes, without notice."""
        pid = self._child.process.pid
        os.kill(pid, signal.SIGSTOP)  # so that it starts no other ones meanwhile
        for child in self._children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._child.kill9()

    def kill_session(self, database: str, rng: random.Random) -> None:
        """Kill one process that serves a client of a database: the server then ends all and recovers."""
        served = [pid for pid in self._children() if f" {database} " in _text(Path(f"/proc/{pid}/cmdline"))]
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(served), signal.SIGKILL)

    def _children(self) -> list[int]:
        parent = self._child.process.pid
        found = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [int(pid) for pid in found.split()]

    def close(self) -> None:
        """Stop the server at once and remove its data."""
        self._child.stop(first=signal.SIGINT)  # SIGTERM would wait for every client to leave
        shutil.rmtree(self._folder)

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _initialise(self) -> None:
        options = (
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        )
        command = guarded([str(self._binaries / "initdb"), "-D", self._data, *options], user=self._user)
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60, cwd=self._folder
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr[-2_000:]}")

    def _command(self) -> list[str]:
        settings = [word for setting in FAST for word in ("-c", setting)]
        address = ("-h", "127.0.0.1", "-p", str(self._port), "-k", "")
        server = [str(self._binaries / "postgres"), "-D", self._data, *address, *settings]
        return guarded(server, death_signal="QUIT", user=self._user)  # QUIT gives its shared memory back

    def _ready(self) -> bool:
        ask = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(ask, check=False, timeout=10).returncode == 0


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # the process is gone
        return ""


def _newest_binaries() -> Path:
    versions = [folder for folder in BINARIES.glob("*/bin") if (folder / "initdb").exists()]
    if not versions:
        raise UnavailableError(f"no PostgreSQL: {INSTALL}")
    return max(versions, key=lambda folder: float(re.sub(r"[^0-9.]", "", folder.parent.name) or 0))


def _unprivileged_user() -> str | None:
    """Whom to run the server as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    if not shutil.which("setpriv"):
        raise UnavailableError(
            f"PostgreSQL does not run as root and setpriv (util-linux) is missing: {INSTALL}"
        )
    try:
        return pwd.getpwnam(USER).pw_name
    except KeyError:
        raise UnavailableError(
            f"PostgreSQL does not run as root and there is no user {USER}: {INSTALL}"
        ) from None


def _folder_of(user: str | None) -> Path:
    """A folder for the data. pytest's own are closed to other users, the system's is not."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    if user:
        shutil.chown(folder, user, user)
    return folder


def _sweep() -> None:
    """Remove what killed runs have left: their process id is in the name."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)
