"""Alerts in the audit trail: which incidents were opened and closed because Alertmanager said so.

An entry is written in the transaction that opens or closes the incident. Whoever showed a token of
their own has its name; otherwise it is Alertmanager's.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.audit import Fact, append
from fluvial.incident import ALERT
from fluvial.people import acting
from fluvial.store import incident_table

OPENED, CLOSED = "incident.opened", "incident.closed"
"""The events of these entries; the subject is the incident."""

TELLER = "Alertmanager"
"""Who tells where nobody proved another name."""


class About(NamedTuple):
    """What an entry is about; ``labels`` are those of the alert, ``why`` is what it said."""

    incident: str
    pipeline: str
    monitor: str
    labels: dict[str, str]
    why: str


def note(db: sa.Connection, event: str, about: About, channel: str = "webhook") -> None:
    """Write that an incident was opened or closed, inside the transaction that does it."""
    detail = {"monitor": about.monitor, "labels": about.labels, "why": about.why}
    who = acting(db).name or TELLER
    append(db, Fact(event, who, channel, about.pipeline, about.incident, detail))


def wrong(db: sa.Connection, entries: Iterable[Any]) -> tuple[str, int | None] | None:
    """What does not fit between the trail and the incidents that alerts opened, and the entry, if it is one.

    ``entries`` are those of incidents that were opened, in their order. What was opened before the first of
    them is not in the trail.
    """
    column = incident_table.c
    query = sa.select(column.id, column.pipeline, column.monitor, column.opened_at)
    rows = {row.id: row for row in db.execute(query.where(column.monitor.like(f"{ALERT}%")))}
    begun: float | None = None
    for entry in entries:
        begun = entry.at if begun is None else begun
        row = rows.pop(entry.subject, None)
        if row is None or (row.pipeline, row.monitor) != (entry.pipeline, entry.told.get("monitor")):
            return f"the incident {entry.subject} is not what was opened", entry.number
    unknown = next((row.id for row in rows.values() if begun is not None and row.opened_at > begun), None)
    return None if unknown is None else (f"nothing in the trail says that {unknown} was opened", None)
