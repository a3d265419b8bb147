"""Workers: real processes of `fluvial run` that rows start, stop, kill and read the words of."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from consumers.embedded import EmbeddedLog
from consumers.kafka import KafkaLog
from consumers.log import Log
from fluvial.config import Pipeline, parse
from fluvial.store import Store, journal_table, shard_table
from fluvial.wiring import create_topics
from tests.fluvial.world import World
from tests.recovery.streams import Fed
from tests.services.process import Child, guarded, launch
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
START = 60.0
"""Seconds after which a worker that has not started, and so imported everything, is given up."""


class Stage:
    """A pipeline file in a folder, on a log and a store, for workers that come and go."""

    def __init__(self, folder: Path, text: str, store_url: str, bootstrap: str | None = None) -> None:
        self.folder, self._store_url, self._bootstrap = folder, store_url, bootstrap
        self.file = folder / "pipeline.yaml"
        self.file.write_text(text)
        self.pipeline: Pipeline = parse(text)
        self.store = Store(store_url)
        log = self.open_log()
        create_topics(self.pipeline, log)
        log.close()
        self._workers: list[Worker] = []

    @property
    def env(self) -> dict[str, str]:
        """What a worker is told by its environment."""
        log = f"kafka://{self._bootstrap}" if self._bootstrap else f"embedded:{self.folder / 'log.db'}"
        here = {"FLUVIAL_HOME": str(self.folder), "FLUVIAL_LOG": log, "FLUVIAL_STORE": self._store_url}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return here | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}

    def open_log(self) -> Log:
        """The log, for the thread that calls."""
        if self._bootstrap:
            return KafkaLog(self._bootstrap)
        return EmbeddedLog(self.folder / "log.db")

    def start(self, name: str = "", metrics_port: int = -1, **env: str) -> Worker:
        """Start a worker; with a name, under that name."""
        words = ["run", str(self.file), "--metrics-port", str(metrics_port)]
        known = {"FLUVIAL_WORKER": name} if name else {}
        worker = Worker(words, self.folder / f"worker-{len(self._workers)}.log", self.env | known | env)
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        """End what still runs."""
        for worker in self._workers:
            worker.end()
        self.store.close()

    def world(self) -> World:
        """The same place as a world to be judged in; the caller closes its log."""
        return World(self.pipeline, self.open_log(), self.store)

    # ---- what the journal says

    def journaled(self, shard: int = 0) -> tuple[int, int]:
        """The number and the epoch of the newest journal row; zeros before the first."""
        column = journal_table.c
        query = sa.select(column.batch, column.epoch).where(
            column.pipeline == self.pipeline.pipeline, column.shard == shard
        )
        with self.store.read() as db:
            row = db.execute(query.order_by(column.batch.desc()).limit(1)).first()
        return (row.batch, row.epoch) if row else (0, 0)

    def epochs(self) -> dict[int, int]:
        """The epoch of every shard that was ever taken."""
        query = sa.select(shard_table.c.shard, shard_table.c.epoch)
        with self.store.read() as db:
            return {row.shard: row.epoch for row in db.execute(query)}

    def ends(self) -> dict[str, int]:
        """Where the journal has come to in every partition."""
        found: dict[str, int] = {}
        query = sa.select(journal_table.c.ranges)
        with self.store.read() as db:
            for (ranges,) in db.execute(query):
                for name, (_start, end, *_) in ranges.items():
                    found[name] = max(end, found.get(name, 0))
        return found


class Stopped(NamedTuple):
    """How a worker ended after SIGTERM: exit code, and seconds that it took."""

    code: int
    seconds: float


class Worker:
    """One `fluvial run`."""

    def __init__(self, words: list[str], log: Path, env: Mapping[str, str]) -> None:
        self._log = log
        self.started = time.monotonic()
        command = guarded([sys.executable, "-m", "fluvial", *words])
        self._child: Child = launch("worker", command, log, env)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.process.pid

    def said(self) -> str:
        """Everything it has logged so far."""
        return self._log.read_text(errors="replace")

    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._child.alive()

    def wait_for(self, words: str, deadline_s: float = START) -> str:
        """Wait until it has said something that matches; returns that."""

        def found() -> str | None:
            match = re.search(words, self.said())
            if match is None and not self.alive():
                raise RuntimeError(f"the worker has ended:\n{self.said()[-3000:]}")
            return match[0] if match else None

        return str(wait_until(found, f"the worker says {words}", deadline_s, every_s=0.01))

    def kill(self) -> None:
        """kill -9."""
        self._child.kill9()

    def freeze(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, deadline_s: float = 30.0) -> Stopped:
        """SIGTERM, and wait for the end; one that does not end is killed, which its code tells."""
        at = time.monotonic()
        self._child.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._child.process.wait(deadline_s)
        seconds = time.monotonic() - at
        self._child.kill9()
        return Stopped(self._child.process.returncode, seconds)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.alive():
            self._child.kill9()


@contextmanager
def stage(folder: Path, text: str, store_url: str, bootstrap: str | None = None) -> Iterator[Stage]:
    """A stage that leaves no process behind."""
    made = Stage(folder, text, store_url, bootstrap)
    try:
        yield made
    finally:
        made.close()


class Feeder:
    """Feeds a stage at a steady rate from a thread of its own; ``records`` per second."""

    def __init__(self, place: Stage, records: Iterable[Fed], rate: float) -> None:
        self._place, self._records, self._rate = place, iter(records), rate
        self._stop = threading.Event()
        self._trouble: BaseException | None = None
        self.fed = 0
        self.done = False
        self._thread = threading.Thread(target=self._work, name="feeder", daemon=True)

    def __enter__(self) -> Feeder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Feed no more; raises what went wrong."""
        self._stop.set()
        self._thread.join()
        if self._trouble is not None:
            raise self._trouble

    def _work(self) -> None:
        log = self._place.open_log()
        try:
            self._feed(log)
            self.done = True
        except BaseException as error:  # noqa: BLE001 - told by stop()
            self._trouble = error
        finally:
            log.close()

    def _feed(self, log: Log) -> None:
        started, pipeline = time.monotonic(), self._place.pipeline
        while not self._stop.wait(0.02):
            due = int((time.monotonic() - started) * self._rate) - self.fed
            for _ in range(due):
                record = next(self._records, None)
                if record is None:
                    log.flush()
                    return
                stream, key, value, at = record
                log.append(pipeline.topic(stream), value, key=key.encode(), timestamp=at)
                self.fed += 1
            log.flush()
