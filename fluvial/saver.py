"""Saver: seals and stores snapshots beside the loop, which only pays for the packing of the state."""

import threading
import time
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

from consumers.record import TopicPartition
from fluvial.errors import SnapshotError
from fluvial.fence import Fenced
from fluvial.shelf import Shelf, Snapshot
from fluvial.snapshot import seal_packed
from fluvial.store import StoreError


class Job(NamedTuple):
    """A packed state with all that belongs to it; ``knows`` is what its model could forget one by one."""

    shard: int
    epoch: int
    header: Mapping[str, Any]
    positions: dict[TopicPartition, int]
    definition: str
    packed: bytes
    knows: Mapping[str, Any] | None = None


class Saved(NamedTuple):
    """What became of a job: seconds and bytes, or the error that kept it from being stored."""

    shard: int
    epoch: int
    seconds: float
    size: int
    error: Fenced | SnapshotError | StoreError | None


class Saver(Protocol):
    """Takes jobs and tells what became of them."""

    def submit(self, job: Job) -> None:
        """Take a job; the packed state is the saver's from now on."""
        ...

    def finished(self) -> list[Saved]:
        """What became of jobs since the last call."""
        ...

    def wait(self) -> list[Saved]:
        """As ``finished``, but when nothing is under way any more."""
        ...

    def close(self) -> None: ...


class DirectSaver:
    """Does each job at once, in the thread that asks for it."""

    def __init__(self, shelf: Shelf, key: bytes) -> None:
        self._shelf, self._key = shelf, key
        self._done: list[Saved] = []

    def submit(self, job: Job) -> None:
        self._done.append(store(self._shelf, self._key, job))

    def finished(self) -> list[Saved]:
        done, self._done = self._done, []
        return done

    def wait(self) -> list[Saved]:
        return self.finished()

    def close(self) -> None:
        pass


class ThreadSaver:
    """Does the jobs in a thread of its own, one after the other."""

    def __init__(self, shelf: Shelf, key: bytes) -> None:
        self._shelf, self._key = shelf, key
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._results: SimpleQueue[Saved | Exception] = SimpleQueue()
        self._open = 0
        self._thread = threading.Thread(target=self._work, name="saver", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        self._open += 1
        self._jobs.put(job)

    def finished(self) -> list[Saved]:
        return [self._take() for _ in range(self._results.qsize())]

    def wait(self) -> list[Saved]:
        return [self._take() for _ in range(self._open)]

    def close(self) -> None:
        """Finish what was submitted and end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _take(self) -> Saved:
        result = self._results.get()
        self._open -= 1
        if isinstance(result, Exception):
            raise result  # nobody expected it: let it end the worker as it would have in the loop
        return result

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._results.put(store(self._shelf, self._key, job))
            except Exception as error:  # noqa: BLE001 - it is raised again where somebody sees it
                self._results.put(error)


def store(shelf: Shelf, key: bytes, job: Job) -> Saved:
    """Seal a packed state and put it on the shelf."""
    started = time.monotonic()
    size, failed = 0, None
    try:
        body = seal_packed(job.packed, job.header, key)
        size = len(body)
        digest, batch = str(job.header["digest"]), int(job.header["batch"])
        made = Snapshot(batch, job.positions, digest, job.definition, body, job.knows)
        shelf.save(job.shard, job.epoch, made)
    except (Fenced, SnapshotError, StoreError) as error:
        failed = error
    return Saved(job.shard, job.epoch, time.monotonic() - started, size, failed)
