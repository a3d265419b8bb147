"""Offering: what can be chosen beside an action on the page of an incident."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.console.models import IncidentSummary, PipelineDetail
from fluvial.incidents import Incident, is_drift
from fluvial.shadow.forgetting import categories_of, parts_of
from fluvial.shadow.jobs import Job
from fluvial.shadow.lineup import suspects
from fluvial.shadow.rules import excluded, offered
from fluvial.store import Store, pipeline_table


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


def read(store: Store, incident: Incident) -> Offers:
    """What can be chosen on an incident's page."""
    with store.read() as db:
        return offers(db, incident)


def of_pipeline(db: sa.Connection, course: Any) -> Offers:
    """What can be chosen where no incident is at hand: nothing that a shadow table or an alarm names."""
    name = str(course.pipeline)
    return Offers([], [], list(excluded(db, name)), parts_of(db, course), categories_of(db, name))


def shown(store: Store, pipeline: PipelineDetail, newest: Sequence[IncidentSummary]) -> dict[str, Any]:
    """What the page of a pipeline offers beside its actions, and open drifts among its newest incidents."""
    with store.read() as db:
        offers = of_pipeline(db, SimpleNamespace(pipeline=pipeline.name, facts=pipeline.facts))
    drifts = [one for one in newest if one.state != "resolved" and is_drift(one.monitor)]
    return {"offers": offers, "drifts": drifts[:DRIFTS]}


def _offered(job: Job, row: Mapping[str, Any]) -> str:
    return f"shard {job.shard}: {row['title']} (loss {row['loss']:.3g})"
