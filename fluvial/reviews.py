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

from fluvial import approvals, audit, life_rules, minutes, shard_rules, trail
from fluvial.decision import LEARNING_ACTIONS
from fluvial.incidents import WENT_ON, Incident, lock_pipeline, read_incident
from fluvial.minutes import counts, history
from fluvial.people import NotAllowed, acting
from fluvial.review import (
    ACTIONS,
    APPROVING,
    EFFECTS,
    ON_INCIDENTS,
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
from fluvial.review_spec import rules_of
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
    "history",
    "register",
    "rehearse",
    "review",
    "review_within",
]


def register(store: Store, pipeline: str, shards: int, facts: dict[str, Any]) -> None:
    """Make a pipeline known to the desk; repeating it refreshes its facts.

    Shards that a pipeline gets later are told what holds for the others: a pause, excluded sources, and by
    which budget they watch.
    """
    row = {"pipeline": pipeline, "shards": shards, "facts": facts, "paused": False, "version": 1}
    with store.write() as db:
        known = lock_pipeline(db, pipeline)
        insert = store.insert(pipeline_table).values(row)
        fresh = {"shards": shards, "facts": facts}
        db.execute(insert.on_conflict_do_update(index_elements=["pipeline"], set_=fresh))
        if known is not None and known.paused and (last := minutes.last(db, pipeline, ("pause",))):
            _tell(db, last, range(known.shards, shards))
        if known is not None and (tuned := minutes.last(db, pipeline, ("set_budget",))):
            _tell(db, tuned, range(known.shards, shards), minutes.tuned(db, pipeline))
        if known is not None and shards > known.shards:
            for source, decided in rules.excluded(db, pipeline).items():
                taken = minutes.review_of(minutes.taken_as(db, decided))
                _tell(db, taken, range(known.shards, shards), {"source": source}, "exclude_source")


def review(store: Store, request: Request, channel: str) -> Review:
    """Take one review. Raises Conflict, NotPossible, NotAllowed, NoSuchIncident, NoSuchPipeline.

    It is taken in the name and in the role of whoever sees the store this way: :mod:`fluvial.seen`.
    """
    try:
        with store.write() as db:
            return review_within(db, request, channel)
    except (ReviewError, NotAllowed) as why:
        trail.refused(store, request, channel, why)
        raise


def rehearse(store: Store, request: Request, channel: str) -> Review:
    """What a review would do now; nothing is changed. Raises what :func:`review` raises."""
    try:
        with store.write() as db:
            raise _Rehearsed(review_within(db, request, channel))
    except _Rehearsed as rehearsed:
        return rehearsed.review


class _Rehearsed(Exception):
    """Takes back what was written to see whether it can be."""

    def __init__(self, taken: Review) -> None:
        super().__init__()
        self.review = taken


def review_within(db: sa.Connection, request: Request, channel: str) -> Review:
    """Take one review inside a transaction that the caller commits."""
    person = acting(db)
    person.must(request.action)
    request = request.model_copy(update={"who": person.named(request.who)})
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
    desk = _Desk(db, request, channel, course, incident)
    if request.action in APPROVING:
        return _settle(desk)
    return desk.take()


def _settle(desk: "_Desk") -> Review:
    """Approve or decline what somebody proposed; what is approved is taken as if it were asked for now."""
    proposal = approvals.wanted(desk.db, desk.request, str(desk.course.pipeline))
    if proposal.settled_by is not None:
        return approvals.settled_before(desk.db, proposal, desk.request)
    if desk.request.action == "approve":
        asked = approvals.as_asked(proposal)
        acting(desk.db).must(asked.action)
        incident = read_incident(desk.db, asked.incident) if asked.incident else None
        _Desk(desk.db, asked, proposal.channel, desk.course, incident, approved=True).take()
    taken = desk.write(effect=approvals.effect(proposal, desk.request))
    approvals.settle(desk.db, proposal, taken)
    return taken


