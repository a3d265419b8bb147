"""Gatekeeper: whether a request may pass: who is there, what the route needs, where a change comes from."""

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fluvial.audit import Fact
from fluvial.console.auth import SAFE, WEBHOOK, Access, Refuse, address, set_cookie
from fluvial.console.needs import Needs, Rule
from fluvial.console.refusals import Refusals
from fluvial.console.visits import NOBODY, Doorman, Visit
from fluvial.store import StoreError

logger = structlog.get_logger()


class Gatekeeper:
    """Judges every request; what it refuses is written into the audit trail."""

    def __init__(self, access: Access, doorman: Doorman, needs: Needs, refusals: Refusals) -> None:
        self._access, self._doorman, self._needs = access, doorman, needs
        self._refusals = refusals

    def answer(self, request: Request, refuse: Refuse) -> Response | None:
        """Why a request may not pass; None where it may, with ``request.state.visit`` saying who it is."""
        try:
            return self._judged(request, refuse)
        except StoreError as error:
            return refuse(request, 503, str(error))

    def _judged(self, request: Request, refuse: Refuse) -> Response | None:
        rule = self._needs.of(request.scope)
        if rule is not None and rule.open:
            return self._from_elsewhere(request, refuse, Visit(NOBODY))
        if "authorization" in request.headers:
            visit = self._bearer(request)
            if visit is None:
                return self._unknown(request, refuse, "The bearer token is wrong.")
        elif "token" in request.query_params and request.method == "GET":
            return self._let_in(request, refuse)
        else:
            visit = self._doorman.returning(request)
            if visit is None:
                return self._stranger(request, refuse)
        request.state.visit = visit
        return self._forbidden(request, refuse, rule, visit) or self._from_elsewhere(request, refuse, visit)

    def _bearer(self, request: Request) -> Visit | None:
        scheme, _, token = request.headers["authorization"].partition(" ")
        to_webhook = (request.method, request.scope["path"]) == ("POST", WEBHOOK)
        return (
            self._doorman.shown(token.strip(), to_webhook=to_webhook) if scheme.lower() == "bearer" else None
        )

    def _let_in(self, request: Request, refuse: Refuse) -> Response:
        """Exchange the console's own token in the address for a cookie."""
        if not self._doorman.is_local(request.query_params["token"]):
            return self._unknown(request, refuse, "The token in the address is wrong.")
        answer = RedirectResponse(address(request), 303)
        set_cookie(answer, request, self._access.cookie, self._access.session)
        self._refusals.note(Fact("signin", "", "console", detail={"shown": "the console's own token"}))
        return answer

    def _stranger(self, request: Request, refuse: Refuse) -> Response:
        answer = refuse(request, 401, "This browser has not been let in yet.")
        if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
            # A link on another site (Grafana, a mail): strict cookies are not sent with it, but
            # they are when our own answer leads here once more.
            answer.headers["Refresh"] = f"0; url={address(request)}"
        return answer

    def _unknown(self, request: Request, refuse: Refuse, why: str) -> Response:
        self._refusals.stranger(request, why)
        return refuse(request, 401, why)

    def _forbidden(
        self, request: Request, refuse: Refuse, rule: Rule | None, visit: Visit
    ) -> Response | None:
        if rule is None:
            return refuse(request, 404, "Nothing has this address.")
        if not rule.need:
            logger.error("a route says not whom it is for", path=rule.path)
            why = "Nobody may use this address: it does not say whom it is for."
        elif rule.need[0] is not None and not visit.person.reaches(rule.need[0]):
            why = f"This needs the role {rule.need[0]}; yours is {visit.person.role}."
        else:
            return None
        self._refusals.person(request, visit.person, why)
        return refuse(request, 403, why)

    def _from_elsewhere(self, request: Request, refuse: Refuse, visit: Visit) -> Response | None:
        """A change that a browser was led to by another site: it sends where the page came from."""
        request.state.visit = visit
        by_program = visit.csrf is None and "authorization" in request.headers
        host, origin = request.headers["host"], request.headers.get("origin")
        if request.method in SAFE or by_program or origin in (f"http://{host}", f"https://{host}"):
            return None
        why = "The request came from another site: nothing was changed."
        self._refusals.person(request, visit.person, why)
        return refuse(request, 403, why)
