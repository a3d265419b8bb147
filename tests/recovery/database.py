"""What becomes of a stream while its PostgreSQL is killed, and while sessions are cut in their commits.

``python -m tests.recovery.database N SEED`` prints the figures of N kills and of N cuts.
"""

import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from tests.fluvial.world import World, coins, embedded_world
from tests.recovery.at_work import AtWork
from tests.recovery.cutter import Cut, Cutter, Side
from tests.recovery.oracle import judge
from tests.recovery.supply import Supply
from tests.services.postgres import fresh_database
from tests.services.postgres_server import LocalPostgres
from tests.waiting import wait_until

BACK = 30.0
"""Seconds within which a worker must have caught up once the database is back."""

SIDES: tuple[Side, Side] = ("before", "after")

ROW, TAKEN = "INSERT INTO journal", ", owner="
WRITES = (
    *(ROW, ROW, ROW, TAKEN, "INSERT INTO snapshot", "UPDATE shard SET status"),
    *("INSERT INTO review", "INSERT INTO cursor", "INSERT INTO"),
)
"""What a session has written when it is cut; a shard is taken (its epoch raised) after another cut only."""


def kills(n: int, seed: int, folder: Path, own: LocalPostgres | None = None) -> dict[str, Any]:
    """Kill PostgreSQL ``n`` times while a worker learns: two times in three all of it, else one session.

    ``own`` is a server that nobody else uses; without it one is started.
    """
    rng = random.Random(seed)
    at_work, back = 0, []
    with database(own) as (postgres, url), world_on(folder, url) as world:
        supply = Supply(world, rng)
        with AtWork(lambda: opened(folder, url)) as worker:
            wait_until(worker.ready, "the worker is ready", BACK)
            for _ in range(n):
                supply.feed()
                supply.decide()
                time.sleep(rng.uniform(0.0, 0.4))  # the moment of the kill is the experiment
                at_work += supply.waiting(worker) > 0
                _kill(postgres, url, rng)
                back.append(_caught_up(supply, worker))
                supply.decide()
            supply.settle()
        return {"kills": n, "kills_at_work": at_work, **_times(back), **judge(world, supply)}


def _kill(postgres: LocalPostgres, url: str, rng: random.Random) -> None:
    if rng.random() < 1 / 3:
        postgres.kill_session(str(make_url(url).database), rng)
        return
    postgres.kill9()
    time.sleep(rng.uniform(0.0, 1.0))  # how long it is away is drawn as well
    postgres.start()


def cut_commits(n: int, seed: int, folder: Path, own: LocalPostgres | None = None) -> dict[str, Any]:
    """Cut ``n`` sessions in a commit, every second one after the server has done it."""
    rng = random.Random(seed)
    back = []
    with database(own) as (_, url), world_on(folder, url) as world, ExitStack() as stack:
        cutter = stack.enter_context(closing(Cutter(address(url), random.Random(seed))))
        cuttable = through(cutter, url)
        supply = Supply(stack.enter_context(world_on(folder, cuttable)), rng)
        with AtWork(lambda: opened(folder, cuttable)) as worker:
            wait_until(worker.ready, "the worker is ready", BACK)
            for number in range(n):
                words, side = rng.choice(WRITES), SIDES[number % 2]
                cutter.plan(*([Cut(ROW, side)] if words == TAKEN else []), Cut(words, side))
                wait_until(lambda: _provoke(supply, worker, cutter), "the cut is made", 60)
                back.append(_caught_up(supply, worker))
            supply.settle()
        return {**_of_cuts(cutter.made), **_times(back), **judge(world, supply)}


def _of_cuts(made: list[Cut]) -> dict[str, Any]:
    sides = Counter(cut.side for cut in made)
    return {
        "cut_before_commit": sides["before"],
        "cut_after_commit": sides["after"],
        "cut_in": dict(Counter(cut.words.strip(" ,=") for cut in made)),
    }


def _provoke(supply: Supply, worker: AtWork, cutter: Cutter) -> bool:
    """Let all kinds of commits happen until those that are planned have been cut."""
    if not cutter.planned:
        return True
    worker.trouble()  # raises where it died
    if worker.positions() and not supply.waiting(worker):
        supply.feed()
        supply.decide()
    return False


def _caught_up(supply: Supply, worker: AtWork) -> float:
    """Seconds until the worker is ready and has learned all that is there."""
    since = time.monotonic()
    wait_until(lambda: worker.ready() and not supply.waiting(worker), "the worker has caught up", BACK)
    return time.monotonic() - since


def _times(seconds: list[float]) -> dict[str, float]:
    return {"caught_up_s": round(statistics.median(seconds), 1), "caught_up_worst_s": round(max(seconds), 1)}


@contextmanager
def database(own: LocalPostgres | None) -> Iterator[tuple[LocalPostgres, str]]:
    """A server that does not wait for the disk unless it is told to, and the URL of a database in it."""
    with ExitStack() as stack:
        postgres = own or stack.enter_context(closing(LocalPostgres()))
        yield postgres, stack.enter_context(fresh_database(postgres))


def opened(folder: Path, url: str) -> World:
    """The world as one thread sees it; batches and snapshots are small enough to be hit in every phase."""
    return embedded_world(folder, coins(batch=20, snapshot_every=300), url)


@contextmanager
def world_on(folder: Path, url: str) -> Iterator[World]:
    """The same, closed at the end."""
    world = opened(folder, url)
    try:
        yield world
    finally:
        world.log.close()
        world.store.close()


def address(url: str) -> tuple[str, int]:
    found = make_url(url)
    return str(found.host), int(found.port or 5432)


def through(cutter: Cutter, url: str) -> str:
    """The URL by which the cutter is in between; it reads no encrypted sessions."""
    plain = {"sslmode": "disable", "gssencmode": "disable"}
    found = make_url(url).set(host="127.0.0.1", port=cutter.port).update_query_dict(plain)
    return found.render_as_string(hide_password=False)


if __name__ == "__main__":
    for measure in (kills, cut_commits):
        with tempfile.TemporaryDirectory() as there:
            print(json.dumps({measure.__name__: measure(int(sys.argv[1]), int(sys.argv[2]), Path(there))}))
