"""Offering: what can be chosen beside an action on the page of an incident."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.incidents import Incident
from fluvial.shadow.jobs import Job
from fluvial.shadow.lineup import suspects
from fluvial.shadow.rules import excluded, offered, parts_of
from fluvial.store import pipeline_table


class Offers(NamedTuple):
    """What can be chosen beside an action: variants by shard, suspects, excluded sources, parts."""

    variants: list[tuple[str, str]]
    suspects: list[str]
    excluded: list[str]
    parts: list[str]


def offers(db: sa.Connection, incident: Incident) -> Offers:
    """What can be chosen on an incident's page, the best first."""
    row = db.execute(sa.select(pipeline_table).where(pipeline_table.c.pipeline == incident.pipeline)).first()
    facts = dict(row.facts) if row is not None else {}
    return Offers(
        [(f"{job.shard}:{found['name']}", _offered(job, found)) for job, found in offered(db, incident.id)],
        list(suspects(incident.evidence, facts.get("source"))),
        list(excluded(db, incident.pipeline)),
        parts_of(facts),
    )


def _offered(job: Job, row: Mapping[str, Any]) -> str:
    return f"shard {job.shard}: {row['title']} (loss {row['loss']:.3g})"
