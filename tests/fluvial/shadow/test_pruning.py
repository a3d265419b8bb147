"""Old jobs are forgotten, but for what an incident shows, what is open, and what a shard may wait for."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from fluvial.incidents import Incidents
from fluvial.reviews import Request, register, review
from fluvial.shadow.jobs import enqueue
from fluvial.shadow.pruning import prune
from fluvial.store import Store, incident_table
from fluvial.tables import shadow_job_table
from monitors.alarm import Alarm

DAY = 86_400.0


def job(store: Store, name: str, incident: str, kind: Any = "table", **values: Any) -> None:
    """A job that ended 100 days ago, unless it is said otherwise."""
    values = {"ended_at": time.time() - 100 * DAY, "result": {}} | values
    with store.write() as db:
        enqueue(db, name, kind, "coins", values.pop("shard", 0), {"incident": incident})
        db.execute(sa.update(shadow_job_table).where(shadow_job_table.c.name == name).values(values))


def left(store: Store) -> set[str]:
    """The names of the jobs that are there."""
    with store.read() as db:
        return set(db.execute(sa.select(shadow_job_table.c.name)).scalars())


def desk(store: Store) -> None:
    """An incident that was over 99 days ago, and one that is open."""
    register(store, "coins", 2, {})
    for n, name in enumerate(("old", "open")):
        at = 1e9 + 1e7 * n
        Incidents(store).record(
            "coins", n, [(name, Alarm(f"loss:{name}", "worse", at, at, 9, 0.1, 0.4, 5, 5))]
        )
    review(store, Request(action="resolve", incident="old", who="ann"), "cli")
    with store.write() as db:
        row = sa.update(incident_table).where(incident_table.c.id == "old")
        db.execute(row.values(resolved_at=time.time() - 99 * DAY))


def test_what_nobody_looks_at_any_more_goes_and_the_newest_of_each_kind_and_shard_stays(store: Store) -> None:
    desk(store)
    for n in range(4):
        for kind in ("table", "card", "hindsight"):
            job(store, f"{kind} {n}", "old", kind)
    job(store, "other shard", "old", shard=1)
    job(store, "failed last", "old", failed="no records", result=None)
    job(store, "model", "old", "model")
    job(store, "model 2", "old", "model")
    assert prune(store, "dice", 90 * DAY) == 0, "another pipeline's"
    assert prune(store, "coins", 90 * DAY) == 10
    assert left(store) == {"table 3", "card 3", "hindsight 3", "other shard", "model", "model 2"}
    assert prune(store, "coins", 90 * DAY) == 0


def test_what_is_open_young_or_not_done_stays(store: Store) -> None:
    desk(store)
    for n in range(3):
        job(store, f"open {n}", "open")
        job(store, f"young {n}", "old", ended_at=time.time() - 80 * DAY)
        job(store, f"queued {n}", "old", ended_at=None, result=None)
    before = left(store)
    assert prune(store, "coins", 90 * DAY) == 0
    assert left(store) == before
