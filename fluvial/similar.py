"""Similar: earlier incidents that were like this one, and what people decided about them."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import sqlalchemy as sa

from fluvial.incidents import Incident, Incidents
from fluvial.minutes import review_of
from fluvial.review import Review
from fluvial.store import Store, incident_table, review_table

Likeness = Literal["the same", "the same monitor", "the same cause"]

LOOKED_AT = 30
"""Earlier incidents of each kind that are compared."""


class Similar(NamedTuple):
    """An earlier incident, what it has in common, and what was decided about it, the first decision first."""

    incident: Incident
    likeness: Likeness
    decided: tuple[Review, ...]


def similar(store: Store, incident: Incident, limit: int = 5) -> list[Similar]:
    """Earlier incidents of the same pipeline that are most like this one, then the newest.

    The same fingerprint (monitor and part) counts most, then the monitor, then the likely cause.
    """
    found = [(one, likeness(one, incident)) for one in _earlier(store, incident)]
    alike = [(one, like) for one, like in found if like is not None]
    alike.sort(key=lambda pair: (ORDER.index(pair[1]), -pair[0].opened_at))
    decided = _decided(store, [one.id for one, _ in alike[:limit]])
    return [Similar(one, like, decided.get(one.id, ())) for one, like in alike[:limit]]


ORDER: tuple[Likeness, ...] = ("the same", "the same monitor", "the same cause")


def likeness(one: Incident, other: Incident) -> Likeness | None:
    """What two incidents have in common that matters most; None where nothing does."""
    if one.fingerprint == other.fingerprint:
        return "the same"
    if one.monitor == other.monitor:
        return "the same monitor"
    causes = one.cause[0], other.cause[0]
    return "the same cause" if causes[0] and causes[0] == causes[1] else None


def _earlier(store: Store, incident: Incident) -> list[Incident]:
    """The newest before it that may be like it: of the same monitor, and any at all for their cause."""
    column = incident_table.c
    before = sa.select(column.id).where(column.pipeline == incident.pipeline, column.id != incident.id)
    before = before.where(column.opened_at <= incident.opened_at).order_by(column.opened_at.desc())
    alike = before.where(
        sa.or_(column.fingerprint == incident.fingerprint, column.monitor == incident.monitor)
    )
    with store.read() as db:
        ids = {found for query in (alike, before) for found in db.execute(query.limit(LOOKED_AT)).scalars()}
    return Incidents(store).several(sorted(ids))


def _decided(store: Store, ids: Sequence[str]) -> dict[str, tuple[Review, ...]]:
    query = sa.select(review_table).where(review_table.c.incident.in_(ids))
    found: dict[str, list[Review]] = {}
    with store.read() as db:
        for row in db.execute(query.order_by(review_table.c.number)):
            found.setdefault(row.incident, []).append(review_of(row))
    return {incident: tuple(some) for incident, some in found.items()}
