"""Reviews: what a person decides, who and when and why, and what it does; the one way to decide.

Console, command line, API and the reviews topic all call :func:`review`. Repeating a review changes
nothing; one that contradicts what somebody else decided raises Conflict with their name. An action
that concerns the learner becomes a decision for every shard of the pipeline, taken up between two
batches and written into the journal.

Errors::

    ReviewError
     +-- Conflict        somebody was first, or the incident changed since it was looked at
     +-- NotPossible     the action makes no sense here
    NoSuchPipeline, fluvial.incidents.NoSuchIncident
"""

import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args
from uuid import uuid4

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from fluvial.decision import LEARNING_ACTIONS
from fluvial.incidents import Incident, read_incident
from fluvial.store import Store, decision_table, incident_table, pipeline_table, review_table, shard_table

Action = Literal["acknowledge", "keep_learning", "pause", "resume", "reset", "resolve", "false_alarm"]
ACTIONS: tuple[Action, ...] = get_args(Action)

EFFECTS: dict[Action, str] = {
    "acknowledge": "You have it; learning goes on as it is.",
    "keep_learning": "The model goes on learning; nothing changes.",
    "pause": "Learning stops with the next batch; predictions go on, labels are scored but not learned.",
    "resume": "Learning goes on with the next batch; labels that came during the pause stay unlearned.",
    "reset": "With the next batch the model starts afresh and its monitors warm up again.",
    "resolve": "The incident is closed; learning goes on as it is.",
    "false_alarm": "The incident is closed as a false alarm; learning goes on as it is.",
}
"""What each action does, said before it is taken."""


class ReviewError(Exception):
    """Why a review was not accepted."""


class Conflict(ReviewError):
    """Somebody else decided otherwise before; ``who`` was first."""

    def __init__(self, message: str, who: str) -> None:
        super().__init__(message)
        self.who = who


class NotPossible(ReviewError):
    """The action makes no sense for this subject."""


class NoSuchPipeline(LookupError):
    """No worker has ever run a pipeline of this name on this store."""


