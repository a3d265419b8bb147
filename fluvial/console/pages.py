"""The pages: the fleet, one pipeline, the inbox, one incident; and the forms on them."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from fluvial import approvals, scenarios, tuning
from fluvial.console import cards, cases, curves, inbox, offering, reading, shadow
from fluvial.console.api import Stored
from fluvial.console.bulk import similar_to
from fluvial.console.forms import Notice, answers_of, of_forms, take
from fluvial.console.inbox import Visit
from fluvial.console.models import Tally
from fluvial.console.needs import needs
from fluvial.console.wish import Wish
from fluvial.incidents import Incidents
from fluvial.reviews import EFFECTS, Action
from fluvial.store import Store
from fluvial.tuning import paid

PAGE = 50
"""Incidents on one page."""

SIGNALS = 10
"""Signals on a pipeline's page."""

router = APIRouter(include_in_schema=False)


@router.get("/")
@needs("viewer")
def pipelines(request: Request, store: Stored) -> Response:
    """All pipelines at a glance."""
    found, tallies = reading.fleet(store)
    shown = {"pipelines": found, "tally": reading.total(tallies), "curves": curves.of_fleet(store, found)}
    return answers_of(request).page(request, "pipelines.html", shown)


@router.get("/pipelines/{name}")
@needs("viewer")
def pipeline(request: Request, name: str, store: Stored, taken: str = "") -> Response:
    """One pipeline: how good it is, where its events are, what was decided."""
    return _pipeline(request, store, name, taken=taken)


@router.get("/incidents")
@needs("viewer")
def incidents(request: Request, store: Stored, visit: Annotated[Visit, Query()]) -> Response:
    """The inbox."""
    tallies = reading.tallies(store)
    counted = tallies.get(visit.pipeline, Tally()) if visit.pipeline else reading.total(tallies)
    pipelines, monitors = inbox.choices(store)
    turn = {"before": visit.before, "after": visit.after}
    back = visit.query(**turn)
    shown = {
        "wanted": visit,
        "page": inbox.page(store, visit, **turn, size=PAGE),
        "pipelines": pipelines,
        "monitors": monitors,
        "counted": counted.model_dump(),
        "tally": reading.total(tallies),
        "back": back,
        "here": f"/incidents?{back}",
        "recorded": cases.decision(store, visit.taken) if visit.taken else [],
    }
    return answers_of(request).page(request, "incidents.html", shown)


@router.get("/incidents/{incident_id}")
@needs("viewer")
def incident(request: Request, incident_id: str, store: Stored, taken: str = "") -> Response:
    """One incident: its evidence, what can be decided, what was."""
    return _incident(request, store, incident_id, taken=taken)


@router.post("/pipelines/{name}/reviews")
@needs("reviewer")
def decide_pipeline(request: Request, name: str, wish: Annotated[Wish, Form()], store: Stored) -> Response:
    """Pause, resume or reset."""
    again = partial(_pipeline, request, store, name)
    return take(request, store, wish, {"pipeline": name}, lambda notice: again(notice=notice))


@router.post("/incidents/{incident_id}/reviews")
@needs("reviewer")
def decide_incident(
    request: Request, incident_id: str, wish: Annotated[Wish, Form()], store: Stored
) -> Response:
    """Decide about an incident."""
    again = partial(_incident, request, store, incident_id)
    return take(request, store, wish, {"incident": incident_id}, lambda notice: again(notice=notice))


def _pipeline(
    request: Request, store: Store, name: str, *, notice: Notice | None = None, taken: str = ""
) -> Response:
    found = reading.whole(store, name)
    steer: Action = "resume" if found.paused else "pause"
    newest = cases.listing(store, pipeline=name, state=None, limit=5, offset=0)
    shown = {
        "pipeline": found,
        "reviews": cases.decisions(store, pipeline=name, limit=50),
        "incidents": newest,
        "signals": cases.signals(store, name, SIGNALS),
        "effects": {steer: EFFECTS[steer]},
        "EFFECTS": EFFECTS,
        **offering.shown(store, found, newest),
        "scenarios": scenarios.listing(store, name),
        "proposals": approvals.listing(store, name),
        **of_forms(store, notice, taken),
    }
    return answers_of(request).page(request, "pipeline.html", shown, notice.status if notice else 200)


def _incident(
    request: Request, store: Store, incident_id: str, *, notice: Notice | None = None, taken: str = ""
) -> Response:
    found = Incidents(store).get(incident_id)
    chosen = offering.read(store, found)
    shown = {"incident": cases.detailed(store, found, chosen), **of_forms(store, notice, taken)}
    shown |= {"shadow": shadow.jobs(store, incident_id), "offers": chosen}
    shown |= {"similar": similar_to(store, found), "paid": paid}
    shown |= {"tuning": tuning.propose(store, found) if found.verdict == "false_alarm" else None}
    waiting = approvals.listing(store, found.pipeline)
    shown |= {"proposals": [one for one in waiting if one["incident"] == incident_id]}
    shown |= {"kept": cards.card_or_none(store, found)}
    return answers_of(request).page(request, "incident.html", shown, notice.status if notice else 200)
