"""Zombies: owners that stand still while another takes their shard, and then go on as if nothing had been.

Most stand still in one process with their successor, at a chosen point of the loop: there the
successor takes the shard, works and is gone before the zombie's next instruction. Some are real
processes under SIGSTOP and SIGCONT. What counts is what the store holds afterwards.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

import fluvial.holdings
from fluvial.holdings import Holdings
from fluvial.saver import DirectSaver, ThreadSaver
from fluvial.shelf import Shelf
from fluvial.store import metadata, refusal_table
from tests.fluvial.world import World
from tests.recovery.crash import Verdict
from tests.recovery.forks import ForkServer
from tests.recovery.life import Job, Restless, open_world, worker
from tests.recovery.points import POINTS, Point, strike_at
from tests.recovery.site import Site
from tests.recovery.streams import Stream

HELPING = 100
"""Events that come before a zombie stands still, and half as many before it goes on."""

KIND = "linear"

TRIES = 5
"""Lives per wanted zombie after which a world gives up: a life can end before it is stopped."""

UNTOLD = frozenset({"refusal", "cursor", "definition", "schema_version"})
"""Tables in which a zombie may write: what was refused to it, and what is no shard's."""


class Zombies(NamedTuple):
    """``resumed`` owners by phase, rows that they changed afterwards, and how many were logged as refused."""

    resumed: dict[str, int]
    accepted: int
    logged: int
    troubles: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing of theirs was let in and each of them was logged."""
        return not self.accepted and self.logged == sum(self.resumed.values()) > 0 and not self.troubles

    @property
    def figure(self) -> str:
        """The result in a line."""
        phases = ", ".join(f"{phase} {n}" for phase, n in self.resumed.items())
        found = "; ".join(self.troubles) or "every digest as replayed"
        return (
            f"{sum(self.resumed.values())} resumed owners ({phases}): {self.accepted} writes accepted,"
            f" {self.logged} logged as refused; {found}"
        )


def resume_often(
    site: Site, *, zombies: int, processes: int, stores: tuple[str, ...] = ("sqlite", "postgres")
) -> Zombies:
    """Let ``zombies`` owners stand still and go on in this process, and ``processes`` under SIGSTOP.

    Both are shared out over the stores.
    """
    grounds = []
    for number, store in enumerate(stores):
        folder = site.folder(f"zombies-{store}")
        ground = Ground(folder, site.store_url(store, folder), random.Random(number))
        ground.haunt(zombies // len(stores), processes // len(stores))
        grounds.append(ground)
    resumed = sum((ground.resumed for ground in grounds), Counter[str]())
    return Zombies(
        dict(resumed),
        sum(ground.accepted for ground in grounds),
        sum(ground.logged for ground in grounds),
        tuple(trouble for ground in grounds for trouble in ground.troubles),
    )


class Ground:
    """One world that is haunted."""

    def __init__(self, folder: Path, store_url: str, rng: random.Random) -> None:
        self._job = Job(str(folder), store_url, KIND, 15, restless=False)
        self._rng, self._stream, self._name = rng, Stream(KIND), folder.name
        self.resumed, self.accepted, self.logged = Counter[str](), 0, 0
        self.troubles: list[str] = []
        self._before: dict[str, set[tuple[Any, ...]]] | None = None

    def haunt(self, zombies: int, processes: int) -> None:
        """Let owners stand still and go on; then let a last worker finish, and compare."""
        retry, fluvial.holdings.RETRY = fluvial.holdings.RETRY, 0.02
        try:
            points = [n for n, point in enumerate(POINTS) if _haunted(point)]
            self._many(zombies, points, self._in_process)
            if processes:
                with closing(ForkServer("random")) as server:
                    one = partial(self._as_process, server)
                    self._many(processes, [n for n in points if POINTS[n].owner is not Holdings], one)
            self._finish()
        finally:
            fluvial.holdings.RETRY = retry

    def _many(self, wanted: int, points: list[int], one: Callable[[int, int], int]) -> None:
        self._rng.shuffle(points)
        done = 0
        for point in islice(cycle(points), TRIES * wanted):
            if done == wanted:
                return
            self._feed(HELPING)
            self._before = None
            epoch = one(point, self._rng.randint(1, POINTS[point].most))
            if self._before is not None:
                done += 1
                self._judge(POINTS[point].phase, epoch)
        if done < wanted:
            self.troubles.append(f"{self._name}: only {done} of {wanted} owners stood still")

    # ---- the two kinds of zombies

    def _in_process(self, point: int, passage: int) -> int:
        """Run a worker that stands still at the point; returns its epoch."""
        world = open_world(self._job)
        rebalanced = POINTS[point].owner is Holdings
        membership = Restless(1, self._rng.randrange(1 << 30), restless=rebalanced)
        saver = self._rng.choice((DirectSaver, ThreadSaver))
        drained = lambda runner: membership.lost or world.at_end(runner)  # noqa: E731
        runner = worker(world, membership, "zombie", drained, saver)
        epochs = []

        def stand_still() -> None:
            if rebalanced and not runner.owned[0].unsaved:
                return  # it would write nothing any more: no zombie
            epochs.append(self._epoch(world))
            membership.lost = rebalanced
            self._succeed()

        with closing(world.store), closing(world.log):
            undo = strike_at(POINTS[point], passage, stand_still)
            try:
                runner.run()
            finally:
                undo()
        return epochs[0] if epochs else 0

    def _as_process(self, server: ForkServer, point: int, passage: int) -> int:
        """Stop a process at the point with SIGSTOP, and let it go on; returns its epoch."""
        end = server.run(self._job._replace(point=point, passage=passage, then="STOP", name="zombie"))
        if not end.stopped:
            return 0
        world = open_world(self._job)
        with closing(world.store), closing(world.log):
            epoch = self._epoch(world)
        self._succeed()
        if (code := server.resume(end.pid).code) != 0:
            self.troubles.append(f"{self._name}: a resumed process ended with code {code}")
        return epoch

    def _succeed(self) -> None:
        """What happens while the zombie stands still: another worker takes the shard, works and ends."""
        world = open_world(self._job)
        with closing(world.store), closing(world.log):
            if self._rng.random() < 0.2:
                world.decide("reset")
            successor = world.worker()
            if self._rng.random() < 0.5:
                successor._save_all = lambda: None  # type: ignore[method-assign]  # it dies: the next one replays
            successor.run()
            self._feed(HELPING // 2)
            self._before = _told(world)

    # ---- what the store says

    def _feed(self, events: int) -> None:
        world = open_world(self._job)
        with closing(world.store), closing(world.log):
            world.feed(self._stream.take(events))

    def _epoch(self, world: World) -> int:
        with world.store.read() as db:
            return int(db.execute(sa.select(metadata.tables["shard"].c.epoch)).scalar_one())

    def _judge(self, phase: str, epoch: int) -> None:
        self.resumed[phase] += 1
        world = open_world(self._job)
        with closing(world.store), closing(world.log):
            after = _told(world)
            self.accepted += sum(len(after[name] ^ rows) for name, rows in (self._before or {}).items())
            column = refusal_table.c
            mine = sa.select(sa.func.count()).where(column.kind == "write", column.epoch == epoch)
            with world.store.read() as db:
                self.logged += db.execute(mine).scalar_one() > 0

    def _finish(self) -> None:
        world = open_world(self._job)
        with closing(world.store), closing(world.log):
            world.feed(self._stream.rest())
            world.run()
            verdict = Verdict(world, decided=True)
            self.troubles += [f"{self._name}: {what}" for what in verdict.troubles(self._stream.events)]


def _haunted(point: Point) -> bool:
    """Whether an owner can stand still here for long, and has something to write when it goes on."""
    done = (Shelf, "save", False), (Holdings, "give_up", True), (Holdings, "let_go", False)
    return not point.transaction and (point.owner, point.name, point.before) not in done


def _told(world: World) -> dict[str, set[tuple[Any, ...]]]:
    """Every row of every table that only the owner of a shard may change."""
    with world.store.read() as db:
        return {
            name: {tuple(map(repr, row)) for row in db.execute(sa.select(table))}
            for name, table in metadata.tables.items()
            if name not in UNTOLD
        }
