"""The pages about people: everybody for admins, and for each what is their own; and the forms on them."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, cast
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from fluvial.accounts import Scope, Use, Wanted
from fluvial.console import reading
from fluvial.console.answers import WHO
from fluvial.console.api import Stored
from fluvial.console.auth import set_cookie
from fluvial.console.forms import answers_of
from fluvial.console.needs import needs
from fluvial.console.people import (
    accounts_of,
    end,
    must_manage,
    own,
    sessions_of,
    tokens_of,
    user_of,
    users_of,
)
from fluvial.console.people_models import Name, SessionsBody
from fluvial.console.visits import Doorman, visit_of
from fluvial.people import ROLES, AccountError, Role
from fluvial.store import Store

TOKENS = 100
"""Tokens in the list of all people's."""

DAYS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year", "": "until it is revoked"}
"""How long a new token may be good."""

DONE = {
    "changed": "Changed: it holds at once.",
    "disabled": "Let in no more: sessions have ended, tokens and keys open nothing.",
    "revoked": "Revoked: it opens nothing any more, and neither do the sessions that it opened.",
    "ended": "Ended: those browsers have to sign in again.",
}
"""What a form did."""

_PIPELINE = re.compile(r"[a-z][a-z0-9_-]{0,62}")

router = APIRouter(include_in_schema=False)

Managing = Depends(must_manage)


class Deed(BaseModel):
    """What the forms about people send; ``own`` is there on somebody's own page."""

    csrf: str = ""
    who: str = Field("", max_length=200)
    name: str = Field("", max_length=200)
    role: str = ""
    pipelines: str = Field("", max_length=10_000)
    use: str = "console"
    days: str = "90"
    note: str = Field("", max_length=200)
    token: str = Field("", max_length=64)
    session: str = Field("", max_length=64)
    own: str = ""

    @property
    def scope(self) -> Scope:
        """Role and pipelines. Raises AccountError."""
        names = [one for one in re.split(r"[,\s]+", self.pipelines) if one]
        wrong = next((one for one in names if not _PIPELINE.fullmatch(one)), None)
        if wrong is not None:
            raise AccountError(f"{wrong[:50]!r} is no name of a pipeline: leave commas between them")
        if self.role not in ("", *ROLES):
            raise AccountError(f"{self.role[:50]!r} is no role: there are {', '.join(ROLES)}")
        return Scope(cast("Role | None", self.role or None), tuple(names) or None)


Sent = Annotated[Deed, Form()]


@router.get("/people", dependencies=[Managing])
@needs("admin")
def people(request: Request, store: Stored) -> Response:
    """Everybody who is let in, and all tokens and keys."""
    return _people(request, store)


@router.post("/people")
@needs("admin")
def put(request: Request, deed: Sent, store: Stored) -> Response:
    """Add somebody, or change a role and pipelines."""
    _from_our_page(request, deed)
    must_manage(request)
    name = deed.name.strip()
    known = any(one.name == name for one in users_of(request))
    try:
        accounts_of(request, deed.who, "console").add(name, deed.scope)
    except AccountError as error:
        wrong = {"wrong": str(error)}
        return _person(request, store, name, **wrong) if known else _people(request, store, **wrong)
    return _back(request, deed, "changed")


@router.get("/people/one", dependencies=[Managing])
@needs("admin")
def person(request: Request, store: Stored, name: Name, done: str = "") -> Response:
    """One of them: role, tokens, keys, sessions."""
    return _person(request, store, name, done=DONE.get(done, ""))


@router.post("/people/disable")
@needs("admin")
def disable(request: Request, deed: Sent, store: Stored) -> Response:
    """Let somebody in no more."""
    _from_our_page(request, deed)
    must_manage(request)
    return _try(request, store, deed, lambda: accounts_of(request, deed.who, "console").disable(deed.name))


@router.post("/people/tokens")
@needs("admin")
def give(request: Request, deed: Sent, store: Stored) -> Response:
    """Give somebody a token or a signing key; this answer shows it and no other does."""
    _from_our_page(request, deed)
    must_manage(request)
    use: Use = "topic" if deed.use == "topic" else "console"
    if deed.days not in DAYS:
        raise HTTPException(422, "A token is good for as long as the form offers.")
    days = float(deed.days) if deed.days else None
    try:
        wanted = Wanted(deed.name, use, deed.scope, days, deed.note.strip())
        made = accounts_of(request, deed.who, "console").make(wanted)
    except AccountError as error:
        return _person(request, store, deed.name, wrong=str(error))
    answer = _person(request, store, deed.name, made=made, use=use)
    answer.headers["Cache-Control"] = "no-store"
    return _remembering(answer, request, deed)


