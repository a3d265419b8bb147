"""The console as an ASGI application: pages for people, an API for programs, one gate before both."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, cast

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from consumers.log import Log, LogUnavailable
from fluvial.accounts import NoSuchAccount
from fluvial.audit import BrokenTrail
from fluvial.card.keep import NoCard
from fluvial.console import api, audit, bulk, pages, people, people_pages, room_pages, shadow, signin
from fluvial.console import webhook as webhook_api
from fluvial.console.answers import ASSETS, Answers
from fluvial.console.auth import Access, Gate, Hosts
from fluvial.console.deciding import Unclear, explain
from fluvial.console.keeper import Gatekeeper
from fluvial.console.models import ConflictProblem, Health, Problem
from fluvial.console.needs import Needs, open_to_all
from fluvial.console.oidc import Provider
from fluvial.console.pulse import Pulse, versions
from fluvial.console.refusals import Refusals
from fluvial.console.samples import Samples
from fluvial.console.visits import Doorman
from fluvial.incidents import NoSuchIncident
from fluvial.opening import open_log
from fluvial.people import AccountError, NotAllowed
from fluvial.reviews import Conflict, NoSuchPipeline, NotPossible
from fluvial.settings import Settings
from fluvial.store import Store, StoreUnavailable, schema_table

DESCRIPTION = """Pipelines, incidents and decisions, as the pages show them.

Send a token as `Authorization: Bearer`. Times ending in `_at` are clock times, others
event times; both in seconds since 1970 UTC."""

STATUS: dict[type[Exception], int] = {
    NoSuchAccount: 404,  # before AccountError, of which it is one
    AccountError: 422,
    NoCard: 404,
    NoSuchIncident: 404,
    NoSuchPipeline: 404,
    NotAllowed: 403,
    NotPossible: 422,
    Unclear: 422,
    StoreUnavailable: 503,
    BrokenTrail: 503,
}
"""What a refusal means to a browser or a program."""

Handler = Callable[[Request, Exception], Awaitable[Response] | Response]


class SignIn(NamedTuple):
    """How people get in beside showing a token of their own.

    ``local`` says whether the console's own token opens it; ``provider`` vouches for users by OpenID
    Connect.
    """

    local: bool = True
    provider: Provider | None = None


BY_TOKEN = SignIn()


def create(
    store: Store,
    *,
    token: str,
    webhook: str = "",
    names: Sequence[str] = (),
    here: Settings | None = None,
    sign_in: SignIn = BY_TOKEN,
) -> FastAPI:
    """Make the console of a store.

    ``webhook`` is the token for Alertmanager; ``names`` are host names it answers to beside localhost;
    ``here`` are the settings of its machine, to be shown and to find the log.
    """
    app = FastAPI(
        title="fluvial",
        version="1",
        description=DESCRIPTION,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # a route of our own, which says whom it is for
    )
    access = Access(token, webhook)
    answers, refusals = Answers(), Refusals(store)
    doorman = Doorman(access, store, local=sign_in.local)
    app.state.store, app.state.access, app.state.answers = store, access, answers
    app.state.doorman, app.state.refusals, app.state.provider = doorman, refusals, sign_in.provider
    keeper = Gatekeeper(access, doorman, Needs(app), refusals)
    app.add_middleware(Gate, keeper=keeper, hosts=Hosts(names), refuse=answers.refuse)
    for part in (pages, room_pages, people_pages, api, people, shadow, webhook_api, signin, audit):
        app.include_router(part.router)
    app.include_router(bulk.pages)
    app.include_router(bulk.api)
    app.state.here, app.state.samples = here, Samples(_log_of(here))
    app.state.pulse = Pulse(lambda: versions(store))
    app.get("/static/{name}", include_in_schema=False)(static)
    app.get("/healthz", response_model=Health, responses={503: {"model": Problem}})(healthz)
    _handle_refusals(app, answers)
    return app


def _log_of(here: Settings | None) -> Callable[[], Log] | None:
    def opened() -> Log:
        assert here is not None
        if here.bootstrap is None and not here.log_path.exists():  # opening it would make the file
            raise LogUnavailable(f"{here.log_path} is not there")
        return open_log(here, patience=2.0)

    return None if here is None else opened


@open_to_all
def static(request: Request, name: str) -> Response:
    """A style sheet or script; its address changes with its content, so it may be kept for a year."""
    if name not in ASSETS:
        raise HTTPException(404, "No file has this name.")
    kept = "public, max-age=31536000, immutable" if "v" in request.query_params else "no-cache"
    return FileResponse(ASSETS[name], headers={"Cache-Control": kept})


@open_to_all
def healthz(store: api.Stored) -> Response:
    """Whether the console can read its store; needs no token, so it does not say which store."""
    try:
        with store.read() as db:
            db.execute(sa.select(schema_table.c.version))
    except StoreUnavailable:
        return JSONResponse({"detail": "The store does not answer."}, 503)
    return JSONResponse({"status": "ok"})


def _handle_refusals(app: FastAPI, answers: Answers) -> None:
    def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return answers.refuse(request, error.status_code, error.detail)
        status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
        return answers.refuse(request, status, str(error))

    def conflicting(_request: Request, error: Exception) -> Response:
        problem = ConflictProblem(detail=str(error), who=cast(Conflict, error).who)
        return JSONResponse(problem.model_dump(), 409)

    def unclear(request: Request, error: Exception) -> Response:
        return answers.refuse(request, 422, explain(cast(RequestValidationError, error).errors()))

    for kind in (*STATUS, HTTPException):
        app.add_exception_handler(kind, refused)
    app.add_exception_handler(Conflict, conflicting)
    app.add_exception_handler(RequestValidationError, unclear)
