"""Cases: incidents with their evidence, the decisions about them, and what can be decided now."""

from collections.abc import Sequence, Sized
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.console import offering
from fluvial.console.evidence import Signal
from fluvial.console.headlines import headline_of
from fluvial.console.models import (
    IncidentDetail,
    IncidentSummary,
    ModelChoice,
    Progress,
    ReviewView,
)
from fluvial.console.offering import Offers
from fluvial.console.phrases import loss, outcome
from fluvial.dated import CLOSED_BY_ITSELF
from fluvial.evidence import calling, complete
from fluvial.incidents import ALERT, HALT, Incident, Incidents, State
from fluvial.minutes import review_of, taken_as
from fluvial.options import Choice, choices, is_halted, waiting
from fluvial.review import ONE_SHARD
from fluvial.reviews import ACTIONS, EFFECTS, Action, Review, history
from fluvial.shadow.told import since
from fluvial.store import (
    Store,
    alarm_table,
    decision_table,
    incident_table,
    pipeline_table,
    shard_table,
)

MOST_NOTES = 8
"""Sentences about what came of one decision: a pipeline may have many shards."""


def listing(
    store: Store, *, pipeline: str | None, state: State | None, limit: int, offset: int
) -> list[IncidentSummary]:
    """Incidents, the newest first."""
    found = Incidents(store).listing(pipeline=pipeline, state=state, limit=limit, offset=offset)
    return [summary(incident) for incident in found]


def detail(store: Store, incident_id: str) -> IncidentDetail:
    """One incident. Raises NoSuchIncident."""
    return detailed(store, Incidents(store).get(incident_id))


def detailed(store: Store, incident: Incident, offers: Offers | None = None) -> IncidentDetail:
    """An incident that was read, with what was decided about it and what can be.

    ``offers`` are read where they are not at hand.
    """
    course = _course(store, incident, offering.read(store, incident) if offers is None else offers)
    return IncidentDetail(
        **summary(incident).model_dump(),
        evidence=incident.evidence,
        reviews=decisions(store, incident=incident.id),
        actions={action: _effect(action, incident) for action in possible(incident, course)},
        models=[ModelChoice(**choice._asdict()) for choice in course.models],
        paused=course.paused,
    )


class Course(NamedTuple):
    """How things stand with a pipeline and with the shard that an incident is about."""

    paused: bool
    models: list[Choice]
    halted: bool
    accepted: bool
    offers: Offers


def possible(incident: Incident, course: Course) -> list[Action]:
    """What :func:`fluvial.reviews.review` would not refuse now."""
    if incident.state == "resolved":
        return ["reopen", "comment"] if incident.verdict not in CLOSED_BY_ITSELF else []
    wanted = _at_halt(incident, course) if incident.monitor == HALT else _at_drift(course)
    if incident.quiet:
        wanted.discard("acknowledge")
    wanted.discard("unsnooze" if incident.state != "snoozed" else "snooze")
    return [action for action in ACTIONS if action in wanted]


def _at_halt(incident: Incident, course: Course) -> set[Action]:
    if not course.halted:
        return {"acknowledge", "comment", "resolve", "snooze", "unsnooze"}
    wanted: set[Action] = {"acknowledge", "comment", "resume_shard", "snooze", "unsnooze"}
    if incident.evidence[-1]["gives_up"] is not None and not course.accepted:
        wanted.add("accept_gap")
    return wanted


def _at_drift(course: Course) -> set[Action]:
    out: set[Action] = {"reopen", "expect", "unexpect", "set_budget", "approve", "decline"}
    out |= {"pause", "keep_learning"} if course.paused else {"resume"}
    lacking: dict[Action, Sized] = {"rollback": course.models, "adopt": course.offers.variants}
    lacking |= {"include_source": course.offers.excluded}
    lacking |= {"reset_part": [*course.offers.parts, *course.offers.categories]}
    out |= {action for action, there in lacking.items() if not there}
    return {action for action in ACTIONS if action not in out and action not in ONE_SHARD}


def _effect(action: Action, incident: Incident) -> str:
    if action != "accept_gap":
        return EFFECTS[action]
    cost = loss(incident.evidence[-1]["gives_up"])
    return f"The shard goes on behind what it cannot replay. {cost} This cannot be undone."


def decisions(
    store: Store, *, pipeline: str | None = None, incident: str | None = None, limit: int = 200
) -> list[ReviewView]:
    """Reviews, the newest first, with how far each has reached the learner."""
    found = history(store, pipeline=pipeline, incident=incident, limit=limit)
    reached = _progress(store, [review.id for review in found])
    return [view(review, reached.get(review.id)) for review in found]


