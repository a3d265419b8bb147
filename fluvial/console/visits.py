"""Visits: who a request comes from, by what it shows; and what its pages have to send back."""

import hmac
from typing import NamedTuple

from starlette.requests import Request

from fluvial.accounts import Accounts
from fluvial.console.auth import Access
from fluvial.people import Person
from fluvial.sessions import Sessions
from fluvial.store import Store

LOCAL = Person("", "admin", how="the console's own token")
"""Whoever knows the console's own token; the name they decide under is what they write."""

NOBODY = Person("", "viewer", (), how="nothing")
"""Whoever uses what is open to all: they see nothing of any pipeline."""

ALERTMANAGER = Person("Alertmanager", "operator", how="the webhook's token")


class Visit(NamedTuple):
    """Who is there. ``csrf`` is None for programs: no browser adds an Authorization header by itself.

    ``cookie`` is that of a session that can be ended.
    """

    person: Person
    csrf: str | None = None
    cookie: str = ""

    def allows_change(self, csrf: str) -> bool:
        """Whether a change comes from a program, or from a page of this very session."""
        return self.csrf is None or hmac.compare_digest(csrf.encode("utf-8", "replace"), self.csrf.encode())


class Doorman:
    """Knows visitors by token or cookie; ``local`` says whether the console's own token opens it."""

    def __init__(self, access: Access, store: Store, *, local: bool = True) -> None:
        self._access, self.local = access, local
        self.accounts, self.sessions = Accounts(store), Sessions(store)

    def shown(self, token: str, *, to_webhook: bool) -> Visit | None:
        """The visit of a program that shows a token with its request."""
        if self.is_local(token):
            return Visit(LOCAL)
        if to_webhook and self._access.may_call(token):
            return Visit(ALERTMANAGER)
        admitted = self.accounts.admit(token)
        return None if admitted is None else Visit(admitted[1])

    def is_local(self, token: str) -> bool:
        """Whether this is the console's own token, and it may be used."""
        return self.local and self._access.admits(token)

    def returning(self, request: Request) -> Visit | None:
        """The visit of a browser that was let in before."""
        cookie = request.cookies.get(self._access.cookie, "")
        if not cookie:
            return None
        if self.local and self._access.knows(cookie):
            return Visit(LOCAL, self._access.csrf)
        person = self.sessions.person(cookie)
        return None if person is None else Visit(person, self.sessions.csrf(cookie), cookie)


def visit_of(request: Request) -> Visit:
    """The visit that a request belongs to, as the gate found it."""
    visit = request.state.visit
    assert isinstance(visit, Visit)
    return visit
