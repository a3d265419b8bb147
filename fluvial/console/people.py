"""People in the API: users, tokens and sessions, for admins; and for everybody what is their own."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from starlette.responses import Response

from fluvial.accounts import PREFIX, Accounts, NoSuchAccount, Scope, Wanted
from fluvial.console.api import REFUSALS, may_change
from fluvial.console.needs import needs
from fluvial.console.people_models import (
    Ended,
    IdBody,
    Me,
    NameBody,
    SessionsBody,
    SessionView,
    TokenBody,
    TokenMade,
    TokenView,
    UserBody,
    UserView,
)
from fluvial.console.visits import visit_of
from fluvial.people import NotAllowed
from fluvial.sessions import Ending, Sessions
from fluvial.store import Store

Whose = Annotated[str | None, Query(max_length=200, description="only this user's")]

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=REFUSALS)


def store_of(request: Request) -> Store:
    """The whole store: what is changed in it here is judged by who asks, not by pipelines."""
    store = request.app.state.store
    assert isinstance(store, Store)
    return store


def accounts_of(request: Request, who: str = "", channel: str = "api") -> Accounts:
    """The accounts as whoever asks may change them. Raises NotAllowed for somebody else's name."""
    return Accounts(store_of(request), named(request, who), channel, visit_of(request).person)


def named(request: Request, who: str) -> str:
    """The name that somebody acts under: the one they proved, or else the one they wrote."""
    if not (name := visit_of(request).person.named(who.strip())):
        raise HTTPException(422, "Say who you are: every change has a name.")
    return name


def must_manage(request: Request) -> None:
    """Refuse whoever manages nobody. Raises NotAllowed."""
    if not visit_of(request).person.manages:
        raise NotAllowed("people are managed by admins who are confined to no pipeline")


def users_of(request: Request) -> list[UserView]:
    """All users, by name."""
    found = [UserView.model_validate(one) for one in Accounts(store_of(request)).users()]
    return sorted(found, key=lambda one: one.name.casefold())


def user_of(request: Request, name: str) -> UserView:
    """One user. Raises NoSuchAccount."""
    found = next((one for one in users_of(request) if one.name == name), None)
    if found is None:
        raise NoSuchAccount(f"no user is called {name!r}: see /people")
    return found


def tokens_of(request: Request, person: str | None = None) -> list[TokenView]:
    """Tokens and keys, the newest first."""
    now, found = time.time(), Accounts(store_of(request)).tokens(person)
    return [_token(one, now) for one in found]


def sessions_of(request: Request, person: str | None = None) -> list[SessionView]:
    """Sessions that go on, the newest first."""
    found = Sessions(store_of(request)).going_on(person)
    return [SessionView.model_validate(one._asdict()) for one in found]


def own(request: Request) -> Me:
    """Who asks, and what is theirs."""
    person = visit_of(request).person
    tokens, sessions = (tokens_of, sessions_of) if person.name else (_none, _none)
    return Me(
        name=person.name,
        role=person.role,
        pipelines=None if person.pipelines is None else list(person.pipelines),
        tokens=tokens(request, person.name),
        sessions=sessions(request, person.name),
    )


def end(request: Request, body: SessionsBody, channel: str = "api") -> int:
    """End sessions. Raises NoSuchAccount, NotAllowed."""
    person = visit_of(request).person
    user = body.user or person.name
    if not user:
        raise HTTPException(422, "Say whose sessions are to be ended.")
    ending = Ending(user, body.session, named(request, body.who), channel, person)
    return Sessions(store_of(request)).revoke(ending)


def _none(_request: Request, _person: str) -> list[Any]:
    return []


def _token(row: dict[str, Any], now: float) -> TokenView:
    over = row["expires_at"] is not None and row["expires_at"] <= now
    state = "revoked" if row["revoked_at"] is not None else "expired" if over else "good"
    return TokenView.model_validate({**row, "begins": f"{PREFIX}_{row['id']}_", "state": state})


@router.get("/users", dependencies=[Depends(must_manage)])
@needs("admin")
def users(request: Request) -> list[UserView]:
    """All users, by name."""
    return users_of(request)


@router.put("/users", dependencies=[Depends(may_change)])
@needs("admin")
def put_user(request: Request, body: UserBody) -> UserView:
    """Add a user, or change the role and the pipelines of one; who was disabled is let in again."""
    pipelines = None if body.pipelines is None else tuple(body.pipelines)
    accounts_of(request, body.who).add(body.name, Scope(body.role, pipelines))
    return user_of(request, body.name)


@router.post("/users/disable", dependencies=[Depends(may_change)])
@needs("admin")
def disable_user(request: Request, body: NameBody) -> UserView:
    """Let a user in no more; their sessions and tokens open nothing from now on."""
    accounts_of(request, body.who).disable(body.name)
    return user_of(request, body.name)


@router.get("/tokens", dependencies=[Depends(must_manage)])
@needs("admin")
def tokens(request: Request, user: Whose = None) -> list[TokenView]:
    """Tokens and signing keys, the newest first, without what would open anything."""
    return tokens_of(request, user)


@router.post("/tokens", dependencies=[Depends(may_change)])
@needs("admin")
def make_token(request: Request, response: Response, body: TokenBody) -> TokenMade:
    """Make a token, or a key that signs reviews for the topic; only this answer ever tells it."""
    response.headers["Cache-Control"] = "no-store"
    pipelines = None if body.pipelines is None else tuple(body.pipelines)
    wanted = Wanted(body.user, body.use, Scope(body.role, pipelines), body.days, body.note)
    token = accounts_of(request, body.who).make(wanted)
    return TokenMade(id=token.split("_")[1], token=token)


@router.post("/tokens/revoke", dependencies=[Depends(may_change)])
@needs("viewer")
def revoke_token(request: Request, body: IdBody) -> TokenView:
    """Make a token open nothing, nor the sessions that it opened; who is not admin, one of their own."""
    accounts_of(request, body.who).revoke(body.id)
    return next(one for one in tokens_of(request) if one.id == body.id)


@router.get("/sessions", dependencies=[Depends(must_manage)])
@needs("admin")
def sessions(request: Request, user: Whose = None) -> list[SessionView]:
    """Browsers that are let in, the newest first."""
    return sessions_of(request, user)


@router.post("/sessions/revoke", dependencies=[Depends(may_change)])
@needs("viewer")
def revoke_sessions(request: Request, body: SessionsBody) -> Ended:
    """End sessions; their browsers have to sign in again. Who is not admin ends their own."""
    return Ended(ended=end(request, body))


@router.get("/me")
@needs("viewer")
def me(request: Request) -> Me:
    """Who asks, in which role, and their own tokens and sessions."""
    return own(request)
