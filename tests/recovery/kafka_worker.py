"""KafkaWorker: `fluvial run` on Kafka in a process of its own, what it is fed, and what came of it."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from consumers.kafka import KafkaLog
from consumers.record import TopicPartition
from fluvial.config import Pipeline, parse
from fluvial.place import partitions_of
from fluvial.store import Store
from fluvial.tables import shard_table
from tests.fluvial.world import COINS, KEY, World, tosses
from tests.recovery.crash import Verdict
from tests.services.process import Child, guarded, launch
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    "batch: 100": "batch: 20",
    "snapshot_every: 1000": "snapshot_every: 300",
    "horizon: 1h": "horizon: 30d",  # while topics are written one may be far ahead of the other
}
_numbers = itertools.count()


class KafkaWorker:
    """One pipeline with topics of its own, and the worker that learns from them.

    The worker reaches Kafka at ``bootstrap``; ``direct`` is where records are written and looked at.
    """

    def __init__(self, folder: Path, bootstrap: str, direct: str, *, lines: str = "") -> None:
        self._folder, self._bootstrap, self._direct = folder, bootstrap, direct
        text = COINS + lines
        for usual, here in (SMALL | {"pipeline: coins": f"pipeline: coins-{uuid.uuid4().hex[:8]}"}).items():
            text = text.replace(usual, here)
        (folder / "pipeline.yaml").write_text(text)
        (folder / "key").write_bytes(KEY)
        self.pipeline: Pipeline = parse(text)
        self.world = World(
            self.pipeline, KafkaLog(direct, patience=60.0), Store(f"sqlite:///{folder / 'store.db'}")
        )
        self.events = 0
        self._child: Child | None = None

    def feed(self, n: int) -> None:
        """Write ``n`` events and their labels."""
        self.world.feed(tosses(n, first=self.events, seed=self.events))
        self.events += n

    def start(self) -> None:
        """Start the worker."""
        command = [sys.executable, "-m", "fluvial", "run", "pipeline.yaml", "--metrics-port", "-1"]
        log = self._folder / f"worker-{next(_numbers)}.log"
        self._child = launch("worker", guarded(command), log, self._env(self._bootstrap))

    def kill9(self) -> None:
        """Kill the worker."""
        if self._child:
            self._child.kill9()

    def batch(self, shard: int = 0) -> int:
        """The number of the last batch in the journal."""
        query = sa.select(shard_table.c.last_batch).where(shard_table.c.shard == shard)
        with self.world.store.read() as db:
            return int(db.execute(query).scalar() or 0)

    def wait_for_batch(self, number: int, deadline_s: float = 60.0) -> bool:
        """Whether the worker got so far in time. Raises RuntimeError when it ended."""
        try:
            wait_until(lambda: self._reached(number), f"batch {number}", deadline_s)
        except AssertionError:
            return False
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send the worker a signal."""
        assert self._child
        self._child.process.send_signal(number)

    def other_log(self) -> KafkaLog:
        """Another client of the same Kafka, which remembers nothing."""
        return KafkaLog(self._direct, patience=60.0)

    def wait_until_done(self) -> None:
        """Wait until everything that was fed is learned. Raises AssertionError, RuntimeError."""
        wait_until(self._is_done, "everything is learned", 120, every_s=0.1)

    def wait_until_read(self, shard: int) -> bool:
        """Whether a shard reads to the end of its partitions in time."""
        partitions = partitions_of(self.pipeline, shard)
        ends = {tp: span.end for tp, span in self.world.log.spans(partitions).items()}
        try:
            wait_until(lambda: self._reached_to(shard) == ends, "the end", 60, every_s=0.1)
        except AssertionError:
            return False
        return True

    def halted(self, shard: int) -> str | None:
        """Why a shard stands still, if it does."""
        self._check_alive()
        return self.world.halted(shard) if self.batch(shard) else None

    def holes(self, shard: int) -> Iterator[str]:
        """Where a shard's journal leaves out offsets; nothing was compacted, so each has a record."""
        at: dict[TopicPartition, int] = {}
        for row in self.world.journal.batches(shard, 0):
            for tp, done in row.ranges.items():
                if done.start != at.setdefault(tp, 0):
                    yield f"shard {shard} jumped from offset {at[tp]} of {tp} to {done.start}"
                if done.count != done.end - done.start:
                    yield f"shard {shard} read {done.count} records from {done.start} to {done.end} of {tp}"
                at[tp] = done.end

    def _reached_to(self, shard: int) -> dict[TopicPartition, int]:
        rows = self.world.journal.batches(shard, 0)
        return {tp: done.end for row in rows for tp, done in row.ranges.items()}

    def finish(self) -> Iterator[str]:
        """Wait until everything is learned, stop the worker, and yield what is not as it must be."""
        try:
            self.wait_until_done()
        except AssertionError:
            yield f"not everything was learned in two minutes; the worker said: {self._said()}"
        yield from self.stop()
        yield from self.verdict().troubles(self.events)
        yield from self._replayed()

    def stop(self) -> Iterator[str]:
        """Ask the worker to stop; yields what is wrong with how it ended."""
        assert self._child
        self._child.process.terminate()
        try:
            code = self._child.process.wait(30)
        except subprocess.TimeoutExpired:
            code = None
        self._child.kill9()
        if code != 0:
            yield f"the worker ended with code {code}: {self._said()}"

    def verdict(self) -> Verdict:
        """What the topics, the journal and the last status say."""
        return Verdict(self.world, decided=True)  # what is written while it is read has no order of its own

    def close(self) -> None:
        """End the worker, if it still runs, and close what was opened."""
        self.kill9()
        self.world.log.close()
        self.world.store.close()

    def _reached(self, number: int) -> bool:
        self._check_alive()
        return self.batch() >= number

    def _is_done(self) -> bool:
        self._check_alive()
        shards = range(self.pipeline.shards)
        told = [self.world.status(shard) for shard in shards if self.batch(shard)]
        return len(told) == len(shards) and all(
            sum(status[kind] for status in told) == self.events for kind in ("events", "labels")
        )

    def _check_alive(self) -> None:
        if self._child is None or not self._child.alive():
            raise RuntimeError(f"the worker ended by itself: {self._said()}")

    def _said(self) -> str:
        return self._child.tail() if self._child else "nothing"

    def _replayed(self) -> Iterator[str]:
        command = [sys.executable, "-m", "fluvial", "replay", "pipeline.yaml", "--verify"]
        done = subprocess.run(
            command,
            cwd=self._folder,
            env={**os.environ, **self._env(self._direct)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode or done.stdout.count("identical") != self.pipeline.shards:
            yield f"`fluvial replay --verify` ended with {done.returncode}: {done.stdout}{done.stderr}"

    def _env(self, bootstrap: str) -> dict[str, str]:
        return {
            "FLUVIAL_HOME": str(self._folder),
            "FLUVIAL_LOG": f"kafka://{bootstrap}",
            "PYTHONPATH": str(ROOT),
        }


@contextmanager
def kafka_worker(
    folder: Path, bootstrap: str, direct: str | None = None, *, lines: str = ""
) -> Iterator[KafkaWorker]:
    """A worker that runs, and is ended and closed afterwards."""
    worker = KafkaWorker(folder, bootstrap, direct or bootstrap, lines=lines)
    try:
        worker.start()
        yield worker
    finally:
        worker.close()
