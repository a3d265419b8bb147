"""Offering: what can be chosen beside an action on the page of an incident."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.console.headlines import headline_of
from fluvial.incidents import ALERT, HALT, Incident, Incidents
from fluvial.shadow.forgetting import categories_of, parts_of
from fluvial.shadow.jobs import Job
from fluvial.shadow.lineup import suspects
from fluvial.shadow.rules import excluded, offered
from fluvial.store import Store, incident_table, pipeline_table


class Offers(NamedTuple):
    """What can be chosen beside an action: variants by shard, suspects, excluded sources, parts.

    ``parts`` are steps of the models at work, ``categories`` what they know of single values of fields.
    """

    variants: list[tuple[str, str]]
    suspects: list[str]
    excluded: list[str]
    parts: list[str]
    categories: list[str]


NOTHING = Offers([], [], [], [], [])

DRIFTS = 3
"""Open drifts that the page of a pipeline links to, the newest."""


def offers(db: sa.Connection, incident: Incident) -> Offers:
    """What can be chosen on an incident's page, the best first."""
    row = db.execute(sa.select(pipeline_table).where(pipeline_table.c.pipeline == incident.pipeline)).first()
    if row is None:
        return NOTHING
    return of_pipeline(db, row)._replace(
        variants=[
            (f"{job.shard}:{one['name']}", _offered(job, one)) for job, one in offered(db, incident.id)
        ],
        suspects=list(suspects(incident.evidence, row.facts.get("source"))),
    )


def of_pipeline(db: sa.Connection, course: Any) -> Offers:
    """What can be chosen where no incident is at hand: nothing that a shadow table or an alarm names."""
    name = str(course.pipeline)
    return Offers([], [], list(excluded(db, name)), parts_of(db, course), categories_of(db, name))


def shown(store: Store, pipeline: str) -> dict[str, Any]:
    """What the page of a pipeline offers: choices beside its actions, and open drifts, which have others."""
    column = incident_table.c
    about_drifts = (
        *(column.pipeline == pipeline, column.resolved_at.is_(None), column.monitor != HALT),
        column.monitor.not_like(f"{ALERT}%"),
    )
    with store.read() as db:
        row = db.execute(sa.select(pipeline_table).where(pipeline_table.c.pipeline == pipeline)).first()
        offers = NOTHING if row is None else of_pipeline(db, row)
    drifts = Incidents(store).matching(*about_drifts, limit=DRIFTS)
    return {"offers": offers, "drifts": [(one.id, headline_of(one)) for one in drifts]}


def _offered(job: Job, row: Mapping[str, Any]) -> str:
    return f"shard {job.shard}: {row['title']} (loss {row['loss']:.3g})"
