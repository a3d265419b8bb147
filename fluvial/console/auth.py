"""Access: who may see the console and who may change something through it.

One secret token opens it, as with notebooks: it is in the address that is printed at the start, or
in an ``Authorization: Bearer`` header. A browser exchanges it for a cookie on its first visit. The
gate stands before every route, so a route that is added later is closed too.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from urllib.parse import quote, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN = ("/healthz", "/static/")
"""What needs no token: a probe has none, and style sheets are no secret."""

WEBHOOK = "/api/v1/alerts"
"""Where Alertmanager tells of alerts; the token for it opens nothing else."""

SAFE = ("GET", "HEAD", "OPTIONS")

HEADERS = {
    # Plotly would add a <style> of its own; static/plotly.css stands in for it, so none is allowed.
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it a browser sends "Origin: null" with our own forms. Other sites see nothing.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Refuse = Callable[[Request, int, str], Response]
"""Makes the answer to a refused request: status and a sentence that says what to do."""


class Access:
    """What a visitor has to show; everything else is derived from the token.

    ``webhook`` is the token for Alertmanager, which may tell of alerts and do nothing else; without
    it the console's own is needed there too.
    """

    def __init__(self, token: str, webhook: str = "") -> None:
        if min(len(token), len(webhook or token)) < 16:
            raise ValueError("a console's token has at least 16 characters: leave it out to get a good one")
        self._token, self._webhook = token, webhook or token
        self.session, self.csrf = self._derive("session"), self._derive("csrf")
        # Cookies do not know ports: two consoles on one machine must not sign each other's visitors out.
        self.cookie = f"fluvial_{self._derive('name')[:8]}"

    def admits(self, token: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(token.encode(), self._token.encode())

    def may_call(self, token: str) -> bool:
        """Whether this is the token of Alertmanager."""
        return hmac.compare_digest(token.encode(), self._webhook.encode())

    def knows(self, session: str) -> bool:
        """Whether this is the cookie that was given for the token."""
        return hmac.compare_digest(session.encode(), self.session.encode())

    def allows_change(self, csrf: str) -> bool:
        """Whether a form or script came from one of our own pages."""
        return hmac.compare_digest(csrf.encode(), self.csrf.encode())

    def _derive(self, purpose: str) -> str:
        return hmac.new(self._token.encode(), f"fluvial {purpose}".encode(), hashlib.sha256).hexdigest()


class Hosts:
    """Which names the console answers to; a name of anybody else comes from DNS rebinding.

    An address of digits is always right: no other site can have it as its name.
    """

    _HEADER = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/?#@\\\[\]]+)(:\d{1,5})?", re.IGNORECASE | re.ASCII)

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {"localhost", *(name.lower() for name in names)}

    def __contains__(self, header: str) -> bool:
        match = self._HEADER.fullmatch(header)
        name = match[1].strip("[]").lower() if match else ""
        return name in self._names or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class Gate:
    """ASGI middleware before every route: host, token, origin of changes; and headers on every answer."""

    def __init__(self, app: ASGIApp, access: Access, hosts: Hosts, refuse: Refuse) -> None:
        self._app, self._access, self._hosts, self._refuse = app, access, hosts, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass or answer it here. There are no web sockets."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._answer(Request(scope)) or self._app
            await answer(scope, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _answer(self, request: Request) -> Response | None:
        host, path = request.headers.get("host", ""), request.scope["path"]
        if host not in self._hosts:
            return self._refuse(request, 400, "The console does not answer to this host name.")
        if "\0" in path or b"%00" in request.scope["query_string"]:
            return self._refuse(request, 400, "The address holds a NUL character.")
        if path == OPEN[0] or path.startswith(OPEN[1]):
            return None
        if "authorization" in request.headers:
            return self._bearer(request)
        if "token" in request.query_params and request.method == "GET":
            return self._sign_in(request)
        return self._visitor(request)

    def _bearer(self, request: Request) -> Response | None:
        scheme, _, token = request.headers["authorization"].partition(" ")
        shown = token.strip()
        known = self._access.admits(shown) or (
            (request.method, request.scope["path"]) == ("POST", WEBHOOK) and self._access.may_call(shown)
        )
        request.state.bearer = scheme.lower() == "bearer" and known
        return None if request.state.bearer else self._refuse(request, 401, "The bearer token is wrong.")

    def _sign_in(self, request: Request) -> Response:
        if not self._access.admits(request.query_params["token"]):
            return self._refuse(request, 401, "The token in the address is wrong.")
        answer = RedirectResponse(_address(request), 303)
        set_cookie(answer, request, self._access.cookie, self._access.session)
        return answer

    def _visitor(self, request: Request) -> Response | None:
        if not self._access.knows(request.cookies.get(self._access.cookie, "")):
            answer = self._refuse(request, 401, "This browser has not been let in yet.")
            if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
                # A link on another site (Grafana, a mail): strict cookies are not sent with it, but
                # they are when our own answer leads here once more.
                answer.headers["Refresh"] = f"0; url={_address(request)}"
            return answer
        host, origin = request.headers["host"], request.headers.get("origin")
        if request.method not in SAFE and origin not in (f"http://{host}", f"https://{host}"):
            return self._refuse(request, 403, "The request came from another site: nothing was changed.")
        return None


def _address(request: Request) -> str:
    """The address that was asked for, without the token and never on another host."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
    path = quote("/" + request.scope["path"].lstrip("/"))
    return f"{path}?{urlencode(kept)}" if kept else path


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_with_headers


def set_cookie(answer: Response, request: Request, name: str, value: str, age: int | None = None) -> None:
    """Set a cookie that no script and no other site can use."""
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, max_age=age, httponly=True, samesite="strict", secure=secure)
