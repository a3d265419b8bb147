"""The pages: pipelines, one pipeline, incidents, one incident; and the forms on them."""

from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Form, HTTPException, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from fluvial.console import cards, cases, reading
from fluvial.console.answers import WHO, Answers
from fluvial.console.api import Offset, Stored
from fluvial.console.auth import set_cookie
from fluvial.console.deciding import Unclear, decide
from fluvial.incidents import STATES
from fluvial.reviews import EFFECTS, Action, Conflict, ReviewError
from fluvial.store import Store

PAGE = 50
"""Incidents on one page."""

SIGNALS = 10
"""Signals on a pipeline's page."""

router = APIRouter(include_in_schema=False)


class Wish(BaseModel):
    """What a form sends; it is judged where reviews are judged."""

    csrf: str = ""
    action: str = ""
    who: str = ""
    reason: str = ""
    id: str = ""
    version: str = ""
    model: str = ""


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
def pipelines(request: Request, store: Stored) -> Response:
    """All pipelines at a glance."""
    shown = {"pipelines": reading.summaries(store), "tally": reading.tally(store)}
    return _answers(request).page(request, "pipelines.html", shown)


@router.get("/pipelines/{name}")
def pipeline(request: Request, name: str, store: Stored, taken: str = "") -> Response:
    """One pipeline: how good it is, where its events are, what was decided."""
    return _pipeline(request, store, name, taken=taken)


@router.get("/incidents")
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
def incident(request: Request, incident_id: str, store: Stored, taken: str = "") -> Response:
    """One incident: its evidence, what can be decided, what was."""
    return _incident(request, store, incident_id, taken=taken)


@router.post("/pipelines/{name}/reviews")
def decide_pipeline(request: Request, name: str, wish: Annotated[Wish, Form()], store: Stored) -> Response:
    """Pause, resume or reset."""
    return _decide(request, store, wish, {"pipeline": name})


@router.post("/incidents/{incident_id}/reviews")
def decide_incident(
    request: Request, incident_id: str, wish: Annotated[Wish, Form()], store: Stored
) -> Response:
    """Decide about an incident."""
    return _decide(request, store, wish, {"incident": incident_id})


def _decide(request: Request, store: Store, wish: Wish, subject: dict[str, str]) -> Response:
    if not request.app.state.access.allows_change(wish.csrf):
        raise HTTPException(403, "The form is not from this console: go back, load the page again.")
    try:
        taken = decide(store, _asked(wish) | subject, "console")
    except Conflict as error:
        return _again(request, store, subject, _notice(409, wish, error))
    except (ReviewError, Unclear) as error:
        return _again(request, store, subject, _notice(422, wish, error))
    path = request.scope["path"].removesuffix("/reviews")
    answer = RedirectResponse(f"{quote(path)}?taken={quote(taken.id)}", 303)
    set_cookie(answer, request, WHO, quote(taken.who), age=365 * 86400)
    return answer


def _asked(wish: Wish) -> dict[str, Any]:
    version = int(wish.version) if wish.version.isdecimal() and len(wish.version) < 10 else None
    # One page may lead to several decisions (by the back button): each has an id of its own.
    review_id = f"{wish.id}-{wish.action}" if wish.id else None
    asked: dict[str, Any] = {"action": wish.action, "who": wish.who, "reason": wish.reason, "id": review_id}
    return asked | {"version": version} | (_model(wish.model) if wish.action == "rollback" else {})


def _model(chosen: str) -> dict[str, int]:
    """The shard and the batch of a choice such as 0:120; nothing where it is none."""
    parts = chosen.split(":")
    if len(parts) != 2 or not all(part.isdecimal() and len(part) < 16 for part in parts):
        return {}
    return {"shard": int(parts[0]), "batch": int(parts[1])}


def _notice(status: int, wish: Wish, error: Exception) -> Notice:
    return Notice(status=status, text=str(error), who=wish.who, reason=wish.reason)


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
        **_of_forms(store, notice, taken),
    }
    return _answers(request).page(request, "pipeline.html", shown, notice.status if notice else 200)


def _incident(
    request: Request, store: Store, incident_id: str, *, notice: Notice | None = None, taken: str = ""
) -> Response:
    found = {"incident": cases.detail(store, incident_id), "kept": cards.card_or_none(store, incident_id)}
    shown = {**found, **_of_forms(store, notice, taken)}
    return _answers(request).page(request, "incident.html", shown, notice.status if notice else 200)


def _of_forms(store: Store, notice: Notice | None, taken: str) -> dict[str, Any]:
    """What every page with a form shows: what became of the last decision, an id for the next."""
    return {"notice": notice, "taken": taken, "review_id": uuid4().hex, "tally": reading.tally(store)}
