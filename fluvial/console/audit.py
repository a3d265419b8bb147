"""The audit trail as a page and in the API: who did what, and who tried to."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from fluvial import trail
from fluvial.console import reading
from fluvial.console.api import REFUSALS, Limit, Stored
from fluvial.console.needs import needs

PAGE = 100
"""Entries on one page."""

Before = Annotated[int | None, Query(ge=1, lt=1 << 31, description="entries with a smaller number")]

router = APIRouter(tags=["v1"], responses=REFUSALS)


class AuditEntry(BaseModel):
    """One entry; ``hash`` is the SHA-256 of it and of the entry before it."""

    number: int
    at: float
    event: str
    who: str
    channel: str
    pipeline: str | None
    subject: str | None
    detail: dict[str, Any]
    previous: str
    hash: str


@router.get("/api/v1/audit")
@needs("viewer")
def entries(
    store: Stored, pipeline: str | None = None, before: Before = None, limit: Limit = 200
) -> list[AuditEntry]:
    """The audit trail, the newest first; who is not admin sees what was done about pipelines."""
    return _entries(store, pipeline, before, limit)


@router.get("/audit", include_in_schema=False)
@needs("viewer")
def page(request: Request, store: Stored, pipeline: str = "", before: Before = None) -> Response:
    """The audit trail in a table."""
    found = _entries(store, pipeline or None, before, PAGE + 1)
    shown: dict[str, Any] = {"entries": found[:PAGE], "pipeline": pipeline, "before": before}
    shown["tally"] = reading.tally(store)
    shown["older"] = found[PAGE - 1].number if len(found) > PAGE else None
    answer: Response = request.app.state.answers.page(request, "audit.html", shown)
    return answer


def _entries(store: Stored, pipeline: str | None, before: int | None, limit: int) -> list[AuditEntry]:
    found = trail.entries(store, pipeline=pipeline, limit=limit, before=before)
    return [AuditEntry(**one._asdict() | {"detail": one.told}) for one in found]
