"""Forms: what a page's form sends becomes a decision; the page says what became of it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from uuid import uuid4

from fastapi import HTTPException, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from fluvial.console import reading
from fluvial.console.answers import WHO, Answers
from fluvial.console.auth import set_cookie
from fluvial.console.deciding import Unclear, decide
from fluvial.console.visits import visit_of
from fluvial.console.wish import Wish, asked
from fluvial.reviews import Conflict, Review, ReviewError
from fluvial.store import Store


class Notice(BaseModel):
    """Why a visitor's decision was not taken, and what they had written."""

    status: int
    text: str
    who: str
    reason: str


Again = Callable[[Notice], Response]
"""Makes the page that the form was on, as things stand now, with why nothing was done."""


def answers_of(request: Request) -> Answers:
    """What makes this console's pages."""
    answers = request.app.state.answers
    assert isinstance(answers, Answers)
    return answers


def take(request: Request, store: Store, wish: Wish, subject: dict[str, str], again: Again) -> Response:
    """Take what a form asks for and lead back to where it was."""
    if not visit_of(request).allows_change(wish.csrf):
        raise HTTPException(403, "The form is not from this console: go back, load the page again.")
    try:
        if wish.foretell:
            said = decide(store, asked(wish, wish.foretell) | subject | {"dry_run": True}, "console")
            return again(_notice(200, wish, said.effect))
        taken = decide(store, asked(wish, wish.action) | subject, "console")
    except Conflict as error:
        return again(_notice(409, wish, error))
    except (ReviewError, Unclear) as error:
        return again(_notice(422, wish, error))
    answer = RedirectResponse(_address(request, wish, taken), 303)
    if not visit_of(request).person.name:
        set_cookie(answer, request, WHO, quote(taken.who), age=365 * 86400)
    return answer


def of_forms(store: Store, notice: Notice | None, taken: str) -> dict[str, Any]:
    """What every page with a form shows: what became of the last decision, an id for the next."""
    return {"notice": notice, "taken": taken, "review_id": uuid4().hex, "tally": reading.tally(store)}


def _address(request: Request, wish: Wish, taken: Review) -> str:
    if wish.back is None:
        return f"{quote(request.scope['path'].removesuffix('/reviews'))}?{urlencode({'taken': taken.id})}"
    kept = [pair for pair in parse_qsl(wish.back[:2000]) if pair[0] != "taken"]
    return f"/incidents?{urlencode([*kept, ('taken', taken.id)])}"


def _notice(status: int, wish: Wish, said: Exception | str) -> Notice:
    return Notice(status=status, text=str(said), who=wish.who, reason=wish.reason)
