"""Access: who may see the console and who may change something through it.

One secret token opens it, as with notebooks: it is in the address that is printed at the start, or
in an ``Authorization: Bearer`` header. A browser exchanges it for a cookie on its first visit. Users
have tokens of their own, or sign in with somebody who vouches for them. The gate stands before every
route, so a route that is added later is closed too.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


class Keeper(Protocol):
    """Who is asked at the gate; see :mod:`fluvial.console.keeper`."""

    def answer(self, request: Request, refuse: Refuse) -> Response | None:
        """Why a request may not pass; None where it may."""


class Gate:
    """ASGI middleware before every route: host, visitor, role, origin of changes; headers on every answer.

    This is the one place where somebody is let in or not; which role a route needs it says itself.
    """

    def __init__(self, app: ASGIApp, keeper: "Keeper", hosts: Hosts, refuse: Refuse) -> None:
        self._app, self._keeper, self._hosts, self._refuse = app, keeper, hosts, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass or answer it here. There are no web sockets."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            # The store says who somebody is, and it may be slow: others are served meanwhile.
            answer = await run_in_threadpool(self._answer, Request(scope)) or self._app
            await answer(scope, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _answer(self, request: Request) -> Response | None:
        host, path = request.headers.get("host", ""), request.scope["path"]
        if host not in self._hosts:
            return self._refuse(request, 400, "The console does not answer to this host name.")
        if "\0" in path or b"%00" in request.scope["query_string"]:
            return self._refuse(request, 400, "The address holds a NUL character.")
        return self._keeper.answer(request, self._refuse)


def address(request: Request) -> str:
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
