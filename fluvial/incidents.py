"""Incidents: alarms as people meet them; grouped, dated, and never lost.

Ids come from the alarm that opened it, so a republished alarm opens nothing twice.
Which alarms belong together is said in :mod:`fluvial.grouping`.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from fluvial.evidence import calls, complete, stored
from fluvial.fence import own
from fluvial.grouping import gather, incident_of
from fluvial.incident import ALERT, HALT, STATES, WENT_ON, Incident, NoSuchIncident, State, is_drift
from fluvial.store import Store, alarm_table, incident_table, pipeline_table
from monitors.alarm import Alarm

__all__ = [
    "ALERT",
    "HALT",
    "STATES",
    "WENT_ON",
    "Incident",
    "Incidents",
    "NoSuchIncident",
    "State",
    "is_drift",
    "lock_pipeline",
    "read_incident",
    "standing",
]

_NUMBERS = re.compile(r"\d+")


class Incidents:
    """The incidents in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, pipeline: str, shard: int, alarms: Sequence[tuple[str, Alarm]]) -> None:
        """Take in alarms by their ids, oldest first; one that is known already changes nothing."""
        with self._store.write() as db:
            lock_pipeline(db, pipeline)
            for alarm_id, alarm in alarms:
                self._take_in(db, pipeline, shard, alarm_id, alarm)

    def stands_still(
        self,
        pipeline: str,
        shard: int,
        why: str,
        *,
        gives_up: Mapping[str, Any] | None = None,
        retried: bool = False,
        epoch: int | None = None,
    ) -> None:
        """Open an incident because a shard is halted, or tell the open one why it is now.

        ``epoch`` is that of the owner who says so. Raises Fenced where a newer owner is there: it may
        have the shard at work. None is for who knows that nobody has.

        ``gives_up`` is what accepting the gap would give up: see :func:`fluvial.bridge.bridge`;
        ``retried`` says whether the shard is tried again by itself. The sentence of before with other
        numbers in it (a log goes on growing) is no news: they are updated.
        """
        with self._store.write() as db:
            lock_pipeline(db, pipeline)
            if epoch is not None:
                own(db, pipeline, shard, epoch)
            now = time.time()
            row: dict[str, Any] = {"pipeline": pipeline, "shard": shard, "monitor": HALT}
            said: dict[str, Any] = {"why": why, "retried": retried}
            said["gives_up"] = None if gives_up is None else dict(gives_up)
            known = standing(db, pipeline, shard)
            if known is not None and self._refreshed(db, known, said):
                return
            alarm_id = hashlib.sha256(f"{pipeline}/{shard}/{now}/{why}".encode()).hexdigest()[:12]
            if known is None:
                first = {"opened_at": now, "last_time": now, "alarms": 1, "version": 1, "announced": 0}
                db.execute(sa.insert(incident_table).values(id=alarm_id, **row, **first))
            else:
                _grow(db, known, now)
            evidence = {"monitor": HALT, "direction": "halted", "time": now, "onset": now, **said}
            filed = {"id": alarm_id, "incident": known or alarm_id, "pipeline": pipeline, "shard": shard}
            db.execute(sa.insert(alarm_table).values(**filed, evidence=evidence, time=now, at=now))

    def _refreshed(self, db: sa.Connection, incident: str, said: Mapping[str, Any]) -> bool:
        """Whether the newest evidence says the same, its numbers aside; it gets the new ones."""
        column = alarm_table.c
        newest = sa.select(column.id, column.evidence).where(column.incident == incident)
        row = db.execute(newest.order_by(column.time.desc(), column.id.desc()).limit(1)).one()
        if _NUMBERS.sub("", row.evidence["why"]) != _NUMBERS.sub("", said["why"]):
            return False
        update = sa.update(alarm_table).where(column.id == row.id)
        db.execute(update.values(evidence={**row.evidence, **said}))
        return True

    def went_on(self, pipeline: str, shard: int, *, epoch: int | None = None) -> None:
        """Close the incident of a halted shard: it runs again. ``epoch`` as in ``stands_still``."""
        with self._store.write() as db:
            lock_pipeline(db, pipeline)
            if epoch is not None:
                own(db, pipeline, shard, epoch)
            known = standing(db, pipeline, shard)
            if known is not None:
                column = incident_table.c
                facts = {"resolved_by": "fluvial", "resolved_at": time.time(), "verdict": WENT_ON}
                update = sa.update(incident_table).where(column.id == known)
                db.execute(update.values(**facts, version=column.version + 1))

    def _take_in(self, db: sa.Connection, pipeline: str, shard: int, alarm_id: str, alarm: Alarm) -> None:
        known = sa.select(alarm_table.c.id).where(alarm_table.c.id == alarm_id)
        if db.execute(known).first() is not None:
            return
        now, evidence = time.time(), stored(alarm)
        incident_id = incident_of(db, pipeline, alarm)
        if incident_id is not None:
            _grow(db, incident_id, alarm.time, by=int(calls(evidence)))
        elif calls(evidence):
            incident_id = alarm_id
            row = {"id": alarm_id, "pipeline": pipeline, "shard": shard, "monitor": alarm.monitor}
            row |= {"opened_at": now, "last_time": alarm.time, "alarms": 1, "version": 1, "announced": 0}
            db.execute(sa.insert(incident_table).values(row))
        row = {"id": alarm_id, "incident": incident_id, "pipeline": pipeline, "shard": shard}
        db.execute(sa.insert(alarm_table).values(**row, evidence=evidence, time=alarm.time, at=now))
        if incident_id is not None and calls(evidence):
            gather(db, pipeline, incident_id, alarm)

    def get(self, incident_id: str) -> Incident:
        """One incident with the evidence of its alarms. Raises NoSuchIncident."""
        with self._store.read() as db:
            return read_incident(db, incident_id)

    def listing(
        self, *, pipeline: str | None = None, state: State | None = None, limit: int = 200, offset: int = 0
    ) -> list[Incident]:
        """Incidents with their evidence, the newest first; ``offset`` skips the newest ones."""
        query = sa.select(incident_table).order_by(
            incident_table.c.opened_at.desc(), incident_table.c.last_time.desc(), incident_table.c.id
        )
        if pipeline is not None:
            query = query.where(incident_table.c.pipeline == pipeline)
        if state is not None:
            query = query.where(_in_state(state))
        with self._store.read() as db:
            rows = db.execute(query.limit(limit).offset(offset)).all()
            evidence = _evidence(db, [row.id for row in rows])
        return [_incident(row, evidence.get(row.id)) for row in rows]

    def matching(
        self,
        *conditions: sa.ColumnElement[bool],
        state: State | None = None,
        limit: int,
        oldest: bool = False,
    ) -> list[Incident]:
        """Incidents with their evidence that meet conditions on their rows, the newest first by when they
        opened; with ``oldest`` those at the other end, the oldest first.
        """
        column = incident_table.c
        order = (column.opened_at, column.id) if oldest else (column.opened_at.desc(), column.id.desc())
        wanted = (*conditions, _in_state(state)) if state is not None else conditions
        with self._store.read() as db:
            rows = db.execute(sa.select(incident_table).where(*wanted).order_by(*order).limit(limit)).all()
            evidence = _evidence(db, [row.id for row in rows])
        return [_incident(row, evidence.get(row.id)) for row in rows]

    def counts(self, pipeline: str) -> dict[State, int]:
        """How many incidents of a pipeline are in each state."""
        with self._store.read() as db:
            return {state: self._count(db, pipeline, state) for state in STATES}

    def _count(self, db: sa.Connection, pipeline: str, state: State) -> int:
        query = sa.select(sa.func.count()).select_from(incident_table)
        where = incident_table.c.pipeline == pipeline, _in_state(state)
        return int(db.execute(query.where(*where)).scalar_one())

    def still_open(self, pipeline: str, limit: int) -> list[tuple[int, str, str]]:
        """Shard, monitor and id of open incidents that a worker opened, the newest first."""
        column = incident_table.c
        query = sa.select(column.shard, column.monitor, column.id).where(
            column.pipeline == pipeline,
            column.resolved_at.is_(None),
            column.monitor.not_like(f"{ALERT}%"),  # an alert about those would call about itself
        )
        newest = query.order_by(column.opened_at.desc(), column.id).limit(limit)
        with self._store.read() as db:
            return [(row.shard, row.monitor, row.id) for row in db.execute(newest)]

    def unannounced(self, pipeline: str) -> list[Incident]:
        """Incidents that changed since they were last written to the incidents topic."""
        column = incident_table.c
        query = sa.select(column.id).where(column.pipeline == pipeline, column.version > column.announced)
        with self._store.read() as db:
            return [read_incident(db, found) for found in db.execute(query).scalars().all()]

    def announced(self, incidents: Sequence[Incident]) -> None:
        """Note which version of each incident is in the topic now.

        The number may go back: whoever was slow and wrote an older version last makes the newer one
        due again.
        """
        with self._store.write() as db:
            for pipeline in sorted({incident.pipeline for incident in incidents}):
                lock_pipeline(db, pipeline)
            for incident in incidents:
                update = sa.update(incident_table).where(incident_table.c.id == incident.id)
                db.execute(update.values(announced=incident.version))


