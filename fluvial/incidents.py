"""Incidents: alarms as people meet them; grouped, dated, and never lost.

Ids come from the alarm that opened it, so a republished alarm opens nothing twice.
Which alarms belong together is said in :mod:`fluvial.grouping`.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from fluvial.dated import Opened, fingerprint, grown, open_incident, passed
from fluvial.evidence import calls, complete, phase, stored
from fluvial.fence import own
from fluvial.grouping import gather, incident_of
from fluvial.incident import (
    ALERT,
    HALT,
    MARKS,
    STATES,
    WENT_ON,
    Incident,
    Mark,
    NoSuchIncident,
    State,
    is_drift,
)
from fluvial.lifecycle import state_in_sql
from fluvial.scenarios import explaining
from fluvial.store import Store, alarm_table, incident_table, pipeline_table
from fluvial.tables import card_table
from monitors.alarm import Alarm

__all__ = [
    "ALERT",
    "HALT",
    "MARKS",
    "STATES",
    "WENT_ON",
    "Incident",
    "Incidents",
    "Mark",
    "NoSuchIncident",
    "State",
    "is_drift",
    "lock_pipeline",
    "read_incident",
    "standing",
]

_NUMBERS = re.compile(r"\d+")

_ROWS = sa.select(
    incident_table,
    sa.func.coalesce(card_table.c.cause, "").label("card_cause"),
    sa.func.coalesce(card_table.c.because, "").label("card_because"),
).outerjoin(card_table, card_table.c.incident == incident_table.c.id)
"""Incidents with what their cards name, which stands beside the cards: no card is read for a list."""


class Incidents:
    """The incidents in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, pipeline: str, shard: int, alarms: Sequence[tuple[str, Alarm]]) -> None:
        """Take in alarms by their ids, oldest first; one that is known already changes nothing."""
        with self._store.write() as db:
            course = lock_pipeline(db, pipeline) or _unknown(pipeline)
            for alarm_id, alarm in alarms:
                self._take_in(db, course, shard, alarm_id, alarm)

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
            course = lock_pipeline(db, pipeline) or _unknown(pipeline)
            if epoch is not None:
                own(db, pipeline, shard, epoch)
            now = time.time()
            said: dict[str, Any] = {"why": why, "retried": retried}
            said["gives_up"] = None if gives_up is None else dict(gives_up)
            known = standing(db, pipeline, shard)
            if known is not None and self._refreshed(db, known, said):
                return
            alarm_id = hashlib.sha256(f"{pipeline}/{shard}/{now}/{why}".encode()).hexdigest()[:12]
            if known is None:
                open_incident(db, course, Opened(alarm_id, shard, HALT, f"{HALT}|{shard}", now), now)
            else:
                _grow(db, known, now, grew_at=now)
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

    def _take_in(self, db: sa.Connection, course: Any, shard: int, alarm_id: str, alarm: Alarm) -> None:
        known = sa.select(alarm_table.c.id).where(alarm_table.c.id == alarm_id)
        if db.execute(known).first() is not None:
            return
        now, evidence, pipeline = time.time(), stored(alarm), course.pipeline
        incident_id, calling = incident_of(db, pipeline, alarm), calls(evidence)
        scenario = explaining(db, pipeline, evidence, now) if calling else None
        if incident_id is not None:
            facts = grown(course, _row(db, incident_id), now, scenario) if calling else {}
            _grow(db, incident_id, alarm.time, by=int(calling), **facts)
        elif calling:
            incident_id = alarm_id
            new = Opened(alarm_id, shard, alarm.monitor, fingerprint(evidence), alarm.time, scenario)
            open_incident(db, course, new, now, hold=True)
        row = {"id": alarm_id, "incident": incident_id, "pipeline": pipeline, "shard": shard}
        db.execute(sa.insert(alarm_table).values(**row, evidence=evidence, time=alarm.time, at=now))
        if incident_id is not None and calling:
            gather(db, pipeline, incident_id, alarm)
        elif incident_id is not None:
            _let_pass(db, incident_id, now)

    def get(self, incident_id: str) -> Incident:
        """One incident with the evidence of its alarms. Raises NoSuchIncident."""
        with self._store.read() as db:
            return read_incident(db, incident_id)

    def by_shard(self, incident_id: str) -> dict[int, list[dict[str, Any]]]:
        """The evidence of an incident by the shard whose monitors said it, in the order of event time."""
        column, found = alarm_table.c, dict[int, list[dict[str, Any]]]()
        query = sa.select(column.shard, column.evidence).where(column.incident == incident_id)
        with self._store.read() as db:
            for shard, said in db.execute(query.order_by(column.time, column.id)):
                found.setdefault(shard, []).append(complete(said))
        return found

    def several(self, ids: Sequence[str]) -> list[Incident]:
        """The incidents of these ids with their evidence, the newest first; unknown ids are left out."""
        column = incident_table.c
        query = _ROWS.where(column.id.in_(ids))
        with self._store.read() as db:
            rows = db.execute(query.order_by(column.opened_at.desc(), column.id)).all()
            evidence = _evidence(db, [row.id for row in rows])
        return [_incident(row, evidence.get(row.id)) for row in rows]

    def listing(
        self, *, pipeline: str | None = None, state: State | None = None, limit: int = 200, offset: int = 0
    ) -> list[Incident]:
        """Incidents with their evidence, the newest first; ``offset`` skips the newest ones."""
        query = _ROWS.order_by(
            incident_table.c.opened_at.desc(), incident_table.c.last_time.desc(), incident_table.c.id
        )
        if pipeline is not None:
            query = query.where(incident_table.c.pipeline == pipeline)
        if state is not None:
            query = query.where(state_in_sql(time.time()) == state)
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
        wanted = conditions if state is None else (*conditions, state_in_sql(time.time()) == state)
        with self._store.read() as db:
            rows = db.execute(_ROWS.where(*wanted).order_by(*order).limit(limit)).all()
            evidence = _evidence(db, [row.id for row in rows])
        return [_incident(row, evidence.get(row.id)) for row in rows]

    def counts(self, pipeline: str) -> dict[State, int]:
        """How many incidents of a pipeline are in each state."""
        state = state_in_sql(time.time()).label("state")
        query = sa.select(state, sa.func.count()).where(incident_table.c.pipeline == pipeline).group_by(state)
        with self._store.read() as db:
            found = {row[0]: int(row[1]) for row in db.execute(query)}
        return {one: found.get(one, 0) for one in STATES}

    def still_open(self, pipeline: str, limit: int) -> list[tuple[int, str, str]]:
        """Shard, monitor and id of open incidents that a worker opened and that call, the newest first.

        Those that are held back and those that were expected call nobody.
        """
        column = incident_table.c
        query = sa.select(column.shard, column.monitor, column.id).where(
            column.pipeline == pipeline,
            column.resolved_at.is_(None),
            column.scenario.is_(None),
            sa.or_(column.fires_at <= time.time(), column.acknowledged_at.is_not(None)),
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
    row = db.execute(_ROWS.where(incident_table.c.id == incident_id)).first()
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


def _grow(db: sa.Connection, incident_id: str, at: float, *, by: int = 1, **facts: Any) -> None:
    """Note ``by`` more alarms that called; what only stands beside it is news as well."""
    column = incident_table.c
    more: dict[str, Any] = {"version": column.version + 1, **facts}
    if by:
        latest = sa.case((column.last_time < at, at), else_=column.last_time)
        more |= {"alarms": column.alarms + by, "last_time": latest}
    db.execute(sa.update(incident_table).where(column.id == incident_id).values(**more))


def _let_pass(db: sa.Connection, incident_id: str, now: float) -> None:
    """Close what went back by itself before anybody was called."""
    column = incident_table.c
    pending = sa.select(column.id).where(column.id == incident_id, state_in_sql(now) == "pending")
    if db.execute(pending).first() is None:
        return
    if phase(_evidence(db, [incident_id])[incident_id]) == "recovered":
        db.execute(sa.update(incident_table).where(column.id == incident_id).values(passed(now)))


def _row(db: sa.Connection, incident_id: str) -> Any:
    return db.execute(sa.select(incident_table).where(incident_table.c.id == incident_id)).one()


def _unknown(pipeline: str) -> Any:
    """Stands in for the row of a pipeline that nobody registered: its rules are the defaults."""
    return SimpleNamespace(pipeline=pipeline, facts={})


def _incident(row: Any, evidence: list[dict[str, Any]] | None = None) -> Incident:
    values = dict(row._mapping)
    for name in ("announced", "noticed", "due_at"):
        del values[name]
    return Incident(**values, evidence=evidence or [])
