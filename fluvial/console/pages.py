"""The pages: pipelines, one pipeline, incidents, one incident; and the forms on them."""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Form, HTTPException, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from fluvial import approvals, scenarios, tuning
from fluvial.console import cards, cases, reading, shadow
from fluvial.console.answers import WHO, Answers
from fluvial.console.api import Offset, Stored
from fluvial.console.auth import set_cookie
from fluvial.console.bulk import similar_to
from fluvial.console.deciding import Unclear, decide
from fluvial.console.forms import Wish, asked
from fluvial.console.needs import needs
from fluvial.console.visits import visit_of
from fluvial.incidents import STATES, Incidents
from fluvial.reviews import EFFECTS, Action, Conflict, ReviewError
from fluvial.store import Store
from fluvial.tuning import paid

PAGE = 50
"""Incidents on one page."""

SIGNALS = 10
"""Signals on a pipeline's page."""

router = APIRouter(include_in_schema=False)


class Notice(BaseModel):
    """Why a visitor's decision was not taken, and what they had written."""

    status: int
    text: str
    who: str
    reason: str


def _answers(request: Request) -> Answers:
    answers = request.app.state.answers
    assert isinstance(answers, Answers)
    return answers


@router.get("/")
@needs("viewer")
def pipelines(request: Request, store: Stored) -> Response:
    """All pipelines at a glance."""
    shown = {"pipelines": reading.summaries(store), "tally": reading.tally(store)}
    return _answers(request).page(request, "pipelines.html", shown)


@router.get("/pipelines/{name}")
@needs("viewer")
def pipeline(request: Request, name: str, store: Stored, taken: str = "") -> Response:
    """One pipeline: how good it is, where its events are, what was decided."""
    return _pipeline(request, store, name, taken=taken)


@router.get("/incidents")
@needs("viewer")
def incidents(
    request: Request, store: Stored, state: str = "", pipeline: str = "", offset: Offset = 0
) -> Response:
    """The incidents, the newest first."""
    chosen = next((one for one in STATES if one == state), None)  # an unknown state filters nothing
    found = cases.listing(store, pipeline=pipeline or None, state=chosen, limit=PAGE + 1, offset=offset)
    shown = {"incidents": found[:PAGE], "more": len(found) > PAGE, "size": PAGE, "offset": offset}
    fleet = reading.summaries(store)
    total = reading.tally(store)
    counts = next((one.incidents for one in fleet if one.name == pipeline), total)
    shown |= {
        "state": chosen or "",
        "pipeline": pipeline,
        "pipelines": fleet,
        "tally": total,
        "counts": counts,
    }
    return _answers(request).page(request, "incidents.html", shown)


@router.get("/incidents/{incident_id}")
@needs("viewer")
def incident(request: Request, incident_id: str, store: Stored, taken: str = "") -> Response:
    """One incident: its evidence, what can be decided, what was."""
    return _incident(request, store, incident_id, taken=taken)


@router.post("/pipelines/{name}/reviews")
@needs("reviewer")
def decide_pipeline(request: Request, name: str, wish: Annotated[Wish, Form()], store: Stored) -> Response:
    """Pause, resume or reset."""
    return _decide(request, store, wish, {"pipeline": name})


@router.post("/incidents/{incident_id}/reviews")
@needs("reviewer")
def decide_incident(
    request: Request, incident_id: str, wish: Annotated[Wish, Form()], store: Stored
) -> Response:
    """Decide about an incident."""
    return _decide(request, store, wish, {"incident": incident_id})


def _decide(request: Request, store: Store, wish: Wish, subject: dict[str, str]) -> Response:
    if not visit_of(request).allows_change(wish.csrf):
        raise HTTPException(403, "The form is not from this console: go back, load the page again.")
    try:
        if wish.foretell:
            said = decide(store, asked(wish, wish.foretell) | subject | {"dry_run": True}, "console")
            return _again(request, store, subject, _notice(200, wish, said.effect))
        taken = decide(store, asked(wish, wish.action) | subject, "console")
    except Conflict as error:
        return _again(request, store, subject, _notice(409, wish, error))
    except (ReviewError, Unclear) as error:
        return _again(request, store, subject, _notice(422, wish, error))
    path = request.scope["path"].removesuffix("/reviews")
    answer = RedirectResponse(f"{quote(path)}?taken={quote(taken.id)}", 303)
    if not visit_of(request).person.name:
        set_cookie(answer, request, WHO, quote(taken.who), age=365 * 86400)
    return answer


def _notice(status: int, wish: Wish, said: Exception | str) -> Notice:
    return Notice(status=status, text=str(said), who=wish.who, reason=wish.reason)


def _again(request: Request, store: Store, subject: dict[str, str], notice: Notice) -> Response:
    """The page that the form was on, as things stand now, and why nothing was done."""
    if "incident" in subject:
        return _incident(request, store, subject["incident"], notice=notice)
    return _pipeline(request, store, subject["pipeline"], notice=notice)


def _pipeline(
    request: Request, store: Store, name: str, *, notice: Notice | None = None, taken: str = ""
) -> Response:
    found = reading.detail(store, name)
    steer: Action = "resume" if found.paused else "pause"
    shown = {
        "pipeline": found,
        "reviews": cases.decisions(store, pipeline=name, limit=50),
        "incidents": cases.listing(store, pipeline=name, state=None, limit=5, offset=0),
        "signals": cases.signals(store, name, SIGNALS),
        "effects": {steer: EFFECTS[steer]},
        "EFFECTS": EFFECTS,
        "scenarios": scenarios.listing(store, name),
        "proposals": approvals.listing(store, name),
        **_of_forms(store, notice, taken),
    }
    return _answers(request).page(request, "pipeline.html", shown, notice.status if notice else 200)


def _incident(
    request: Request, store: Store, incident_id: str, *, notice: Notice | None = None, taken: str = ""
) -> Response:
    found = Incidents(store).get(incident_id)
    shown = {"incident": cases.detail(store, incident_id), **_of_forms(store, notice, taken)}
    shown |= {"similar": similar_to(store, incident_id), "paid": paid}
    shown |= {"tuning": tuning.propose(store, found) if found.verdict == "false_alarm" else None}
    waiting = approvals.listing(store, found.pipeline)
    shown |= {"proposals": [one for one in waiting if one["incident"] == incident_id]}
    shown |= {"kept": cards.card_or_none(store, incident_id), **shadow.shown(store, incident_id)}
    return _answers(request).page(request, "incident.html", shown, notice.status if notice else 200)


def _of_forms(store: Store, notice: Notice | None, taken: str) -> dict[str, Any]:
    """What every page with a form shows: what became of the last decision, an id for the next."""
    return {"notice": notice, "taken": taken, "review_id": uuid4().hex, "tally": reading.tally(store)}