@router.post("/people/revoke")
@needs("viewer")
def revoke(request: Request, deed: Sent, store: Stored) -> Response:
    """Revoke a token or a key; who is not admin, one of their own."""
    _from_our_page(request, deed)
    return _try(
        request, store, deed, lambda: accounts_of(request, deed.who, "console").revoke(deed.token), "revoked"
    )


@router.post("/people/sessions")
@needs("viewer")
def end_sessions(request: Request, deed: Sent, store: Stored) -> Response:
    """End one session or all; who is not admin, their own."""
    _from_our_page(request, deed)
    whose = "" if deed.own else deed.name
    body = SessionsBody(user=whose, session=deed.session or None, who=deed.who)
    return _try(request, store, deed, lambda: end(request, body, "console"), "ended")


@router.get("/account")
@needs("viewer")
def account(request: Request, store: Stored, done: str = "") -> Response:
    """What is good of the visitor's own: tokens, keys, sessions."""
    return _account(request, store, done=DONE.get(done, ""))


def _people(request: Request, store: Store, *, wrong: str = "") -> Response:
    tokens, sessions = tokens_of(request), sessions_of(request)
    shown = {
        "users": users_of(request),
        "tokens": tokens[:TOKENS],
        "left_out": max(0, len(tokens) - TOKENS),
        "good": Counter((one.person, one.use) for one in tokens if one.state == "good"),
        "seen": _seen([(one.person, one.used_at) for one in tokens]),
        "sessions": Counter(one.person for one in sessions),
        **_common(store, wrong=wrong),
    }
    return answers_of(request).page(request, "people.html", shown, 422 if wrong else 200)


def _person(
    request: Request,
    store: Store,
    name: str,
    *,
    done: str = "",
    wrong: str = "",
    made: str = "",
    use: str = "",
) -> Response:
    shown = {
        "user": user_of(request, name),
        "tokens": tokens_of(request, name),
        "sessions": sessions_of(request, name),
        "made": made,
        "use": use,
        "days": DAYS,
        "mine": _mine(request),
        **_common(store, done, wrong),
    }
    return answers_of(request).page(request, "person.html", shown, 422 if wrong else 200)


def _account(request: Request, store: Store, *, done: str = "", wrong: str = "") -> Response:
    shown = {"me": own(request), "mine": _mine(request), **_common(store, done, wrong)}
    return answers_of(request).page(request, "account.html", shown, 422 if wrong else 200)


def _common(store: Store, done: str = "", wrong: str = "") -> dict[str, Any]:
    known = [one.name for one in reading.summaries(store)]
    return {"done": done, "wrong": wrong, "ROLES": ROLES, "known": known, "tally": reading.tally(store)}


def _mine(request: Request) -> str:
    """The id of the session that the visitor is in; empty where it is none that can be ended."""
    doorman, cookie = request.app.state.doorman, visit_of(request).cookie
    assert isinstance(doorman, Doorman)
    return doorman.sessions.id(cookie) if cookie else ""


def _seen(used: list[tuple[str, float | None]]) -> dict[str, float]:
    """When a token of each person was last shown."""
    found: dict[str, float] = {}
    for name, at in used:
        found[name] = max(found.get(name, 0.0), at or 0.0)
    return found


def _from_our_page(request: Request, deed: Deed) -> None:
    if not visit_of(request).allows_change(deed.csrf):
        raise HTTPException(403, "The form is not from this console: go back, load the page again.")


def _try(
    request: Request, store: Store, deed: Deed, change: Callable[[], object], done: str = "disabled"
) -> Response:
    try:
        change()
    except AccountError as error:
        if _is_own(request, deed):
            return _account(request, store, wrong=str(error))
        return _person(request, store, deed.name, wrong=str(error))
    return _back(request, deed, done)


def _is_own(request: Request, deed: Deed) -> bool:
    """Whether the form was on the visitor's own page; who manages nobody has no other."""
    return bool(deed.own) or not visit_of(request).person.manages


def _back(request: Request, deed: Deed, done: str) -> Response:
    own_page = _is_own(request, deed)
    kept = {"done": done} if own_page else {"name": deed.name.strip(), "done": done}
    path = "/account" if own_page else "/people/one"
    return _remembering(RedirectResponse(f"{path}?{urlencode(kept)}", 303), request, deed)


def _remembering(answer: Response, request: Request, deed: Deed) -> Response:
    """The answer, and the name that was written for the next time."""
    if not visit_of(request).person.name:
        set_cookie(answer, request, WHO, quote(deed.who.strip()), age=365 * 86_400)
    return answer
