"""Noticing: finds out what people have to be told, from the store alone, and files it for every channel.

Each notice has a key that is made of what it says, so that it is filed once, however many consoles look
and however often they are restarted. What is older than a day is no news any more.
"""

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from fluvial import lifecycle
from fluvial.dated import PASSED
from fluvial.incidents import Incident, read_incident
from fluvial.notify.message import of_incident, of_review
from fluvial.notify.notice import Channel, Kind
from fluvial.store import Store, incident_table, notice_table, review_table

NEWS = 86400.0
"""Seconds after which nobody is told of a change any more."""

AT_ONCE = 100
"""Incidents that are looked at in one go."""


def changes(incident: Incident, now: float) -> list[tuple[Kind, float, str]]:
    """What there is to tell of an incident: kind, since which clock time, and what makes it another one."""
    if incident.scenario is not None or incident.verdict == PASSED or now < _first(incident):
        return []
    first: Kind = "opened" if incident.regressed_from is None else "regressed"
    told: list[tuple[Kind, float, str]] = [(first, _first(incident), "")]
    marks = lifecycle.marks(incident.facts, now)
    if "escalated" in marks and incident.escalates_at is not None:
        told.append(("escalated", incident.escalates_at, repr(incident.escalates_at)))
    if "worse" in marks and incident.grew_at is not None:  # once for each time that somebody took it
        told.append(("worse", incident.grew_at, repr(incident.acknowledged_at)))
    if incident.state == "firing" and incident.snoozed_until is not None:
        told.append(("snooze_over", incident.snoozed_until, repr(incident.snoozed_until)))
    if incident.resolved_at is not None:
        told.append(("resolved", incident.resolved_at, repr(incident.resolved_at)))
    return told


def _first(incident: Incident) -> float:
    """When it called first: whoever takes what is held back ends the hold."""
    return min(filter(None, (incident.fires_at, incident.acknowledged_at)))


class Noticing:
    """Looks for news in a store and files it for ``channels``; ``address`` is that of the console."""

    def __init__(self, store: Store, channels: Sequence[Channel], address: str) -> None:
        self._store, self._channels, self._address = store, channels, address

    def look(self) -> int:
        """File what is new; how many incidents were looked at. Raises StoreError."""
        now, column = time.time(), incident_table.c
        stale = sa.or_(column.version > column.noticed, column.due_at <= now)
        query = sa.select(column.id).where(stale).order_by(column.opened_at, column.id).limit(AT_ONCE)
        with self._store.read() as db:
            found = list(db.execute(query).scalars())
        for incident_id in found:
            with self._store.write() as db:
                self._notice(db, read_incident(db, incident_id), now)
        self._decisions(now)
        return len(found)

    def _notice(self, db: sa.Connection, incident: Incident, now: float) -> None:
        for kind, at, what in changes(incident, now):
            if at >= now - NEWS:
                body = of_incident(db, incident, kind, at, self._address)
                self._file(db, kind, incident.pipeline, incident.id, what, body)
        facts = {"noticed": incident.version, "due_at": lifecycle.due(incident.facts, now)}
        db.execute(sa.update(incident_table).where(incident_table.c.id == incident.id).values(facts))

    def _decisions(self, now: float) -> None:
        """Decisions are for those channels only that draw them."""
        wanting = [channel.name for channel in self._channels if "decided" in channel.kinds]
        if not wanting:
            return
        column, notice = review_table.c, notice_table.c
        filed = sa.select(notice.subject).where(notice.kind == "decided", notice.channel.in_(wanting))
        news = sa.select(review_table).where(column.at >= now - NEWS, column.id.not_in(filed))
        with self._store.read() as db:
            rows = db.execute(news.order_by(column.number).limit(AT_ONCE)).all()
        for row in rows:
            with self._store.write() as db:
                self._file(db, "decided", row.pipeline, row.id, "", of_review(row, self._address))

    def _file(
        self, db: sa.Connection, kind: Kind, pipeline: str, subject: str, what: str, body: dict[str, Any]
    ) -> None:
        now = time.time()
        row: dict[str, Any] = {"pipeline": pipeline, "kind": kind, "subject": subject, "body": body}
        row |= {"at": now, "attempts": 0, "next_at": now}
        for channel in self._channels:
            if kind in channel.kinds:
                key = f"{channel.name}/{kind}/{subject}/{what}"
                insert = self._store.insert(notice_table).values(key=key, channel=channel.name, **row)
                db.execute(insert.on_conflict_do_nothing(index_elements=["key"]))
