"""Reviews: what a person decides, who and when and why, and what it does; the one way to decide.

Console, command line, API and the reviews topic all call :func:`review`. Repeating a review changes
nothing; one that contradicts what somebody else decided raises Conflict with their name. An action
that concerns the learner becomes a decision for every shard of the pipeline, taken up between two
batches and written into the journal.
"""

import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from fluvial import minutes, shard_rules
from fluvial.decision import LEARNING_ACTIONS
from fluvial.incidents import WENT_ON, Incident, lock_pipeline, read_incident
from fluvial.minutes import counts, history
from fluvial.review import (
    ACTIONS,
    EFFECTS,
    ONE_SHARD,
    Action,
    Conflict,
    NoSuchPipeline,
    NotPossible,
    Request,
    Review,
    ReviewError,
    effect_of,
)
from fluvial.shadow import rules
from fluvial.store import Store, decision_table, incident_table, pipeline_table, review_table, shard_table

__all__ = [
    "ACTIONS",
    "EFFECTS",
    "Action",
    "Conflict",
    "NoSuchPipeline",
    "NotPossible",
    "Request",
    "Review",
    "ReviewError",
    "counts",
    "foretell",
    "history",
    "register",
    "review",
    "review_within",
]


def register(store: Store, pipeline: str, shards: int, facts: dict[str, Any]) -> None:
    """Make a pipeline known to the desk; repeating it refreshes its facts.

    Shards that a pipeline gets while it is paused are told so.
    """
    row = {"pipeline": pipeline, "shards": shards, "facts": facts, "paused": False, "version": 1}
    with store.write() as db:
        known = lock_pipeline(db, pipeline)
        insert = store.insert(pipeline_table).values(row)
        fresh = {"shards": shards, "facts": facts}
        db.execute(insert.on_conflict_do_update(index_elements=["pipeline"], set_=fresh))
        if known is not None and known.paused and (last := minutes.last(db, pipeline, ("pause",))):
            _tell(db, last, range(known.shards, shards))


def review(store: Store, request: Request, channel: str) -> Review:
    """Take one review. Raises Conflict, NotPossible, NoSuchIncident, NoSuchPipeline."""
    with store.write() as db:
        return review_within(db, request, channel)


def foretell(store: Store, request: Request, channel: str) -> Review:
    """The review as it would be taken, with its effect; nothing is written. Raises as :func:`review`."""
    with store.write() as db:
        trial = db.begin_nested()
        try:
            return review_within(db, request, channel)
        finally:
            trial.rollback()


def review_within(db: sa.Connection, request: Request, channel: str) -> Review:
    """Take one review inside a transaction that the caller commits."""
    if (known := _known(db, request)) is not None:
        return known
    incident = read_incident(db, request.incident) if request.incident else None
    pipeline = incident.pipeline if incident else str(request.pipeline)
    course = lock_pipeline(db, pipeline)
    if course is None:
        raise NoSuchPipeline(f"no pipeline is called {pipeline!r} here: see `fluvial pipelines`")
    # All is read again, now that nobody else can change it: of two reviews at once this may be the second.
    if (known := _known(db, request)) is not None:
        return known
    if incident is not None:
        incident = read_incident(db, incident.id)
    return _Desk(db, request, channel, course, incident).take()


