"""Signing in and out: a token or a provider's word becomes a session of this browser."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from fluvial.audit import Fact
from fluvial.console.auth import Access, set_cookie
from fluvial.console.needs import needs, open_to_all
from fluvial.console.oidc import NotVouched, Provider
from fluvial.console.refusals import Refusals
from fluvial.console.visits import Doorman, visit_of
from fluvial.errors import ConfigError

PENDING = "fluvial_signin"
"""The cookie of a browser that is at the provider."""

router = APIRouter(include_in_schema=False)


@router.get("/signin")
@open_to_all
def page(request: Request, to: str = "/") -> Response:
    """Where people show a token or go to the provider."""
    return _page(request, to)


@router.post("/signin")
@open_to_all
def sign_in(
    request: Request, token: Annotated[str, Form()] = "", to: Annotated[str, Form()] = "/"
) -> Response:
    """Exchange a token for a session."""
    doorman, access, token = _doorman(request), _access(request), token.strip()
    if doorman.is_local(token):
        cookie, name, shown = access.session, "", "the console's own token"
    elif (admitted := doorman.accounts.admit(token)) is not None:
        cookie, name = doorman.sessions.open(admitted[1].name, admitted[0]), admitted[1].name
        shown = admitted[1].how
    else:
        _refusals(request).stranger(request, "The token is wrong.")
        return _page(request, to, "This token opens nothing: it is wrong, it has expired or was revoked.")
    answer = RedirectResponse(_ours(to), 303)
    set_cookie(answer, request, access.cookie, cookie)
    _refusals(request).note(Fact("signin", name, "console", detail={"shown": shown}))
    return answer


@router.get("/signin/provider")
@open_to_all
def to_provider(request: Request, to: str = "/") -> Response:
    """Send the browser to the provider."""
    try:
        address, kept = _provider(request).begin(_back(request), _ours(to))
    except NotVouched as error:
        raise HTTPException(503, str(error)) from None
    answer = RedirectResponse(address, 303)
    # Lax: the provider sends the browser back, which is a visit from another site.
    secure = request.url.scheme == "https"
    answer.set_cookie(
        PENDING, kept, max_age=600, path="/signin", httponly=True, samesite="lax", secure=secure
    )
    return answer


@router.get("/signin/back")
@open_to_all
def from_provider(request: Request) -> Response:
    """Open a session for whom the provider vouches for."""
    doorman = _doorman(request)
    try:
        vouched = _provider(request).finish(request.cookies.get(PENDING, ""), str(request.url))
        doorman.accounts.vouched(vouched.name, vouched.scope, vouched.source)
    except (NotVouched, ConfigError) as error:
        _refusals(request).stranger(request, str(error))
        raise HTTPException(403, str(error)) from None
    # No redirect: it would still count as coming from the provider, and strict cookies are not sent then.
    said = f"You are signed in as {vouched.name}."
    answer: Response = request.app.state.answers.message(request, "Welcome", said)
    answer.headers["Refresh"] = f"0; url={vouched.next}"
    set_cookie(answer, request, _access(request).cookie, doorman.sessions.open(vouched.name))
    answer.delete_cookie(PENDING, path="/signin")
    detail = {"shown": vouched.source}
    _refusals(request).note(Fact("signin", vouched.name, "console", detail=detail))
    return answer


@router.post("/signout")
@needs("viewer")
def sign_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
    """End this browser's session, here and not only in its cookie."""
    visit = visit_of(request)
    if not visit.allows_change(csrf):
        raise HTTPException(403, "The form is not from this console: go back, load the page again.")
    if visit.cookie:
        _doorman(request).sessions.end(visit.cookie)
        _refusals(request).note(Fact("signout", visit.person.name, "console"))
    answer = RedirectResponse("/signin", 303)
    answer.delete_cookie(_access(request).cookie)
    return answer


def _page(request: Request, to: str, wrong: str = "") -> Response:
    provider = request.app.state.provider
    shown = {"to": _ours(to), "wrong": wrong, "provider": provider.name if provider else ""}
    answer: Response = request.app.state.answers.page(request, "signin.html", shown, 401 if wrong else 200)
    return answer


def _ours(to: str) -> str:
    """An address of this console, whatever was asked for."""
    parts = urlsplit(to)
    printable = to.isascii() and to.isprintable()
    ours = not parts.scheme and not parts.netloc and to.startswith("/") and to[1:2] not in ("/", "\\")
    return to if ours and printable else "/"


def _back(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}/signin/back"


def _provider(request: Request) -> Provider:
    provider = request.app.state.provider
    if provider is None:
        raise HTTPException(404, "Nobody vouches for users here: sign in with a token.")
    assert isinstance(provider, Provider)
    return provider


def _doorman(request: Request) -> Doorman:
    doorman = request.app.state.doorman
    assert isinstance(doorman, Doorman)
    return doorman


def _access(request: Request) -> Access:
    access = request.app.state.access
    assert isinstance(access, Access)
    return access


def _refusals(request: Request) -> Refusals:
    refusals = request.app.state.refusals
    assert isinstance(refusals, Refusals)
    return refusals
