"""Dated: the facts that an incident gets when it opens, when it grows and when it passes by itself."""

from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.evidence import Said, who
from fluvial.incident import WENT_ON
from fluvial.review_spec import rules_of
from fluvial.scenarios import Scenario
from fluvial.store import incident_table

PASSED = "passed"
"""The verdict on an incident that went back by itself before anybody was called."""

OVER = "alert_over"
"""The verdict on an incident that was closed because its alert was over."""

CLOSED_BY_ITSELF = (PASSED, OVER, WENT_ON)
"""Verdicts on what was over without anybody: it comes back as a new incident."""


class Opened(NamedTuple):
    """A new incident: its names, the time of its first alarm, and what explains it.

    ``fingerprint`` says what has to be the same for it to be the same again.
    """

    id: str
    shard: int
    monitor: str
    fingerprint: str
    last_time: float
    scenario: Scenario | None = None


def fingerprint(said: Said) -> str:
    """What makes two incidents the same one again: the monitor and the part of it that called first.

    >>> fingerprint({"monitor": "loss:carrier", "part": "carrier=UA"}), fingerprint({"monitor": "loss"})
    ('loss:carrier|carrier=UA', 'loss')
    """
    return "|".join(filter(None, who(said)))


def open_incident(db: sa.Connection, course: Any, new: Opened, now: float, *, hold: bool = False) -> None:
    """File a new incident of the pipeline whose row is ``course``; ``hold`` lets its rules hold it back."""
    rules = rules_of(course.facts)
    fires_at = now + (rules.pending if hold else 0.0)
    row = {"pipeline": course.pipeline, "opened_at": now, "fires_at": fires_at, "grew_at": now}
    row |= {"id": new.id, "shard": new.shard, "monitor": new.monitor, "last_time": new.last_time}
    row |= {"alarms": 1, "version": 1, "announced": 0, "noticed": 0, "fingerprint": new.fingerprint}
    row |= {"regressed_from": _same_before(db, course.pipeline, new.fingerprint, now - rules.regress)}
    row |= {"escalates_at": fires_at + rules.escalate if rules.escalate else None}
    if new.scenario is not None:  # it was said beforehand: whoever said so has it
        row |= {"scenario": new.scenario.id, "acknowledged_by": new.scenario.who, "acknowledged_at": now}
    db.execute(sa.insert(incident_table).values(row))


def _same_before(db: sa.Connection, pipeline: str, same: str, since: float) -> str | None:
    column = incident_table.c
    query = sa.select(column.id).where(column.pipeline == pipeline, column.fingerprint == same)
    query = query.where(column.resolved_at >= since).order_by(column.resolved_at.desc(), column.id)
    return db.execute(query.limit(1)).scalar()


def grown(course: Any, before: Any, now: float, scenario: Scenario | None) -> dict[str, Any]:
    """The facts that change when one more alarm calls about the incident in the row ``before``."""
    facts: dict[str, Any] = {"grew_at": now}
    if before.scenario is not None and scenario is None:  # it goes beyond what was expected
        facts |= {"scenario": None, "acknowledged_by": None, "acknowledged_at": None}
    if before.fires_at > now or "scenario" in facts:
        escalate = rules_of(course.facts).escalate
        facts |= {"fires_at": min(before.fires_at, now), "escalates_at": now + escalate if escalate else None}
    return facts


def passed(now: float) -> dict[str, Any]:
    """The facts of an incident that went back before it fired."""
    return {"resolved_by": "fluvial", "resolved_at": now, "verdict": PASSED}