class _Desk:
    """One review on its way through the rules, inside one transaction."""

    def __init__(
        self, db: sa.Connection, request: Request, channel: str, course: Any, incident: Incident | None
    ) -> None:
        self.db, self.request, self.channel = db, request, channel
        self.course, self.incident = course, incident
        self.shard = shard_rules.concerned(request, course, incident)
        self.case = rules.Case(request, course, incident, self.shard)

    def take(self) -> Review:
        if (before := self._already()) is not None:
            return before._replace(repeated=True)
        self._refuse_what_conflicts()
        action = self.request.action
        if self.incident is not None:
            self._note_on(self.incident, action)
        decided = rules.told(self.db, self.case) if action in LEARNING_ACTIONS else []
        steering = [one.action for one in decided if one.action in ("pause", "resume")]
        taken = self._write()
        if steering:
            self._steer(paused=steering[-1] == "pause")
        for one in decided:
            _tell(self.db, taken, one.shards, one.args, one.action)
        rules.afterwards(self.db, self.case, taken.id, decided)
        return taken

    def _already(self) -> Review | None:
        """The review that this one repeats: the same person, the same action, and it still holds."""
        action, incident, who = self.request.action, self.incident, self.request.who
        pipeline = self.course.pipeline
        if action in ("pause", "resume"):
            last = minutes.last(
                self.db, pipeline, ("pause", "resume")
            )  # on whichever incident: it holds for all
        elif action == "retrain":
            return None  # another window may be wanted as often as somebody likes
        elif action in ONE_SHARD and (incident is None or incident.resolved_by is None):
            last = shard_rules.waiting(self.db, self.request, pipeline, self.shard or 0)
        elif incident is None:
            return None  # a model may be reset as often as somebody wants
        elif action == "acknowledge" and incident.acknowledged_by == who and incident.resolved_by is None:
            return self._having(incident.id)
        else:
            same_kind = LEARNING_ACTIONS if action in LEARNING_ACTIONS else (action,)
            last = minutes.last(self.db, pipeline, same_kind, incident.id)
        if last is None or (last.action, last.who) != (action, who):
            return None
        return last if minutes.asks(self.db, last.id, self.request) else None

    def _having(self, incident: str) -> Review | None:
        """The review that gave this person the incident, whatever it was, told as an acknowledgement."""
        column = review_table.c
        query = sa.select(review_table).where(column.incident == incident, column.who == self.request.who)
        row = self.db.execute(query.order_by(column.number).limit(1)).first()
        told: dict[str, Any] = {"action": "acknowledge", "effect": EFFECTS["acknowledge"]}
        return minutes.review_of(row)._replace(**told) if row else None

    def _refuse_what_conflicts(self) -> None:
        action, incident = self.request.action, self.incident
        if incident is None:
            if action not in LEARNING_ACTIONS:
                raise NotPossible(f"{action} is about an incident: name one")
        elif incident.verdict == WENT_ON:
            raise NotPossible(f"shard {incident.shard} runs again: {incident.id} is closed")
        elif incident.resolved_by is not None:
            raise Conflict(f"{incident.resolved_by} has resolved {incident.id}", incident.resolved_by)
        elif self.request.version not in (None, incident.version):
            who = self._first_since(incident.id, self.request.version or 0)
            raise Conflict(f"{incident.id} changed since you looked ({who} was first): look again", who)
        elif action == "acknowledge" and incident.acknowledged_by is not None:
            who = incident.acknowledged_by
            raise Conflict(f"{who} has acknowledged {incident.id}", who)
        shard_rules.refuse(self.db, self.request, self.course, incident, self.shard)
        rules.refuse(self.db, self.case)
        self._refuse_course()

    def _first_since(self, incident: str, version: int) -> str:
        column = review_table.c
        query = sa.select(column.who).where(column.incident == incident, column.version > version)
        return self.db.execute(query.order_by(column.number).limit(1)).scalar() or "a monitor"

    def _refuse_course(self) -> None:
        action, pipeline, who = self.request.action, self.course.pipeline, self.course.paused_by
        if action in ("pause", "keep_learning") and self.course.paused:
            raise Conflict(f"{who} has paused {pipeline}: resume it first", who)
        if action == "resume" and not self.course.paused:
            if who is None:
                raise NotPossible(f"{pipeline} is learning: there is nothing to resume")
            raise Conflict(f"{pipeline} is not paused ({who} resumed it)", who)

    def _note_on(self, incident: Incident, action: Action) -> None:
        facts: dict[str, Any] = {"version": incident.version + 1}
        now = time.time()
        if action in ("resolve", "false_alarm"):
            facts |= {"resolved_by": self.request.who, "resolved_at": now, "verdict": action}
        if incident.acknowledged_by is None:  # whoever decides has it
            facts |= {"acknowledged_by": self.request.who, "acknowledged_at": now}
        self.db.execute(sa.update(incident_table).where(incident_table.c.id == incident.id).values(facts))

    def _steer(self, *, paused: bool) -> None:
        update = sa.update(pipeline_table).where(pipeline_table.c.pipeline == self.course.pipeline)
        version = self.course.version + 1
        self.db.execute(update.values(paused=paused, paused_by=self.request.who, version=version))

    def _write(self) -> Review:
        taken = Review(
            id=self.request.id or uuid4().hex,
            pipeline=self.course.pipeline,
            incident=self.request.incident,
            action=self.request.action,
            who=self.request.who,
            channel=self.channel,
            reason=self.request.reason,
            effect=rules.effect(self.db, self.case)
            or effect_of(self.request, self.shard) + rules.also(self.request),
            at=time.time(),
            time=self._reached(),
        )
        row: dict[str, Any] = taken._asdict()
        del row["repeated"]
        row["version"] = self.incident.version + 1 if self.incident else None
        try:
            with self.db.begin_nested():
                self.db.execute(sa.insert(review_table).values(row))
        except IntegrityError:
            _known(self.db, self.request)  # raises: the id was used on another pipeline at this moment
            raise
        return taken

    def _reached(self) -> float | None:
        # Decoded here and not in SQL: PostgreSQL refuses to look into JSON that holds odd characters.
        query = sa.select(shard_table.c.status).where(shard_table.c.pipeline == self.course.pipeline)
        marks = [status.get("watermark") or 0.0 for status in self.db.execute(query).scalars() if status]
        return max(marks, default=0.0) or None


def _tell(
    db: sa.Connection,
    taken: Review,
    shards: Iterable[int],
    args: Mapping[str, Any] = MappingProxyType({}),
    action: str | None = None,
) -> None:
    row: dict[str, Any] = {"pipeline": taken.pipeline, "action": action or taken.action, "review": taken.id}
    row["args"] = dict(args)
    if rows := [row | {"shard": shard} for shard in shards]:
        db.execute(sa.insert(decision_table), rows)


def _known(db: sa.Connection, request: Request) -> Review | None:
    """The review that this request's id belongs to already. Raises Conflict where it was another one."""
    if request.id is None:
        return None
    row = minutes.taken_as(db, request.id)
    if row is None:
        return None
    subject = (row.incident, None if row.incident else row.pipeline)
    asked = (request.incident, request.pipeline, request.action, request.who)
    if (*subject, row.action, row.who) != asked or not minutes.asks(db, row.id, request):
        raise Conflict(f"the review id {row.id!r} was used by {row.who} for something else", row.who)
    return minutes.review_of(row)._replace(repeated=True)
