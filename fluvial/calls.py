"""Calls: alerts that Alertmanager tells of become incidents, so that people can say that they have them.

An alert about an incident that a worker opened adds nothing to it. Every other one that names a
pipeline opens an incident, which closes when the alert is over. Ids come from the alert, so telling
again changes nothing.
"""

import hashlib
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from fluvial.alert_trail import CLOSED, OPENED, TELLER, About, note
from fluvial.dated import OVER, Opened, open_incident
from fluvial.incidents import ALERT, Incident, lock_pipeline, read_incident
from fluvial.store import Store, alarm_table, incident_table

ABOUT_INCIDENTS = frozenset({"FluvialIncidentOpen", "FluvialDriftDetected", "FluvialShardHalted"})
"""Alerts behind which a worker has opened an incident already."""

Taken = Literal["opened", "known", "closed", "no pipeline"]
"""What became of a call."""


class Call(NamedTuple):
    """One alert as Alertmanager tells of it; ``at`` is when it began, a clock time (s since 1970 UTC)."""

    labels: Mapping[str, str]
    summary: str
    at: float
    over: bool

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.labels.get("alertname", "")

    @property
    def pipeline(self) -> str:
        """The pipeline it is about; empty where it names none."""
        return self.labels.get("pipeline", "")

    @property
    def shard(self) -> int:
        """The shard it is about; 0 where it names none."""
        named = self.labels.get("shard", "")
        return int(named) if named.isdecimal() and len(named) < 10 else 0


class Calls:
    """Takes calls in, and closes the incidents of those that are over."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take_in(self, call: Call) -> Taken:
        """Open an incident, close it, or leave all as it is. Raises StoreError."""
        if call.name in ABOUT_INCIDENTS or "incident" in call.labels:
            return "known"
        with self._store.write() as db:
            if (course := lock_pipeline(db, call.pipeline)) is None:
                return "no pipeline"
            before = next((one for one in _waiting(db, call.pipeline) if labels_of(one) == call.labels), None)
            if call.over:
                return _close(db, before, call.summary) if before else "known"
            return "known" if before else _open(db, course, call)

    def waiting(self) -> list[Incident]:
        """Open incidents that calls have opened, with their evidence."""
        with self._store.read() as db:
            return _waiting(db)

    def over(self, incident: Incident) -> None:
        """Close an incident whose alert is there no more, without a word of it."""
        with self._store.write() as db:
            lock_pipeline(db, incident.pipeline)
            _close(db, incident, "Alertmanager has the alert no more", channel="silences")


def labels_of(incident: Incident) -> dict[str, str]:
    """The labels of the alert that opened an incident."""
    labels: dict[str, str] = incident.evidence[-1]["labels"]
    return labels


def _waiting(db: sa.Connection, pipeline: str | None = None) -> list[Incident]:
    column = incident_table.c
    query = sa.select(column.id).where(column.monitor.like(f"{ALERT}%"), column.resolved_at.is_(None))
    if pipeline is not None:
        query = query.where(column.pipeline == pipeline)
    return [read_incident(db, found) for found in db.execute(query.order_by(column.id)).scalars().all()]


def _open(db: sa.Connection, course: Any, call: Call) -> Taken:
    said = "\0".join(f"{name}={value}" for name, value in sorted(call.labels.items()))
    call_id = hashlib.sha256(f"{said}\0{call.at}".encode(errors="replace")).hexdigest()[:12]
    if db.execute(sa.select(alarm_table.c.id).where(alarm_table.c.id == call_id)).first() is not None:
        return "known"  # a person closed it while the alert went on
    now = time.time()
    place: dict[str, Any] = {"pipeline": call.pipeline, "shard": call.shard}
    monitor = f"{ALERT}{call.name}"
    same = f"{monitor}|{hashlib.sha256(said.encode(errors='replace')).hexdigest()[:12]}"
    open_incident(db, course, Opened(call_id, call.shard, monitor, same, call.at), now)
    evidence = {"monitor": monitor, "direction": "called", "time": call.at, "onset": call.at}
    evidence |= {"why": call.summary, "labels": dict(call.labels)}
    filed = {"id": call_id, "incident": call_id, **place, "evidence": evidence, "time": call.at, "at": now}
    db.execute(sa.insert(alarm_table).values(filed))
    note(db, OPENED, About(call_id, call.pipeline, monitor, dict(call.labels), call.summary))
    return "opened"


def _close(db: sa.Connection, incident: Incident, why: str, channel: str = "webhook") -> Taken:
    column = incident_table.c
    facts = {"resolved_by": TELLER, "resolved_at": time.time(), "verdict": OVER}
    update = sa.update(incident_table).where(column.id == incident.id, column.resolved_at.is_(None))
    if not db.execute(update.values(**facts, version=column.version + 1)).rowcount:
        return "known"  # somebody closed it meanwhile
    about = About(incident.id, incident.pipeline, incident.monitor, labels_of(incident), why)
    note(db, CLOSED, about, channel)
    return "closed"
