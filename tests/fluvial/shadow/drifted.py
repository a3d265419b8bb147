"""A world in which the truth was turned round, with the incident that a monitor opened about it."""

import atexit
import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fluvial.incidents import Incident, Incidents
from fluvial.shadow.dispatch import Dispatch
from fluvial.shadow.jobs import Job, Jobs
from fluvial.shadow.work import Bench
from fluvial.store import decision_table
from tests.fluvial.world import World, coins, embedded_world, tosses

BEFORE, AFTER = 3000, 1500


@contextmanager
def drifted(folder: Path, **changes: Any) -> Iterator[World]:
    """A world after a drift that has called."""
    pipeline = coins(snapshot_every=1000, **changes)
    for name in ("log.db", "store.db"):
        shutil.copy(Path(_played(json.dumps(changes, sort_keys=True)).name) / name, folder)
    world = embedded_world(folder, pipeline)
    with closing(world.log), closing(world.store):
        yield world


@cache
def _played(changes: str) -> "TemporaryDirectory[str]":
    """The folder of such a world, played once for all tests of the process."""
    folder = TemporaryDirectory(ignore_cleanup_errors=True)
    world = embedded_world(Path(folder.name), coins(snapshot_every=1000, **json.loads(changes)))
    with closing(world.log), closing(world.store):
        world.feed(tosses(BEFORE))
        world.run()
        world.feed(tosses(AFTER, seed=2, first=BEFORE, flip_after=BEFORE))
        world.run()
    atexit.register(folder.cleanup)
    return folder


def incident_of(world: World) -> Incident:
    """The drift that called."""
    found = Incidents(world.store).listing(pipeline="coins", state=None)
    assert found, "no monitor has called"
    return found[-1]


def computed(world: World) -> list[Job]:
    """Ask for what is due, compute all that waits; the jobs of the incident but its card, the newest first."""
    Dispatch(world.pipeline, world.store, 500).look()
    bench = Bench(world.place(), world.store)
    while bench.one():
        pass
    return [job for job in Jobs(world.store).of(incident_of(world).id) if job.kind != "card"]


def more(world: World, n: int, first: int = BEFORE + AFTER) -> Any:
    """Let as many events come that follow the new truth; the shard afterwards."""
    world.feed(tosses(n, seed=first, first=first, flip_after=0))
    return world.run().owned[0].shard


def told(world: World) -> list[tuple[str, int, dict[str, Any]]]:
    """What the shards were told: action, shard, arguments."""
    with world.store.read() as db:
        rows = db.execute(decision_table.select().order_by(decision_table.c.id)).all()
    return [(row.action, row.shard, row.args) for row in rows]
