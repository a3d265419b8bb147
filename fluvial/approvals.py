"""Approvals: decisions that wait for a second person, as the pipeline file wants it.

What waits is a proposal. It becomes a decision when somebody else approves it, as if it were asked for
at that moment: a shard hears nothing before. It is declined by anybody (its own author takes it back so),
and it expires by the clock.
"""

import time
from typing import Any

import sqlalchemy as sa

from fluvial import minutes
from fluvial.review import APPROVING, Conflict, NotPossible, Request, Review
from fluvial.review_spec import rules_of
from fluvial.store import Store, proposal_table

PROPOSE = "propose"
"""What the review is called with which somebody asks for approval."""


def needed(course: Any, request: Request) -> bool:
    """Whether an action waits for a second person."""
    return request.action in rules_of(course.facts).approve and request.action not in APPROVING


def expires_at(course: Any, now: float) -> float:
    """Until when a proposal that is made now can be approved (clock time)."""
    return now + rules_of(course.facts).expires


def waits(effect: str, until: float) -> str:
    """What a proposal does that would have this effect."""
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(until))
    return f"Waits until {when} for somebody else to approve it. Then: {effect}"


def effect(proposal: Any, request: Request) -> str:
    """What approving or declining a proposal did."""
    did = "is taken" if request.action == "approve" else "is not taken"
    return f"What {proposal.who} proposed ({proposal.action}) {did}."


def open_one(db: sa.Connection, pipeline: str, request: Request) -> Any | None:
    """The proposal of the same that waits already. Raises Conflict where it is somebody else's."""
    for row in _waiting(db, pipeline):
        if (row.action, row.incident) == (request.action, request.incident):
            if row.who != request.who:
                raise Conflict(f"{row.who} has proposed {row.action} already: approve {row.id}", row.who)
            if _wish(Request.model_validate(row.request)) == _wish(request):
                return row
    return None


def _wish(request: Request) -> dict[str, Any]:
    return request.model_dump(exclude={"id", "version", "reason"})


def propose(db: sa.Connection, request: Request, taken: Review, until: float) -> None:
    """File a proposal under the id of the review that made it."""
    asked = request.model_dump(exclude_none=True, exclude={"version", "id"})
    row: dict[str, Any] = {
        "id": taken.id,
        "pipeline": taken.pipeline,
        "incident": taken.incident,
        "action": request.action,
    }
    row |= {"request": asked, "who": taken.who, "channel": taken.channel}
    row |= {"at": taken.at, "expires_at": until}
    db.execute(sa.insert(proposal_table).values(row))


def known(db: sa.Connection, row: Any, request: Request) -> Review:
    """The review ``row`` that made a proposal, asked for again under its id. Raises Conflict."""
    proposal = _find(db, row.id)
    if proposal is None or _wish(Request.model_validate(proposal.request)) != _wish(request):
        raise Conflict(f"the review id {row.id!r} was used by {row.who} for something else", row.who)
    return minutes.review_of(row)._replace(repeated=True)


def wanted(db: sa.Connection, request: Request, pipeline: str) -> Any:
    """The proposal that somebody settles. Raises NotPossible."""
    row = _find(db, str(request.of))
    if row is None or row.pipeline != pipeline:
        raise NotPossible(f"{pipeline} has no proposal {request.of}: see `fluvial proposals`")
    if row.settled_by is None and row.expires_at <= time.time():
        raise NotPossible(f"what {row.who} proposed has expired: propose it again")
    if row.settled_by is None and request.action == "approve" and row.who == request.who:
        raise NotPossible(f"{row.who} proposed it: somebody else approves it")
    return row


def settled_before(db: sa.Connection, proposal: Any, request: Request) -> Review:
    """The review that settled a proposal, where this one repeats it. Raises Conflict."""
    row = minutes.taken_as(db, proposal.settled_as)
    if (proposal.settled_by, proposal.verdict) != (request.who, VERDICTS[request.action]) or row is None:
        who = proposal.settled_by
        raise Conflict(f"{who} has {proposal.verdict} {proposal.action}", who)
    return minutes.review_of(row)._replace(repeated=True)


VERDICTS = {"approve": "approved", "decline": "declined"}
"""What is said of a proposal that was settled so."""


def settle(db: sa.Connection, proposal: Any, taken: Review) -> None:
    """Note which review settled a proposal."""
    facts = {"settled_by": taken.who, "settled_at": taken.at, "verdict": VERDICTS[taken.action]}
    facts |= {"settled_as": taken.id}
    db.execute(sa.update(proposal_table).where(proposal_table.c.id == proposal.id).values(facts))


def as_asked(proposal: Any) -> Request:
    """The request that a proposal holds, under an id of its own."""
    return Request.model_validate({**proposal.request, "id": f"{proposal.id[:90]}.approved"})


def _find(db: sa.Connection, proposal_id: str) -> Any | None:
    return db.execute(sa.select(proposal_table).where(proposal_table.c.id == proposal_id)).first()


def _waiting(db: sa.Connection, pipeline: str | None) -> list[Any]:
    column = proposal_table.c
    query = sa.select(proposal_table).where(column.settled_by.is_(None), column.expires_at > time.time())
    if pipeline is not None:
        query = query.where(column.pipeline == pipeline)
    return list(db.execute(query.order_by(column.at.desc(), column.id)).all())


def listing(store: Store, pipeline: str | None = None) -> list[dict[str, Any]]:
    """What waits for approval, the newest first."""
    with store.read() as db:
        return [dict(row._mapping) for row in _waiting(db, pipeline)]


def pipeline_of(store: Store, proposal_id: str) -> str:
    """The pipeline of a proposal. Raises NotPossible."""
    with store.read() as db:
        row = _find(db, proposal_id)
    if row is None:
        raise NotPossible(f"there is no proposal {proposal_id}: see `fluvial proposals`")
    return str(row.pipeline)