class Request(BaseModel):
    """A review as somebody asks for it.

    Either ``incident`` or ``pipeline`` names the subject. ``id`` makes a repetition recognisable;
    ``version`` is the incident's version that the person looked at: a change since then conflicts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    action: Action
    incident: str | None = Field(default=None, max_length=64)
    pipeline: str | None = Field(default=None, max_length=64)
    who: str = Field(min_length=1, max_length=200)
    reason: str = Field(default="", max_length=2000)
    id: str | None = Field(default=None, min_length=1, max_length=100)
    version: int | None = None

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: object) -> object:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("a NUL character cannot be stored: leave it out")
        return value


class Review(NamedTuple):
    """A review as it was taken, at the clock time ``at``. ``repeated`` says that it changed nothing.

    ``time`` is the event time to which the pipeline had come, as far as its shards had reported:
    where the decision stands among the events.
    """

    id: str
    pipeline: str
    incident: str | None
    action: str
    who: str
    channel: str
    reason: str
    effect: str
    at: float
    time: float | None = None
    repeated: bool = False


def register(store: Store, pipeline: str, shards: int, facts: dict[str, Any]) -> None:
    """Make a pipeline known to the desk; repeating it refreshes its facts."""
    row = {"pipeline": pipeline, "shards": shards, "facts": facts, "paused": False, "version": 1}
    with store.write() as db:
        insert = store.insert(pipeline_table).values(row)
        fresh = {"shards": shards, "facts": facts}
        db.execute(insert.on_conflict_do_update(index_elements=["pipeline"], set_=fresh))


def review(store: Store, request: Request, channel: str) -> Review:
    """Take one review. Raises Conflict, NotPossible, NoSuchIncident, NoSuchPipeline."""
    with store.write() as db:
        return review_within(db, request, channel)


def review_within(db: sa.Connection, request: Request, channel: str) -> Review:
    """Take one review inside a transaction that the caller commits."""
    if request.id is not None and (known := _known(db, request.id)) is not None:
        return _same(known, request)
    incident = read_incident(db, request.incident) if request.incident else None
    pipeline = incident.pipeline if incident else request.pipeline
    # The pipeline's row is the lock: of two reviews at once, the second waits here and sees the first.
    lock = sa.select(pipeline_table).where(pipeline_table.c.pipeline == pipeline).with_for_update()
    course = db.execute(lock).first()
    if course is None:
        raise NoSuchPipeline(f"no pipeline is called {pipeline!r} here: see `fluvial pipelines`")
    if incident is not None:
        incident = read_incident(db, incident.id)  # again, now that nobody else can change it
    taken = _Desk(db, request, channel, course, incident)
    return taken.take()


class _Desk:
    """One review on its way through the rules, inside one transaction."""

    def __init__(
        self, db: sa.Connection, request: Request, channel: str, course: Any, incident: Incident | None
    ) -> None:
        self.db, self.request, self.channel = db, request, channel
        self.course, self.incident = course, incident

    def take(self) -> Review:
        if (before := self._already()) is not None:
            return before._replace(repeated=True)
        self._refuse_what_conflicts()
        action = self.request.action
        if self.incident is not None:
            self._note_on(self.incident, action)
        if action in ("pause", "resume"):
            self._steer(paused=action == "pause")
        taken = self._write()
        if action in LEARNING_ACTIONS:
            self._tell_shards(taken)
        return taken

    def _already(self) -> Review | None:
        """The review that this one repeats: the same person, the same action, and it still holds."""
        action, incident = self.request.action, self.request.incident
        if action in ("pause", "resume"):
            last = self._last(("pause", "resume"))  # whichever incident it was said on: it holds for the pipeline
        elif incident is None:
            return None  # a model may be reset as often as somebody wants
        else:
            last = self._last(LEARNING_ACTIONS if action in LEARNING_ACTIONS else (action,), incident)
        same = last is not None and (last.action, last.who) == (action, self.request.who)
        return last if same else None

    def _refuse_what_conflicts(self) -> None:
        action, incident = self.request.action, self.incident
        if incident is None:
            if action not in ("pause", "resume", "reset", "keep_learning"):
                raise NotPossible(f"{action} is about an incident: name one")
        elif incident.resolved_by is not None:
            raise Conflict(f"{incident.resolved_by} has resolved {incident.id}", incident.resolved_by)
        elif self.request.version not in (None, incident.version):
            who = self._last_reviewer()
            raise Conflict(f"{incident.id} changed since you looked ({who} was first): look again", who)
        elif action == "acknowledge" and incident.acknowledged_by is not None:
            raise Conflict(f"{incident.acknowledged_by} has acknowledged {incident.id}", incident.acknowledged_by)
        self._refuse_course()

    def _refuse_course(self) -> None:
        action, paused, who = self.request.action, self.course.paused, self.course.paused_by or "nobody"
        if action in ("pause", "keep_learning") and paused:
            raise Conflict(f"{who} has paused {self.course.pipeline}: resume it first", who)
        if action == "resume" and not paused:
            raise Conflict(f"{self.course.pipeline} is not paused ({who} resumed it)", who)

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
            effect=EFFECTS[self.request.action],
            at=time.time(),
            time=self._reached(),
        )
        row = taken._asdict()
        del row["repeated"]
        self.db.execute(sa.insert(review_table).values(row))
        return taken

    def _reached(self) -> float | None:
        # Decoded here and not in SQL: PostgreSQL refuses to look into JSON that holds odd characters.
        query = sa.select(shard_table.c.status).where(shard_table.c.pipeline == self.course.pipeline)
        marks = [status.get("watermark") or 0.0 for status in self.db.execute(query).scalars() if status]
        return max(marks, default=0.0) or None

    def _tell_shards(self, taken: Review) -> None:
        row = {"pipeline": taken.pipeline, "action": taken.action, "review": taken.id}
        rows = [row | {"shard": shard} for shard in range(self.course.shards)]
        self.db.execute(sa.insert(decision_table), rows)

    def _last(self, actions: Sequence[str], incident: str | None = None) -> Review | None:
        column = review_table.c
        query = sa.select(review_table).where(column.pipeline == self.course.pipeline, column.action.in_(actions))
        if incident is not None:
            query = query.where(column.incident == incident)
        row = self.db.execute(query.order_by(column.number.desc()).limit(1)).first()
        return _review(row) if row else None

    def _last_reviewer(self) -> str:
        column = review_table.c
        query = sa.select(column.who).where(column.incident == self.request.incident)
        return str(self.db.execute(query.order_by(column.number.desc()).limit(1)).scalar() or "a monitor")


def _known(db: sa.Connection, review_id: str) -> Review | None:
    row = db.execute(sa.select(review_table).where(review_table.c.id == review_id)).first()
    return _review(row) if row else None


def _same(known: Review, request: Request) -> Review:
    subject = (known.incident, known.action, known.who)
    if subject != (request.incident, request.action, request.who):
        raise Conflict(f"the review id {known.id!r} was used by {known.who} for something else", known.who)
    return known._replace(repeated=True)


def _review(row: Any) -> Review:
    values = dict(row._mapping)
    del values["number"]
    return Review(**values)


def history(
    store: Store, *, pipeline: str | None = None, incident: str | None = None, limit: int = 200
) -> list[Review]:
    """Reviews, the newest first."""
    query = sa.select(review_table).order_by(review_table.c.number.desc()).limit(limit)
    if pipeline is not None:
        query = query.where(review_table.c.pipeline == pipeline)
    if incident is not None:
        query = query.where(review_table.c.incident == incident)
    with store.read() as db:
        return [_review(row) for row in db.execute(query)]


def counts(store: Store, pipeline: str) -> dict[str, int]:
    """How many reviews a pipeline has had, by action."""
    column = review_table.c
    query = sa.select(column.action, sa.func.count()).where(column.pipeline == pipeline)
    with store.read() as db:
        found = {action: int(n) for action, n in db.execute(query.group_by(column.action)).all()}
    return {action: found.get(action, 0) for action in ACTIONS}
