"""Life: one life of a worker in a process that was forked for it, up to its end or its violent death."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry

import fluvial.holdings
from consumers.embedded import EmbeddedLog
from fluvial.reporter import Reporter
from fluvial.runner import Runner
from fluvial.saver import Saver, ThreadSaver
from fluvial.shelf import Shelf
from fluvial.store import Store
from monitors.metrics import Metrics
from tests.fluvial.world import KEY, World
from tests.recovery.mutations import MUTATIONS
from tests.recovery.points import POINTS, Board, strike_at
from tests.recovery.streams import pipeline_of


class Job(NamedTuple):
    """What a life is given, and how it ends: at a point's nth passage, after seconds, or by itself.

    ``then`` says what happens at the end: KILL ends it, STOP leaves it standing as a zombie. One that
    lasts longer than ``patience`` seconds is taken for hung.
    """

    folder: str
    store: str
    kind: str
    batch: int
    seed: int = 0
    point: int | None = None
    passage: int = 1
    after: float | None = None
    then: str = "KILL"
    patience: float = 60.0
    mutation: str = ""
    restless: bool = True
    name: str = "life"


class Restless:
    """A membership that takes one of the shards away now and then and soon gives it back.

    After ``lost`` was set nothing is assigned any more: a zombie that knows must not fight on.
    """

    def __init__(self, shards: int, seed: int, *, restless: bool) -> None:
        self._all, self._rng = frozenset(range(shards)), random.Random(seed)
        self._gone: int | None = None
        self._next = self._rng.randrange(8, 40) if restless else 1 << 60
        self._asked = 0
        self.lost = False

    def assigned(self) -> frozenset[int]:
        self._asked += 1
        if self._asked >= self._next:
            self._asked = 0
            self._next = 3 if self._gone is None else self._rng.randrange(8, 40)
            self._gone = self._rng.choice(sorted(self._all)) if self._gone is None else None
        return frozenset() if self.lost else self._all - {self._gone}

    @property
    def trouble(self) -> str:
        return ""

    def holder(self, shard: int) -> str | None:
        return None

    def tick(self, positions: Any) -> None:
        pass

    def close(self) -> None:
        pass


def open_world(job: Job) -> World:
    """The world of a job: the embedded log in its folder, the store it names."""
    small = {"batch": job.batch, "snapshot_every": 300}
    pipeline = pipeline_of(job.kind).model_copy(update=small)
    return World(pipeline, EmbeddedLog(Path(job.folder) / "log.db"), Store(job.store))


def live(job: Job, board: Board) -> None:
    """Run a worker until it has read everything, or until it is struck."""
    fluvial.holdings.RETRY = 0.02  # a shard that went away comes back within milliseconds here
    MUTATIONS[job.mutation]()
    board.watch()
    if job.point is not None:
        number = getattr(signal, f"SIG{job.then}")
        strike_at(POINTS[job.point], job.passage, lambda: os.kill(os.getpid(), number))
    world = open_world(job)
    membership = Restless(world.pipeline.shards, job.seed, restless=job.restless)
    worker(world, membership, job.name, world.at_end, ThreadSaver).run()


def worker(
    world: World,
    membership: Restless,
    name: str,
    drained: Callable[[Runner], bool],
    saver: Callable[[Shelf, bytes], Saver],
) -> Runner:
    """A worker that gives up for good when it learns of a newer owner: the shard was given to that one."""
    runner = Runner(
        world.pipeline,
        world.log,
        world.store,
        membership,
        Reporter(world.pipeline.pipeline, Metrics(CollectorRegistry()), world.store, every=0.2),
        worker=name,
        key=KEY,
        drained=lambda: drained(runner),
        saver=saver,
    )
    _end_when_refused(runner, membership)
    return runner


def _end_when_refused(runner: Runner, membership: Restless) -> None:
    refuse = runner._holdings.refuse

    def refuse_and_end(owned: Any, what: str) -> None:
        refuse(owned, what)
        if _has_newer_owner(runner, owned):
            membership.lost = runner.should_exit = True

    runner._holdings.refuse = refuse_and_end  # type: ignore[method-assign]


def _has_newer_owner(runner: Runner, owned: Any) -> bool:
    return not runner._journal.holds(owned.index, owned.epoch)
