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
from fluvial.reviews import Conflict, Review, ReviewError
from fluvial.store import Store


class Wish(BaseModel):
    """What a form sends; it is judged where reviews are judged.

    ``back`` is the query of the inbox that the form stands in; without it the form is its subject's.
    """

    csrf: str = ""
    action: str = ""
    who: str = ""
    reason: str = ""
    id: str = ""
    version: str = ""
    model: str = ""
    back: str | None = None


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
    if not request.app.state.access.allows_change(wish.csrf):
        raise HTTPException(403, "The form is not from this console: go back, load the page again.")
    try:
        taken = decide(store, _asked(wish) | subject, "console")
    except Conflict as error:
        return again(_notice(409, wish, error))
    except (ReviewError, Unclear) as error:
        return again(_notice(422, wish, error))
    answer = RedirectResponse(_address(request, wish, taken), 303)
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
