"""Workers: real processes of `fluvial run` that rows start, stop, kill and read the words of."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import sqlalchemy as sa

from consumers.embedded import EmbeddedLog
from consumers.kafka import KafkaLog
from consumers.log import Log
from fluvial.config import Pipeline, parse
from fluvial.store import Store, journal_table, shard_table
from fluvial.wiring import create_topics
from tests.fluvial.world import World
from tests.recovery.hatchery import Hatchery
from tests.recovery.streams import Fed
from tests.services.process import guarded, launch
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds for which the stage itself waits for an answer: what is tried here is the worker, not the feeder."""

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
            return KafkaLog(self._bootstrap, patience=PATIENCE)
        return EmbeddedLog(self.folder / "log.db")

    def start(
        self, name: str = "", *, hatchery: Hatchery | None = None, metrics_port: int = -1, **env: str
    ) -> Worker:
        """Start a worker, under ``name`` if it has one, as a new Python or from a hatchery."""
        words = ["run", str(self.file), "--metrics-port", str(metrics_port)]
        told = self.env | ({"FLUVIAL_WORKER": name} if name else {}) | env
        log, started = self.folder / f"worker-{len(self._workers)}.log", time.monotonic()
        log.touch()
        process: Process
        if hatchery is None:
            command = guarded([sys.executable, "-m", "fluvial", *words])
            process = launch("worker", command, log, told).process
        else:
            process = hatchery.hatch(words, told, log)
        worker = Worker(process, log, name, started)
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        """End what still runs."""
        for worker in self._workers:
            worker.kill()
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

    def owns(self, worker: Worker) -> bool:
        """Whether a shard was last taken by this worker."""
        with self.store.read() as db:
            owners = db.execute(sa.select(shard_table.c.owner)).scalars().all()
        return any(owner == worker.name or owner.endswith(f"-{worker.pid}") for owner in owners)


class Stopped(NamedTuple):
    """How a worker ended after SIGTERM: exit code, and seconds that it took."""

    code: int
    seconds: float


class Process(Protocol):
    """What subprocess and a hatchery start alike."""

    pid: int

    @property
    def returncode(self) -> int | None: ...

    def poll(self) -> int | None: ...

    def send_signal(self, number: int) -> None: ...


class Worker:
    """One `fluvial run` with its words in a log file; ``process`` was started a moment ago."""

    def __init__(self, process: Process, log: Path, name: str, started: float) -> None:
        self._process, self._log = process, log
        self.pid, self.name, self.started = process.pid, name, started

    def said(self) -> str:
        """Everything it has logged so far."""
        return self._log.read_text(errors="replace")

    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait_for(self, words: str, deadline_s: float = START) -> str:
        """Wait until it has said something that matches; returns that."""

        def found() -> str | None:
            match = re.search(words, self.said())
            if match is None and not self.alive():
                raise RuntimeError(f"the worker has ended:\n{self.said()[-3000:]}")
            return match[0] if match else None

        return str(wait_until(found, f"the worker says {words}", deadline_s, every_s=0.01))

    def kill(self) -> None:
        """kill -9; returns when it is gone."""
        self._process.send_signal(signal.SIGKILL)
        wait_until(lambda: not self.alive(), "the killed worker is gone", 10, every_s=0.005)

    def freeze(self) -> None:
        """SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self, deadline_s: float = 30.0) -> Stopped:
        """SIGTERM, and wait for the end; one that does not end is killed, which its code tells."""
        at = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        while self.alive() and time.monotonic() < at + deadline_s:
            time.sleep(0.01)
        seconds = time.monotonic() - at
        self.kill()
        return Stopped(int(self._process.returncode or 0), seconds)


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