def decision(store: Store, review_id: str) -> list[ReviewView]:
    """The one review of an id; none where nothing was taken under it."""
    with store.read() as db:
        row = taken_as(db, review_id)
    return [view(review_of(row))] if row is not None else []


def view(review: Review, progress: Progress | None = None) -> ReviewView:
    """A review as it is shown."""
    return ReviewView(**review._asdict(), progress=progress)


def marks(store: Store, pipeline: str, since: float, until: float) -> tuple[list[Signal], list[Review]]:
    """What belongs on a time axis: alarms and reviews, at most 200 of each, the newest."""
    column = alarm_table.c
    query = _of_monitors(pipeline).where(column.time.between(since, until))
    alarms = _signals(store, query.order_by(column.time.desc()).limit(200))
    reviews = history(store, pipeline=pipeline, limit=200)
    return alarms, [one for one in reviews if one.time is not None and since <= one.time <= until]


def signals(store: Store, pipeline: str, limit: int) -> list[Signal]:
    """What the monitors of a pipeline said, the newest first, whether or not it called anybody."""
    column = alarm_table.c
    newest = _of_monitors(pipeline).order_by(column.at.desc(), column.time.desc(), column.id)
    return _signals(store, newest.limit(limit))


def _of_monitors(pipeline: str) -> sa.Select[Any]:
    column, monitor = alarm_table.c, incident_table.c.monitor
    others = sa.select(incident_table.c.id).where(sa.or_(monitor == HALT, monitor.like(f"{ALERT}%")))
    return sa.select(column.incident, column.shard, column.evidence).where(
        column.pipeline == pipeline,
        sa.or_(column.incident.is_(None), column.incident.not_in(others)),  # those have clock times
    )


def _signals(store: Store, query: sa.Select[Any]) -> list[Signal]:
    with store.read() as db:
        rows = db.execute(query).all()
    return [Signal(**complete(row.evidence), incident=row.incident, shard=row.shard) for row in rows]


def summary(incident: Incident) -> IncidentSummary:
    """An incident at a glance."""
    told = {name: value for name, value in incident.told().items() if name != "evidence"}
    monitors = list(dict.fromkeys(said["monitor"] for said in calling(incident.evidence)))
    return IncidentSummary(
        **told, eased=incident.eased, monitors=monitors or [incident.monitor], headline=headline_of(incident)
    )


def _course(store: Store, incident: Incident, offers: Offers) -> Course:
    pipeline, shard = incident.pipeline, incident.shard
    paused = sa.select(pipeline_table.c.paused).where(pipeline_table.c.pipeline == pipeline)
    with store.read() as db:
        return Course(
            paused=bool(db.execute(paused).scalar()),
            models=choices(db, pipeline),
            halted=is_halted(db, pipeline, shard),
            accepted=bool(waiting(db, pipeline, shard, "accept_gap")),
            offers=offers,
        )


def _progress(store: Store, ids: Sequence[str]) -> dict[str, Progress]:
    column = decision_table.c
    query = sa.select(
        column.review, column.action, column.shard, column.batch, column.args, shard_table.c.status
    ).outerjoin(
        shard_table, sa.and_(shard_table.c.pipeline == column.pipeline, shard_table.c.shard == column.shard)
    )
    with store.read() as db:
        rows = db.execute(query.where(column.review.in_(ids)).order_by(column.shard, column.id)).all()
    told: dict[str, list[Any]] = {}
    for row in rows:
        told.setdefault(row.review, []).append(row)
    return {review: _reached(some) for review, some in told.items()}


def _reached(told: Sequence[Any]) -> Progress:
    batches = [row.batch for row in told if row.batch is not None]
    waits = {row.shard for row in told if row.batch is None}
    shards = {row.shard for row in told}
    notes = [note for row in told for note in _notes(row)]
    return Progress(
        shards=len(shards),
        taken_up=len(shards - waits),
        batch=min(batches, default=None),
        notes=notes[:MOST_NOTES],
    )


def _notes(row: Any) -> list[str]:
    """What came of a decision on one shard, and how it stands since."""
    taken_up = row.batch is not None
    said = outcome(row.action, row.args, taken_up=taken_up)
    now = since(row.action, row.shard, row.batch, row.args, row.status or {}) if taken_up else ""
    return [note for note in (said, now) if note]
