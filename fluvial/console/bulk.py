"""Bulk: many incidents at once, and what is expected or waits for approval: pages and API.

What will be touched is shown before it is done, with the version that was looked at; it works without
a script.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from fluvial import approvals, bulk, scenarios, similar, tuning
from fluvial.bulk import Chosen
from fluvial.console import cases, reading
from fluvial.console.answers import Answers
from fluvial.console.api import DECIDING, REFUSALS, Stored, may_change
from fluvial.console.evidence import Text
from fluvial.console.models import IncidentSummary, ReviewView, WatchingView
from fluvial.console.needs import needs
from fluvial.console.visits import visit_of
from fluvial.incidents import Incident, Incidents, State
from fluvial.store import Store

pages = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["v1"], responses=REFUSALS)

Id = Annotated[str, Field(min_length=1, max_length=64)]


class ChosenBody(BaseModel):
    """An incident as somebody looked at it."""

    id: Id
    version: int = Field(ge=0, lt=1 << 31)


class BulkBody(BaseModel):
    """Which incidents to acknowledge: those named, as somebody looked at them."""

    model_config = {"extra": "forbid"}

    incidents: list[ChosenBody] = Field(min_length=1, max_length=bulk.MOST)
    who: str = Field("", max_length=200, description="left out by who is signed in")
    reason: str = Field("", max_length=2000)
    id: str | None = Field(None, min_length=1, max_length=100)
    dry_run: bool = False


class OutcomeView(BaseModel):
    """What became of one incident."""

    incident: Text
    review: ReviewView | None = Field(description="null: it was left alone")
    why: Text = Field(description="why it was left alone")
    who: Text = Field(description="who was first")


class ScenarioView(BaseModel):
    """Something expected; ``since`` and ``until`` are event times."""

    id: Text
    pipeline: Text
    name: Text
    monitors: list[Text]
    concerns: list[Text]
    since: float
    until: float
    expires_at: float
    who: Text
    at: float
    removed_by: Text | None
    removed_at: float | None


class ProposalView(BaseModel):
    """A decision that waits for a second person."""

    id: Text
    pipeline: Text
    incident: Text | None
    action: Text
    who: Text
    channel: Text
    at: float
    expires_at: float


class SimilarView(BaseModel):
    """An earlier incident that was like this one, and what was decided about it."""

    incident: IncidentSummary
    likeness: Literal["the same", "the same monitor", "the same cause"]
    decided: list[ReviewView]


class PriceView(BaseModel):
    """What would have become of the incidents of the last 30 days of event time."""

    incidents: int
    remain: int
    lost: list[Text] = Field(description="true ones that would not have been called")
    spared: list[Text] = Field(description="false alarms that would not have been called")
    others: list[Text] = Field(description="ones that nobody judged and that would not have been called")


class TuningView(BaseModel):
    """Another way to watch that would not have called an incident, and its price."""

    incident: Text
    now: WatchingView
    wanted: WatchingView | None = Field(description="null: no reasonable budget would do")
    why: Text
    price: PriceView | None


@api.get("/acknowledge")
@needs("viewer")
def preview(store: Stored, pipeline: str | None = None, state: State | None = None) -> list[IncidentSummary]:
    """What acknowledging all at once would touch; name these ids and versions when you do it."""
    return [cases.summary(one) for one in bulk.preview(store, pipeline=pipeline, state=state)]


@api.post("/acknowledge", responses=DECIDING, dependencies=[Depends(may_change)])
@needs("reviewer")
def acknowledge_many(request: Request, body: BulkBody, store: Stored) -> list[OutcomeView]:
    """Acknowledge many incidents, each by itself; what changed since you looked is left alone."""
    chosen = [Chosen(one.id, one.version) for one in body.incidents]
    wish = {"who": _name(request, body.who), "reason": body.reason} | ({"id": body.id} if body.id else {})
    return [_view(one) for one in bulk.acknowledge(store, chosen, wish, "api", dry_run=body.dry_run)]


def _view(one: bulk.Outcome) -> OutcomeView:
    taken = cases.view(one.review) if one.review else None
    return OutcomeView(incident=one.incident, review=taken, why=one.why, who=one.who)


@api.get("/scenarios")
@needs("viewer")
def all_scenarios(store: Stored, pipeline: str | None = None, every: bool = False) -> list[ScenarioView]:
    """Scenarios that count, the newest first; with ``every`` those that no longer do as well."""
    found = scenarios.listing(store, pipeline, every=every)
    return [ScenarioView.model_validate(one._asdict()) for one in found]


@api.get("/proposals")
@needs("viewer")
def all_proposals(store: Stored, pipeline: str | None = None) -> list[ProposalView]:
    """Decisions that wait for a second person, the newest first."""
    return [ProposalView.model_validate(one) for one in approvals.listing(store, pipeline)]


@api.get("/incidents/{incident_id}/similar")
@needs("viewer")
def similar_incidents(incident_id: str, store: Stored) -> list[SimilarView]:
    """Earlier incidents like this one, and what was decided about them."""
    return similar_to(store, Incidents(store).get(incident_id))


@api.get("/incidents/{incident_id}/tuning")
@needs("viewer")
def tuned(incident_id: str, store: Stored) -> TuningView | None:
    """Another way to watch that would not have called this incident; null where no monitor called it."""
    found = tuning.propose(store, Incidents(store).get(incident_id))
    return TuningView.model_validate(tuning.told(found)) if found else None


def similar_to(store: Store, incident: Incident) -> list[SimilarView]:
    """Earlier incidents like one, as they are shown."""
    found = similar.similar(store, incident)
    return [
        SimilarView(
            incident=cases.summary(one.incident),
            likeness=one.likeness,
            decided=[cases.view(taken) for taken in one.decided],
        )
        for one in found
    ]


@pages.get("/acknowledge")
@needs("viewer")
def choose(
    request: Request, store: Stored, state: str = "", pipeline: str = "", done: str = "", left: str = ""
) -> Response:
    """What would be acknowledged, to be looked at before it is done."""
    chosen = next((one for one in bulk.NOBODYS if one == state), None)
    found = bulk.preview(store, pipeline=pipeline or None, state=chosen)
    shown: dict[str, Any] = {"incidents": [cases.summary(one) for one in found], "pipeline": pipeline}
    shown |= {"state": chosen or "", "done": _whole(done), "left": _whole(left)}
    shown |= {"review_id": uuid4().hex, "notice": None, "tally": reading.tally(store)}
    return _answers(request).page(request, "acknowledge.html", shown)


class Ticked(BaseModel):
    """What the form sends: ``ID:VERSION`` of each incident that is ticked."""

    csrf: str = ""
    who: str = Field("", max_length=200)
    reason: str = Field("", max_length=2000)
    id: str = Field("", max_length=100)
    pipeline: str = ""
    state: str = ""
    incident: list[str] = Field([], max_length=bulk.MOST)


@pages.post("/acknowledge")
@needs("reviewer")
def acknowledge_ticked(request: Request, ticked: Annotated[Ticked, Form()], store: Stored) -> Response:
    """Acknowledge what was ticked."""
    if not visit_of(request).allows_change(ticked.csrf):
        raise HTTPException(403, "The form is not from this console: go back, load the page again.")
    if "\0" in ticked.who + ticked.reason + ticked.id:
        raise HTTPException(422, "A NUL character cannot be stored: leave it out.")
    chosen = [found for one in ticked.incident if (found := _chosen(one)) is not None]
    wish = {"who": _name(request, ticked.who), "reason": ticked.reason} | (
        {"id": ticked.id} if ticked.id else {}
    )
    outcomes = bulk.acknowledge(store, chosen, wish, "console")
    taken = sum(one.review is not None for one in outcomes)
    kept = {"pipeline": ticked.pipeline, "state": ticked.state, "done": taken, "left": len(outcomes) - taken}
    return RedirectResponse(f"/acknowledge?{urlencode(kept)}", 303)


def _chosen(text: str) -> Chosen | None:
    incident, _, version = text.rpartition(":")
    good = 0 < len(incident) <= 64 and version.isdecimal() and len(version) < 10 and "\0" not in incident
    return Chosen(incident, int(version)) if good else None


def _name(request: Request, written: str) -> str:
    """The name that somebody decides under: the one they proved, or else the one they wrote."""
    if not (name := written.strip() or visit_of(request).person.name):
        raise HTTPException(422, "Say who you are: every decision has a name.")
    return name


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 6 else None


def _answers(request: Request) -> Answers:
    answers = request.app.state.answers
    assert isinstance(answers, Answers)
    return answers
