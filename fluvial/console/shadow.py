"""Shadow tables on the page of an incident and in the API, and what can be chosen because of them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import uuid4

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Form, HTTPException, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from fluvial.console.api import DECIDING, REFUSALS, Stored, may_change
from fluvial.console.evidence import Text
from fluvial.console.needs import needs
from fluvial.console.visits import visit_of
from fluvial.incidents import Incidents, read_incident
from fluvial.review import NotPossible
from fluvial.shadow.jobs import Job, Kind, job_named, jobs_of
from fluvial.shadow.requests import ask
from fluvial.shadow.told import against, sure
from fluvial.store import Store, pipeline_table
from learners.expression import ExpressionError, build

SHOWN: tuple[Kind, ...] = ("table", "hindsight")
"""Kinds of jobs that are shown."""

MOST = 10
"""Jobs of an incident that are shown."""

router = APIRouter()


class Variant(BaseModel):
    """One model of a shadow table, scored on the same labels as the others."""

    name: Text
    title: Text
    says: Text
    n: int = Field(description="labels that it was judged on")
    learned: int = Field(description="labels that it learned while the table was computed")
    loss: float | None = Field(description="the mean of the task's loss")
    metric: float | None = Field(description="the metric of the pipeline's goal")
    cost: float | None = Field(description="what its decisions cost in all, in the pipeline's unit")
    difference: float | None = Field(description="its mean loss minus that of the model as it is")
    low: float | None = Field(description="lower bound of the difference, valid however often one looks")
    high: float | None = Field(description="upper bound of the difference, valid however often one looks")
    failed: Text | None = Field(description="why it is of no use")
    recipe: dict[str, Any] | None = Field(description="how the model is made from the journal")

    @property
    def against(self) -> str:
        """The difference in words."""
        return against(self.model_dump())

    @property
    def sure(self) -> str:
        """Whether it is surely better or worse; empty where nobody can tell."""
        return sure(self.model_dump())


class Table(BaseModel):
    """What several models would have made of the events after an onset."""

    onset_batch: int
    replayed_from: int = Field(description="the batch of the snapshot from which the replay began")
    to_batch: int
    n: int
    unit: Text
    metric: Text | None
    suspects: list[Text] = Field(description="sources whose labels are nobody's truth here")
    left_out: int = Field(description="labels of the suspects, which count for nobody")
    best: Text | None = Field(description="the variant with the least loss")
    seconds: float
    variants: list[Variant]


class ShadowJob(BaseModel):
    """One computation: what was asked for, how far it is, and what came of it."""

    id: int
    kind: Literal["table", "model", "hindsight"]
    shard: int
    state: Literal["queued", "running", "done", "failed"]
    asked: dict[str, Any]
    asked_at: float
    ended_at: float | None
    batch: int | None = Field(description="the batch that it has come to")
    last: int | None = Field(description="the batch that it goes up to")
    failed: Text | None
    table: Table | None


class ShadowBody(BaseModel):
    """A shadow table to be computed: beside the usual models, a candidate, a window, or without a source."""

    model_config = {"extra": "forbid"}

    candidate: str | None = Field(None, min_length=1, max_length=2000, description="a model expression")
    window: str | None = Field(None, min_length=1, max_length=64, description="batches, as 120:180 or 120:")
    source: str | None = Field(None, min_length=1, max_length=200, description="the suspect")
    since: float | None = Field(None, ge=0, allow_inf_nan=False, description="the onset, an event time")
    shard: int | None = Field(None, ge=0, lt=10_000)


@router.get("/api/v1/incidents/{incident_id}/shadow", tags=["v1"], responses=REFUSALS)
@needs("viewer")
def shadow(incident_id: str, store: Stored) -> list[ShadowJob]:
    """The shadow tables of an incident and what was seen in hindsight, the newest first."""
    Incidents(store).get(incident_id)
    return jobs(store, incident_id)


@router.post(
    "/api/v1/incidents/{incident_id}/shadow",
    tags=["v1"],
    responses=DECIDING,
    dependencies=[Depends(may_change)],
)
@needs("reviewer")
def ask_for_shadow(incident_id: str, body: ShadowBody, store: Stored) -> ShadowJob:
    """Have a shadow table computed beside the shard; ask again to see how far it is."""
    return asked(store, incident_id, body)


@router.post("/incidents/{incident_id}/shadow", include_in_schema=False)
@needs("reviewer")
def ask_on_page(
    request: Request,
    incident_id: str,
    store: Stored,
    csrf: Annotated[str, Form()] = "",
    candidate: Annotated[str, Form(max_length=2000)] = "",
    window: Annotated[str, Form(max_length=64)] = "",
    source: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """The form under the table."""
    if not visit_of(request).allows_change(csrf):
        raise HTTPException(403, "The form is not from this console: go back, load the page again.")
    wish = {"candidate": candidate.strip(), "window": window.strip(), "source": source.strip()}
    asked(store, incident_id, ShadowBody(**{name: text or None for name, text in wish.items()}))
    return RedirectResponse(f"/incidents/{quote(incident_id)}#shadow", 303)


def asked(store: Store, incident_id: str, body: ShadowBody) -> ShadowJob:
    """Ask for a table. Raises NoSuchIncident, NotPossible."""
    with store.write() as db:
        incident = read_incident(db, incident_id)
        row = db.execute(
            sa.select(pipeline_table).where(pipeline_table.c.pipeline == incident.pipeline)
        ).first()
        facts = dict(row.facts) if row is not None else {}
        if row is not None and body.shard is not None and body.shard >= row.shards:
            raise NotPossible(f"{incident.pipeline} has no shard {body.shard}")
        _check(body, facts)
        name = ask(db, incident, body.model_dump(), field=facts.get("source"), again=uuid4().hex[:8])
        found = job_named(db, name)
    assert found is not None
    return view(found)


def _check(body: ShadowBody, facts: Mapping[str, Any]) -> None:
    """Refuse a candidate that is no model; whether it fits the events its trial will tell."""
    if body.candidate is not None:
        try:
            build(body.candidate, task=facts.get("task"))
        except ExpressionError as error:
            raise NotPossible(f"the candidate: {error}") from None


def jobs(store: Store, incident_id: str) -> list[ShadowJob]:
    """The tables and hindsights of an incident, the newest first."""
    with store.read() as db:
        found = jobs_of(db, incident_id, *SHOWN, limit=MOST)
    return [view(job) for job in found]


def view(job: Job) -> ShadowJob:
    """A job as it is shown."""
    shown = {name: getattr(job, name) for name in ShadowJob.model_fields if name != "table"}
    return ShadowJob(**shown, table=Table(**job.result) if job.result and job.kind in SHOWN else None)