class _Desk:
    """One review on its way through the rules, inside one transaction."""

    def __init__(
        self,
        db: sa.Connection,
        request: Request,
        channel: str,
        course: Any,
        incident: Incident | None,
        *,
        approved: bool = False,
    ) -> None:
        self.db, self.request, self.channel, self.approved = db, request, channel, approved
        self.course, self.incident = course, incident
        self.shard = shard_rules.concerned(request, course, incident)
        self.case = rules.Case(request, course, incident, self.shard)

    def take(self) -> Review:
        if (before := self._already()) is not None:
            return before._replace(repeated=True)
        self._refuse_what_conflicts()
        action = self.request.action
        if not self.approved and approvals.needed(self.course, self.request):
            return self._propose()
        if self.incident is not None:
            self._note_on(self.incident, action)
        decided = rules.told(self.db, self.case) if action in LEARNING_ACTIONS else []
        steering = [one.action for one in decided if one.action in ("pause", "resume")]
        taken = self.write()
        life_rules.follow_up(self.db, self.request, taken)
        if steering:
            self._steer(paused=steering[-1] == "pause")
        for one in decided:
            _tell(self.db, taken, one.shards, one.args, one.action)
        rules.afterwards(self.db, self.case, taken.id, decided)
        return taken

    def _propose(self) -> Review:
        """Let it wait for somebody else; the same proposal of the same person is that one."""
        before = approvals.open_one(self.db, str(self.course.pipeline), self.request)
        if before is not None and (row := minutes.taken_as(self.db, before.id)) is not None:
            return minutes.review_of(row)._replace(repeated=True)
        expires_at = approvals.expires_at(self.course, time.time())
        taken = self.write(approvals.PROPOSE, approvals.waits(self._effect(), expires_at))
        approvals.propose(self.db, self.request, taken, expires_at)
        return taken

    def _already(self) -> Review | None:
        """The review that this one repeats: the same person, the same action, and it still holds."""
        action, incident, who = self.request.action, self.incident, self.request.who
        pipeline = self.course.pipeline
        if action == "retrain" or life_rules.afresh(incident, action):
            return None  # another window may be wanted as often as somebody likes
        if action in life_rules.OURS:
            return life_rules.already(self.db, self.request, incident, pipeline)
        if action in ("pause", "resume"):
            last = minutes.last(
                self.db, pipeline, ("pause", "resume")
            )  # on whichever incident: it holds for all
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
            if action in ON_INCIDENTS:
                raise NotPossible(f"{action} is about an incident: name one")
        elif action in life_rules.AFTER_THE_END and incident.resolved_by is not None:
            pass
        elif incident.verdict == WENT_ON:
            raise NotPossible(f"shard {incident.shard} runs again: {incident.id} is closed")
        elif incident.resolved_by is not None:
            raise Conflict(f"{incident.resolved_by} has resolved {incident.id}", incident.resolved_by)
        elif self.request.version not in (None, incident.version):
            who = self._first_since(incident.id, self.request.version or 0)
            raise Conflict(f"{incident.id} changed since you looked ({who} was first): look again", who)
        elif action == "acknowledge" and incident.acknowledged_by and not life_rules.calls_again(incident):
            who = incident.acknowledged_by
            raise Conflict(f"{who} has acknowledged {incident.id}", who)
        life_rules.refuse(self.db, self.request, incident, str(self.course.pipeline))
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
        if action in life_rules.SILENT:
            return
        facts: dict[str, Any] = {"version": incident.version + 1}
        escalate = rules_of(self.course.facts).escalate
        facts |= life_rules.facts_of(incident, self.request, time.time(), escalate)
        self.db.execute(sa.update(incident_table).where(incident_table.c.id == incident.id).values(facts))

    def _steer(self, *, paused: bool) -> None:
        update = sa.update(pipeline_table).where(pipeline_table.c.pipeline == self.course.pipeline)
        version = self.course.version + 1
        self.db.execute(update.values(paused=paused, paused_by=self.request.who, version=version))

    def write(self, action: str = "", effect: str = "") -> Review:
        """Write the review down; as another ``action`` or with another ``effect`` where they are given."""
        taken = Review(
            id=self.request.id or uuid4().hex,
            pipeline=self.course.pipeline,
            incident=self.request.incident,
            action=action or self.request.action,
            who=self.request.who,
            channel=self.channel,
            reason=self.request.reason,
            effect=effect or self._effect(),
            at=time.time(),
            time=self._reached(),
        )
        row: dict[str, Any] = taken._asdict()
        del row["repeated"]
        row["version"] = self.incident.version + 1 if self.incident else None
        if self.incident and (action or self.request.action in (*life_rules.SILENT, *APPROVING)):
            row["version"] = self.incident.version
        try:
            with self.db.begin_nested():
                self.db.execute(sa.insert(review_table).values(row))
        except IntegrityError:
            _known(self.db, self.request)  # raises: the id was used on another pipeline at this moment
            if acting(self.db).pipelines is not None:  # who does not see that pipeline
                raise Conflict(f"the review id {taken.id!r} was used for something else", "") from None
            raise
        audit.append(self.db, trail.of_review(taken))
        return taken

    def _effect(self) -> str:
        """What the review does, with its numbers."""
        usual = effect_of(self.request, self.shard) + rules.also(self.request)
        return rules.effect(self.db, self.case) or usual

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
    if row.action == approvals.PROPOSE:
        return approvals.known(db, row, request)
    subject = (row.incident, None if row.incident else row.pipeline)
    asked = (request.incident, request.pipeline, request.action, request.who)
    if (*subject, row.action, row.who) != asked or not minutes.asks(db, row.id, request):
        raise Conflict(f"the review id {row.id!r} was used by {row.who} for something else", row.who)
    return minutes.review_of(row)._replace(repeated=True)
