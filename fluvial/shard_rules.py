"""Shard rules: which decisions about single shards make no sense, or come second."""

from typing import Any

import sqlalchemy as sa

from fluvial import options
from fluvial.incidents import HALT, Incident
from fluvial.minutes import review_of, taken_as
from fluvial.review import ONE_SHARD, Conflict, NotPossible, Request, Review


def concerned(request: Request, course: Any, incident: Incident | None) -> int | None:
    """The one shard that a request is about; None where it is about all."""
    if request.shard is None and request.action in ONE_SHARD and incident is not None:
        return incident.shard
    if request.shard is None and request.action in ("rollback", "adopt", "retrain"):
        if course.shards == 1:
            return 0
        if request.action != "rollback" and incident is not None:
            return incident.shard
    return request.shard


def waiting(db: sa.Connection, request: Request, pipeline: str, shard: int) -> Review | None:
    """The same decision of the same person on the same shard that still stands.

    An accepted gap stays accepted until the shard goes on; trying again is over once it was tried.
    """
    for found in options.waiting(db, pipeline, shard, request.action):
        row = taken_as(db, found.review)
        stands = request.action == "accept_gap" or "tried" not in found.args
        if row is not None and row.who == request.who and stands:
            return review_of(row)
    return None


def refuse(
    db: sa.Connection, request: Request, course: Any, incident: Incident | None, shard: int | None
) -> None:
    """Raise NotPossible or Conflict where a request about ``shard`` cannot be taken."""
    pipeline = str(course.pipeline)
    if shard is not None and shard >= course.shards:
        raise NotPossible(f"{pipeline} has shards 0 to {course.shards - 1} and no shard {shard}")
    if incident is not None and incident.monitor == HALT:
        _refuse_at_halt(db, request, incident)
    elif incident is not None and request.action in ONE_SHARD:
        raise NotPossible(f"{incident.id} is about no shard that stands still: name pipeline and shard")
    if request.action in ONE_SHARD and shard is not None:
        _refuse_unhalted(db, pipeline, shard)
    if request.action == "accept_gap" and shard is not None:
        _refuse_accepting(db, pipeline, shard)
    if request.action == "rollback":
        _refuse_unkept(db, pipeline, shard, request.batch)


def _refuse_at_halt(db: sa.Connection, request: Request, incident: Incident) -> None:
    shard = incident.shard
    if request.action == "resolve" and not options.is_halted(db, incident.pipeline, shard):
        return
    if request.action not in ("acknowledge", "snooze", "unsnooze", "comment", *ONE_SHARD):
        raise NotPossible(
            f"shard {shard} stands still: acknowledge {incident.id}, try the shard again (resume_shard) "
            "or accept the gap (accept_gap); the incident is closed as soon as the shard runs"
        )
    if request.shard not in (None, shard):
        raise NotPossible(f"{incident.id} is about shard {shard} and not about shard {request.shard}")


def _refuse_unhalted(db: sa.Connection, pipeline: str, shard: int) -> None:
    if not options.is_halted(db, pipeline, shard):
        raise NotPossible(f"shard {shard} of {pipeline} does not stand still: there is nothing to do")


def _refuse_accepting(db: sa.Connection, pipeline: str, shard: int) -> None:
    for found in options.waiting(db, pipeline, shard, "accept_gap"):
        row = taken_as(db, found.review)
        who = row.who if row is not None else "somebody"
        raise Conflict(f"{who} has accepted the gap of shard {shard}", who)
    incident = options.standing_incident(db, pipeline, shard)
    if incident is not None and incident.evidence[-1]["gives_up"] is None:
        why = incident.evidence[-1]["why"]
        raise NotPossible(f"{why}; then try shard {shard} again: nobody can say before what is lost")


def _refuse_unkept(db: sa.Connection, pipeline: str, shard: int | None, batch: int | None) -> None:
    if shard is None:
        raise NotPossible(f"each shard of {pipeline} has batches of its own: name one of them")
    kept = [choice.batch for choice in options.choices(db, pipeline, shard)]
    if batch not in kept:
        there = f"there are {', '.join(map(str, kept))}" if kept else "there is none yet"
        raise NotPossible(f"shard {shard} of {pipeline} has no snapshot of batch {batch}: {there}")
