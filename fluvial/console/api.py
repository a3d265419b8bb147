"""The API, version 1: what the pages show and decide, for programs."""

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, StreamingResponse

from fluvial.console import cards, cases, charts, inbox, pulse, reading, rooms
from fluvial.console.cards import KeptCard
from fluvial.console.deciding import decide
from fluvial.console.evidence import Signal
from fluvial.console.inbox import Filter, Word
from fluvial.console.models import (
    ConflictProblem,
    Figure,
    IncidentDetail,
    IncidentSummary,
    PipelineDetail,
    PipelineSummary,
    PointView,
    Problem,
    ReviewBody,
    ReviewView,
)
from fluvial.console.needs import needs
from fluvial.console.pulse import Crowded, Pulse
from fluvial.console.reading import MOST_POINTS, Span
from fluvial.console.visits import visit_of
from fluvial.incidents import Incidents, State
from fluvial.seen import Seen
from fluvial.store import Store


def opened_store(request: Request) -> Store:
    """The store that the console was made with, as whoever asks sees it: see :mod:`fluvial.seen`."""
    store = request.app.state.store
    assert isinstance(store, Store)
    return Seen(store, visit_of(request).person)


Stored = Annotated[Store, Depends(opened_store)]
Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Time = Annotated[float | None, Query(allow_inf_nan=False, description="event time in seconds since 1970")]


def may_change(request: Request, x_csrf_token: Annotated[str, Header()] = "") -> None:
    """Let a bearer change something; a browser's script must show that it comes from our page."""
    if not visit_of(request).allows_change(x_csrf_token):
        raise HTTPException(403, "A change needs a bearer token, or the page's X-CSRF-Token.")


class Asked(BaseModel):
    """Which incidents a program asks for."""

    state: State | None = None
    pipeline: Word = ""
    monitor: Word = Field("", description="the monitor that reported it first")
    text: Word = Field(
        "", description="words, each in its id, its evidence, who has it or why people decided"
    )
    since: Word = Field("", description="opened on this UTC day or later, YYYY-MM-DD")
    until: Word = Field("", description="opened on this UTC day or earlier, YYYY-MM-DD")
    before: Word = Field("", description="from here on: what the header Link of the page before says")
    limit: int = Field(200, ge=1, le=500)
    offset: int = Field(
        0, ge=0, le=1_000_000, description="skip so many; `before` misses nothing and is fast"
    )


REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "no token, or a wrong one"},
    403: {"model": Problem, "description": "not for your role, or a browser's request from another page"},
    404: {"model": Problem, "description": "no such thing"},
    422: {"model": Problem, "description": "not understood, or not possible"},
    503: {"model": Problem, "description": "the store does not answer; nothing was changed"},
}

DECIDING = REFUSALS | {
    409: {"model": ConflictProblem, "description": "somebody was first, or it changed since you looked"},
}

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=REFUSALS)


@router.get("/openapi.json", include_in_schema=False)
@needs("viewer")
def openapi(request: Request) -> JSONResponse:
    """This description."""
    return JSONResponse(request.app.openapi())


@router.get("/pipelines")
@needs("viewer")
def pipelines(store: Stored) -> list[PipelineSummary]:
    """All pipelines, by name."""
    return reading.summaries(store)


@router.get("/pipelines/{name}")
@needs("viewer")
def pipeline(name: str, store: Stored) -> PipelineDetail:
    """Everything about one pipeline."""
    return reading.whole(store, name)


@router.get("/pipelines/{name}/points")
@needs("viewer")
def points(
    name: str,
    store: Stored,
    since: Time = None,
    until: Time = None,
    shard: Annotated[int | None, Query(ge=0, le=10_000)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_POINTS)] = 1000,
) -> list[PointView]:
    """The quality curve: the newest points in the span asked for, the oldest of them first."""
    reading.detail(store, name)  # an unknown name is not an empty curve
    return reading.points(store, name, Span(since, until, shard, limit))


@router.get("/pipelines/{name}/chart")
@needs("viewer")
def pipeline_chart(name: str, store: Stored, since: Time = None, until: Time = None) -> Figure:
    """The pipeline's quality over event time, or over a span of it, as Plotly draws it."""
    return charts.pipeline_figure(store, name, Span(since, until))


@router.get("/pipelines/{name}/signals")
@needs("viewer")
def signals(name: str, store: Stored, limit: Limit = 50) -> list[Signal]:
    """What its monitors said, the newest first: what called somebody, and what did not."""
    reading.detail(store, name)
    return cases.signals(store, name, limit)


