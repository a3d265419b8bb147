"""Helper: the process beside a worker in which other models are computed, there only while there is work.

It runs with low priority and a memory of its own, so that the shards keep their speed, and ends with
its worker: it looks whether its parent is still there.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread

import structlog

from fluvial.shadow.dispatch import Dispatch
from fluvial.store import StoreError

logger = structlog.get_logger()

EVERY = 1.0
"""Seconds between two looks whether there is work."""

REST, LONGEST_REST = 5.0, 60.0
"""Seconds after which a helper is started again that failed; twice as many each time, at most so many."""

GRACE = 5.0
"""Seconds that it gets to end by itself."""

NICE = 10
"""How far it stands back behind everything else."""


class Helper:
    """Starts the process when ``dispatch`` finds work, in a thread of its own.

    The pipeline is read from ``file`` again, log and store are those of the environment, ``changed``
    by some variables.
    """

    def __init__(self, file: Path, dispatch: Dispatch, changed: Mapping[str, str] | None = None) -> None:
        self._command = [sys.executable, "-m", "fluvial", "shadow-work", str(file.resolve())]
        self._env = {**os.environ, **(changed or {})}
        self._dispatch, self._stop = dispatch, Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._rest, self._pause = REST, 0.0
        self._thread = Thread(target=self._run, name="shadow", daemon=True)

    def __enter__(self) -> "Helper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._end()

    @property
    def pid(self) -> int | None:
        """The process that computes; None while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def _run(self) -> None:
        while not self._stop.wait(EVERY + self._pause):
            self._pause = 0.0
            self._tend()

    def _tend(self) -> None:
        try:
            work = self._dispatch.look()
        except StoreError as error:
            logger.warning("nobody can see whether a shadow table is due", why=str(error))
            return
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            self._after(code)
        elif work and self._process is None:
            # A session of its own: Ctrl-C is for the worker, which ends it.
            try:
                self._process = subprocess.Popen(
                    self._command, env=self._env, stdout=subprocess.DEVNULL, start_new_session=True
                )
            except OSError as error:
                logger.warning("the helper for shadow tables cannot be started", why=str(error))
                self._put_off()

    def _after(self, code: int) -> None:
        if code == 0:
            self._rest = REST
            return
        logger.warning("the helper for shadow tables ended", code=code, again_in_seconds=self._rest)
        self._put_off()

    def _put_off(self) -> None:
        self._pause, self._rest = self._rest, min(2 * self._rest, LONGEST_REST)

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
