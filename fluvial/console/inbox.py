"""The inbox: incidents by state, pipeline, monitor, text and time, page by page.

A page begins behind an incident and not at a number: whatever opens meanwhile, none is shown twice and
none is missed, and the last page costs what the first does.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from fluvial.console.cases import summary
from fluvial.console.models import IncidentSummary
from fluvial.incidents import STATES, Incident, Incidents, State
from fluvial.store import Store, alarm_table, incident_table, pipeline_table, review_table

Word = Annotated[str, Field(max_length=200)]


class Filter(BaseModel):
    """Which incidents; what is empty asks for nothing. Days are UTC days on which they opened."""

    model_config = ConfigDict(frozen=True)

    state: Word = ""
    pipeline: Word = ""
    monitor: Word = ""
    text: Word = ""
    since: Word = ""
    until: Word = ""

    def query(self, **other: str) -> str:
        """The filter as a query of an address, with other values where they are named."""
        kept = {name: getattr(self, name) for name in Filter.model_fields}
        return urlencode({name: value for name, value in (kept | other).items() if value})


class Visit(Filter):
    """What an address of the inbox says: which incidents, from where on, what was decided before."""

    before: Word = ""
    after: Word = ""
    taken: Word = ""


class Place(NamedTuple):
    """An incident's place in the order: when it opened, and its id."""

    opened_at: float
    id: str

    def __str__(self) -> str:
        return f"{self.opened_at!r}~{self.id}"


class Page(NamedTuple):
    """Some incidents, the newest first, and the places from which the pages before and behind go on."""

    incidents: list[IncidentSummary]
    newer: str
    older: str


def place_of(text: str) -> Place | None:
    """What a page's address says of where it begins; None where that is no place."""
    opened, _, incident = text.partition("~")
    try:
        at = float(opened)
    except ValueError:
        return None
    return Place(at, incident) if incident and abs(at) < 1e15 else None  # not so where it is NaN


def page(store: Store, wanted: Filter, *, before: str = "", after: str = "", size: int = 50) -> Page:
    """The newest incidents, or those just older than a place, or just newer than one."""
    conditions = list(_conditions(wanted))
    behind, ahead = place_of(before), place_of(after)
    if ahead is not None:
        conditions.append(_key() > sa.tuple_(*map(sa.literal, ahead)))
    elif behind is not None:
        conditions.append(_key() < sa.tuple_(*map(sa.literal, behind)))
    state = next((one for one in STATES if one == wanted.state), None)  # an unknown state filters nothing
    found = _found(store, conditions, state, size + 1, oldest=ahead is not None)
    more, shown = len(found) > size, found[:size]
    if ahead is not None:
        shown.reverse()
    newer = more if ahead is not None else behind is not None
    older = bool(shown) if ahead is not None else more
    return Page(
        incidents=[summary(one) for one in shown],
        newer=str(Place(shown[0].opened_at, shown[0].id)) if newer and shown else "",
        older=str(Place(shown[-1].opened_at, shown[-1].id)) if older and shown else "",
    )


def choices(store: Store) -> tuple[list[str], list[str]]:
    """The pipelines and the monitors that can be asked for."""
    monitors = sa.select(incident_table.c.monitor).distinct().order_by(incident_table.c.monitor)
    with store.read() as db:
        names = db.execute(sa.select(pipeline_table.c.pipeline).order_by(pipeline_table.c.pipeline)).scalars()
        return list(names), list(db.execute(monitors).scalars())


def _found(
    store: Store, conditions: Sequence[Any], state: State | None, limit: int, *, oldest: bool
) -> list[Incident]:
    return Incidents(store).matching(*conditions, state=state, limit=limit, oldest=oldest)


def _key() -> Any:
    return sa.tuple_(incident_table.c.opened_at, incident_table.c.id)


def _conditions(wanted: Filter) -> Iterator[sa.ColumnElement[bool]]:
    column = incident_table.c
    if wanted.pipeline:
        yield column.pipeline == wanted.pipeline
    if wanted.monitor:
        yield column.monitor == wanted.monitor
    if (start := _midnight(wanted.since)) is not None:
        yield column.opened_at >= start.timestamp()
    if (end := _midnight(wanted.until)) is not None:
        yield column.opened_at < (end + timedelta(days=1)).timestamp()
    if words := wanted.text.split()[:8]:
        yield sa.and_(*map(_says, words))


def _midnight(day: str) -> datetime | None:
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return None
    return datetime(found.year, found.month, found.day, tzinfo=UTC) if found < date(9999, 1, 1) else None


def _says(word: str) -> sa.ColumnElement[bool]:
    """Whether a word is in what is known of an incident: who has it, its evidence, why people decided."""
    column = incident_table.c
    names = column.id, column.pipeline, column.monitor, column.acknowledged_by, column.resolved_by
    told = sa.select(sa.literal(1)).where(
        review_table.c.incident == column.id,
        sa.or_(
            *(one.icontains(word, autoescape=True) for one in (review_table.c.reason, review_table.c.who))
        ),
    )
    # Evidence is JSON, in which other letters than ASCII are written as numbers.
    written = json.dumps(word)[1:-1]
    evidence = sa.cast(alarm_table.c.evidence, sa.Text).icontains(written, autoescape=True)
    said = sa.select(sa.literal(1)).where(alarm_table.c.incident == column.id, evidence)
    return sa.or_(
        *(name.icontains(word, autoescape=True) for name in names), sa.exists(told), sa.exists(said)
    )