@router.get("/pipelines/{name}/quarantine")
@needs("viewer")
def quarantine(request: Request, name: str, store: Stored) -> rooms.Quarantine:
    """What was refused: how much for which reason, and the newest records."""
    return rooms.quarantine(reading.detail(store, name), request.app.state.samples)


@router.get("/pipelines/{name}/labels")
@needs("viewer")
def labels(name: str, store: Stored) -> rooms.Labels:
    """Where every label is, and how long they take."""
    return rooms.labels(store, reading.detail(store, name))


@router.get("/pipelines/{name}/models")
@needs("viewer")
def models(name: str, store: Stored) -> rooms.Models:
    """The model that runs, those that are kept, and what made them."""
    return rooms.models(store, reading.detail(store, name))


@router.get("/pipelines/{name}/settings")
@needs("viewer")
def pipeline_settings(name: str, store: Stored) -> rooms.Effective:
    """What the pipeline runs with: its file without what is as by default."""
    return rooms.effective(store, reading.detail(store, name))


@router.get("/incidents")
@needs("viewer")
def incidents(
    request: Request, response: Response, store: Stored, asked: Annotated[Asked, Query()]
) -> list[IncidentSummary]:
    """Incidents, the newest first; where there are more, the header ``Link`` leads to them."""
    if asked.offset:
        return cases.listing(
            store, pipeline=asked.pipeline or None, state=asked.state, limit=asked.limit, offset=asked.offset
        )
    wanted = Filter(**asked.model_dump(include=set(Filter.model_fields) - {"state"}), state=asked.state or "")
    page = inbox.page(store, wanted, before=asked.before, size=asked.limit)
    if page.older:
        rest = wanted.query(before=page.older, limit=str(asked.limit))
        response.headers["Link"] = f'<{request.scope["path"]}?{rest}>; rel="next"'
    return page.incidents


@router.get("/incidents/{incident_id}")
@needs("viewer")
def incident(incident_id: str, store: Stored) -> IncidentDetail:
    """One incident with its evidence, its reviews and what can be decided now."""
    return cases.detail(store, incident_id)


@router.get("/incidents/{incident_id}/chart")
@needs("viewer")
def incident_chart(incident_id: str, store: Stored) -> Figure:
    """The watched quantity around the onset, as Plotly draws it."""
    return charts.incident_figure(store, incident_id)


@router.get("/incidents/{incident_id}/card")
@needs("viewer")
def incident_card(incident_id: str, store: Stored) -> KeptCard:
    """The evidence card that is kept of a drift, with its age; 404 where none was computed yet."""
    return cards.card_of(store, Incidents(store).get(incident_id))


@router.get("/reviews")
@needs("viewer")
def reviews(
    store: Stored, incident: str | None = None, pipeline: str | None = None, limit: Limit = 200
) -> list[ReviewView]:
    """Decisions, the newest first."""
    return cases.decisions(store, pipeline=pipeline, incident=incident, limit=limit)


@router.post("/incidents/{incident_id}/reviews", responses=DECIDING, dependencies=[Depends(may_change)])
@needs("reviewer")
def review_incident(incident_id: str, body: ReviewBody, store: Stored) -> ReviewView:
    """Decide about an incident; repeating a review changes nothing."""
    return cases.view(decide(store, body.model_dump() | {"incident": incident_id}, "api"))


@router.post("/pipelines/{name}/reviews", responses=DECIDING, dependencies=[Depends(may_change)])
@needs("reviewer")
def review_pipeline(name: str, body: ReviewBody, store: Stored) -> ReviewView:
    """Pause, resume or reset a pipeline's model; repeating a review changes nothing."""
    return cases.view(decide(store, body.model_dump() | {"pipeline": name}, "api"))


@router.get("/stream", include_in_schema=False)  # it never ends: no program would want to try it out
@needs("viewer")
async def stream(
    request: Request, store: Stored, last_event_id: Annotated[str, Header()] = "", once: bool = False
) -> Response:
    """Server-sent events: what changed, as soon as it does; with ``once`` what is true now, and an end."""
    kind, headers = "text/event-stream", {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if once:
        return Response(
            pulse.event("change", await to_thread.run_sync(pulse.versions, store)), media_type=kind
        )
    sees = visit_of(request).person.sees
    listened = request.app.state.pulse
    assert isinstance(listened, Pulse)
    try:
        return StreamingResponse(listened.listen(last_event_id, sees), media_type=kind, headers=headers)
    except Crowded as error:
        raise HTTPException(503, str(error)) from None
