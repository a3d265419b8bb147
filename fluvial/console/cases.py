"""Cases: incidents with their evidence, the decisions about them, and what can be decided now."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from fluvial.console.models import (
    IncidentDetail,
    IncidentSummary,
    Progress,
    ReviewView,
)
from fluvial.console.phrases import headline
from fluvial.incidents import Incident, Incidents, State
from fluvial.reviews import ACTIONS, EFFECTS, Action, Review, history
from fluvial.store import Store, alarm_table, decision_table, pipeline_table


def listing(
    store: Store, *, pipeline: str | None, state: State | None, limit: int, offset: int
) -> list[IncidentSummary]:
    """Incidents, the newest first."""
    found = Incidents(store).listing(pipeline=pipeline, state=state, limit=limit, offset=offset)
    evidence = _evidence(store, [incident.id for incident in found])
    return [_summary(incident, evidence.get(incident.id, [])) for incident in found]


def detail(store: Store, incident_id: str) -> IncidentDetail:
    """One incident. Raises NoSuchIncident."""
    incident = Incidents(store).get(incident_id)
    paused = _paused(store, incident.pipeline)
    return IncidentDetail(
        **_summary(incident, incident.evidence).model_dump(),
        evidence=incident.evidence,
        reviews=decisions(store, incident=incident_id),
        actions={action: EFFECTS[action] for action in possible(incident, paused)},
        paused=paused,
    )


def possible(incident: Incident, paused: bool) -> list[Action]:
    """What :func:`fluvial.reviews.review` would not refuse now."""
    if incident.state == "resolved":
        return []
    out: set[Action] = {"pause", "keep_learning"} if paused else {"resume"}
    if incident.state == "acknowledged":
        out.add("acknowledge")
    return [action for action in ACTIONS if action not in out]


def decisions(
    store: Store, *, pipeline: str | None = None, incident: str | None = None, limit: int = 200
) -> list[ReviewView]:
    """Reviews, the newest first, with how far each has reached the learner."""
    found = history(store, pipeline=pipeline, incident=incident, limit=limit)
    reached = _progress(store, [review.id for review in found])
    return [view(review, reached.get(review.id)) for review in found]


def view(review: Review, progress: Progress | None = None) -> ReviewView:
    """A review as it is shown."""
    return ReviewView(**review._asdict(), progress=progress)


def marks(store: Store, pipeline: str, since: float, until: float) -> tuple[list[Any], list[Review]]:
    """What belongs on a time axis: alarms (their incident, evidence) and reviews, at most 200 of each."""
    column = alarm_table.c
    query = sa.select(column.incident, column.evidence).where(
        column.pipeline == pipeline, column.time.between(since, until)
    )
    with store.read() as db:
        alarms = list(db.execute(query.order_by(column.time.desc()).limit(200)).all())
    reviews = history(store, pipeline=pipeline, limit=200)
    return alarms, [one for one in reviews if one.time is not None and since <= one.time <= until]


def _summary(incident: Incident, evidence: list[dict[str, Any]]) -> IncidentSummary:
    shown = {name: value for name, value in asdict(incident).items() if name != "evidence"}
    eased = bool(evidence) and evidence[-1]["direction"] == "better"
    return IncidentSummary(
        **shown, state=incident.state, eased=eased, headline=headline(incident.monitor, evidence)
    )


def _evidence(store: Store, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    column = alarm_table.c
    query = sa.select(column.incident, column.evidence).where(column.incident.in_(ids))
    found: dict[str, list[dict[str, Any]]] = {}
    with store.read() as db:
        for incident, evidence in db.execute(query.order_by(column.time)):
            found.setdefault(incident, []).append(evidence)
    return found


def _paused(store: Store, pipeline: str) -> bool:
    query = sa.select(pipeline_table.c.paused).where(pipeline_table.c.pipeline == pipeline)
    with store.read() as db:
        return bool(db.execute(query).scalar())


def _progress(store: Store, ids: Sequence[str]) -> dict[str, Progress]:
    column = decision_table.c
    told, taken_up, first = sa.func.count(), sa.func.count(column.batch), sa.func.min(column.batch)
    query = sa.select(column.review, told, taken_up, first).where(column.review.in_(ids))
    with store.read() as db:
        rows = db.execute(query.group_by(column.review)).all()
    return {review: Progress(shards=n, taken_up=done, batch=batch) for review, n, done, batch in rows}