def lock_pipeline(db: sa.Connection, pipeline: str) -> Any | None:
    """Hold everything that people and workers change about a pipeline's incidents; returns its row.

    Whoever changes an incident takes this lock first: of two at once the second waits and then sees
    what the first has done.
    """
    lock = sa.select(pipeline_table).where(pipeline_table.c.pipeline == pipeline)
    return db.execute(lock.with_for_update()).first()


def read_incident(db: sa.Connection, incident_id: str) -> Incident:
    """Read one incident inside a transaction. Raises NoSuchIncident."""
    row = db.execute(sa.select(incident_table).where(incident_table.c.id == incident_id)).first()
    if row is None:
        raise NoSuchIncident(f"no incident has the id {incident_id!r}: see `fluvial incidents`")
    return _incident(row, _evidence(db, [incident_id]).get(incident_id))


def _evidence(db: sa.Connection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    column, found = alarm_table.c, dict[str, list[dict[str, Any]]]()
    query = sa.select(column.incident, column.evidence).where(column.incident.in_(ids))
    for incident, said in db.execute(query.order_by(column.time, column.id)):
        found.setdefault(incident, []).append(complete(said))
    return found


def standing(db: sa.Connection, pipeline: str, shard: int) -> str | None:
    """The id of the open incident that says that a shard stands still."""
    column = incident_table.c
    query = sa.select(column.id).where(column.pipeline == pipeline, column.shard == shard)
    return db.execute(query.where(column.monitor == HALT, column.resolved_at.is_(None))).scalar()


def _grow(db: sa.Connection, incident_id: str, at: float, *, by: int = 1) -> None:
    """Note ``by`` more alarms that called; what only stands beside it is news as well."""
    column = incident_table.c
    more: dict[str, Any] = {"version": column.version + 1}
    if by:
        latest = sa.case((column.last_time < at, at), else_=column.last_time)
        more |= {"alarms": column.alarms + by, "last_time": latest}
    db.execute(sa.update(incident_table).where(column.id == incident_id).values(**more))


def _incident(row: Any, evidence: list[dict[str, Any]] | None = None) -> Incident:
    values = dict(row._mapping)
    del values["announced"]
    return Incident(**values, evidence=evidence or [])


def _in_state(state: State) -> sa.ColumnElement[bool]:
    column = incident_table.c
    match state:
        case "resolved":
            return column.resolved_at.is_not(None)
        case "acknowledged":
            return sa.and_(column.resolved_at.is_(None), column.acknowledged_at.is_not(None))
        case "firing":
            return sa.and_(column.resolved_at.is_(None), column.acknowledged_at.is_(None))
