"""Jobs: what is to be computed of other models, who computes it, and what came of it.

States, computed from what is in the row and the clock::

    queued --claim--> running --done--> done
      ^                  |  +--fail--> failed
      +--- lease over ---+

A job is claimed by one conditional UPDATE; whoever computes it renews its lease with each word of
progress. One whose lease is over is queued again, at most ``TRIES`` times.
"""

import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from fluvial.store import Store
from fluvial.tables import shadow_job_table as table
from monitors.status import plain

Kind = Literal["table", "model", "hindsight", "card"]
"""A shadow table, a model to be adopted, what the alternatives to a decision would have given, and an
evidence card."""

LEASE = 30.0
"""Seconds for which a claimed job is somebody's without another word of theirs."""

TRIES = 3
"""Times that a job is begun: one that ends the process each time would be begun for ever."""

GAVE_UP = "it was begun several times and never ended: see the log of the workers"


class Job(NamedTuple):
    """One computation. Times ending in ``_at`` and ``_until`` are clock times; see the columns' users."""

    id: int
    pipeline: str
    shard: int
    incident: str | None
    kind: Kind
    name: str
    asked: dict[str, Any]
    asked_at: float
    worker: str | None
    tries: int
    lease_until: float | None
    batch: int | None
    last: int | None
    ended_at: float | None
    failed: str | None
    result: dict[str, Any] | None

    @property
    def state(self) -> Literal["queued", "running", "done", "failed"]:
        """Where it stands."""
        if self.ended_at is not None:
            return "done" if self.failed is None else "failed"
        return "running" if (self.lease_until or 0.0) > time.time() else "queued"


class Lost(Exception):
    """The job is somebody else's by now, or was computed: whoever sees this stops."""


class Jobs:
    """The jobs of all pipelines in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, pipeline: str, worker: str, name: str | None = None) -> Job | None:
        """Take the oldest job that nobody computes, models and cards first; or the one of that name."""
        now, column = time.time(), table.c
        free = column.ended_at.is_(None) & (column.lease_until.is_(None) | (column.lease_until < now))
        urgent = sa.case({"model": 0, "card": 1, "table": 2}, value=column.kind, else_=3)
        query = sa.select(column.id, column.tries).where(column.pipeline == pipeline, free)
        if name is not None:
            query = query.where(column.name == name)
        with self._store.write() as db:
            for found in db.execute(query.order_by(urgent, column.id)).all():
                this = sa.update(table).where(column.id == found.id, free)
                if found.tries >= TRIES:
                    db.execute(this.values(ended_at=now, failed=GAVE_UP))
                    continue
                held = {"worker": worker, "lease_until": now + LEASE, "tries": found.tries + 1}
                if db.execute(this.values(held)).rowcount == 1:
                    row = db.execute(sa.select(table).where(column.id == found.id)).one()
                    return job_of(row)
        return None

    def waiting(self, pipeline: str) -> bool:
        """Whether there is a job that nobody computes."""
        column, now = table.c, time.time()
        query = sa.select(column.id).where(
            column.pipeline == pipeline,
            column.ended_at.is_(None),
            column.lease_until.is_(None) | (column.lease_until < now),
        )
        with self._store.read() as db:
            return db.execute(query.limit(1)).first() is not None

    def busy(self, pipeline: str) -> bool:
        """Whether somebody computes for a pipeline: what is queued will have its turn."""
        column = table.c
        query = sa.select(column.id).where(
            column.pipeline == pipeline, column.ended_at.is_(None), column.lease_until >= time.time()
        )
        with self._store.read() as db:
            return db.execute(query.limit(1)).first() is not None

    def progress(self, job: Job, batch: int, last: int) -> None:
        """Say how far it has come, which renews the lease. Raises Lost."""
        self._note(job, lease_until=time.time() + LEASE, batch=batch, last=last)

    def release(self, job: Job) -> None:
        """Give it back as if it had not been begun. Raises Lost."""
        self._note(job, lease_until=None, worker=None, tries=job.tries - 1)

    def done(self, job: Job, result: Mapping[str, Any]) -> None:
        """Keep what came of it. Raises Lost."""
        self._note(job, ended_at=time.time(), result=plain(dict(result)), failed=None)

    def fail(self, job: Job, why: str) -> None:
        """Say why nothing comes of it. Raises Lost."""
        self._note(job, ended_at=time.time(), failed=why)

    def named(self, name: str) -> Job | None:
        """The job of that name."""
        with self._store.read() as db:
            return job_named(db, name)

    def of(self, incident: str, kind: Kind | None = None) -> list[Job]:
        """The jobs about an incident, the newest first."""
        with self._store.read() as db:
            return jobs_of(db, incident, *([] if kind is None else [kind]))

    def _note(self, job: Job, **values: Any) -> None:
        column = table.c
        held = sa.update(table).where(
            column.id == job.id,
            column.worker == job.worker,
            column.tries == job.tries,
            column.ended_at.is_(None),
        )
        with self._store.write() as db:
            if db.execute(held.values(values)).rowcount != 1:
                raise Lost(f"the job {job.name} is no longer ours")


def enqueue(
    db: sa.Connection, name: str, kind: Kind, pipeline: str, shard: int, asked: Mapping[str, Any]
) -> bool:
    """Ask for a computation inside a transaction; whether it was new: a name is asked for once."""
    if db.execute(sa.select(table.c.id).where(table.c.name == name)).first() is not None:
        return False
    row: dict[str, Any] = {"name": name, "kind": kind, "pipeline": pipeline, "shard": shard}
    row |= {"incident": asked.get("incident"), "asked": dict(asked), "asked_at": time.time(), "tries": 0}
    try:
        with db.begin_nested():
            db.execute(sa.insert(table).values(row))
    except IntegrityError:  # several workers look for what is due
        return False
    return True


def job_named(db: sa.Connection, name: str) -> Job | None:
    """The job of that name, inside a transaction."""
    row = db.execute(sa.select(table).where(table.c.name == name)).first()
    return job_of(row) if row else None


def jobs_of(db: sa.Connection, incident: str, *kinds: Kind, limit: int | None = None) -> list[Job]:
    """The jobs about an incident, the newest first, of some kinds or of all, inside a transaction."""
    query = sa.select(table).where(table.c.incident == incident).order_by(table.c.id.desc()).limit(limit)
    if kinds:
        query = query.where(table.c.kind.in_(kinds))
    return [job_of(row) for row in db.execute(query)]


def job_of(row: Any) -> Job:
    """The job in a row."""
    return Job(**row._mapping)
