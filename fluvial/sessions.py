"""Sessions: browsers that were let in; each can be ended here, whatever its cookie says.

The cookie is a random number, kept as the hash of a token is. What its page has to send back with each
change (the CSRF token) is made of the cookie, so it belongs to this session alone.
"""

import hashlib
import hmac
import secrets
import time

import sqlalchemy as sa

from fluvial.accounts import Accounts, holding, person_of
from fluvial.people import Person
from fluvial.store import Store, person_table, session_table

LASTS = 12 * 3600.0
"""Seconds after which a browser has to sign in again."""


class Sessions:
    """The sessions in a store."""

    def __init__(self, store: Store) -> None:
        self._store, self._accounts = store, Accounts(store)

    def open(self, person: str, token: str | None = None) -> str:
        """Open a session for somebody who was let in, by a token or otherwise; returns its cookie."""
        cookie, now = secrets.token_urlsafe(32), time.time()
        row = {"hash": self._accounts.hash(cookie), "person": person, "token": token, "made_at": now}
        with self._store.write() as db:
            db.execute(sa.delete(session_table).where(session_table.c.expires_at < now))
            db.execute(sa.insert(session_table).values(**row, expires_at=now + LASTS))
        return cookie

    def person(self, cookie: str) -> Person | None:
        """Whose session a cookie is; None where it has ended, or what it was opened with is good no more."""
        column = session_table.c
        query = sa.select(session_table).where(
            column.hash == self._accounts.hash(cookie),
            column.ended_at.is_(None),
            column.expires_at > time.time(),
        )
        with self._store.read() as db:
            row = db.execute(query).first()
            if row is None:
                return None
            if row.token is not None:
                held = holding(db, row.token, "console")
                return None if held is None else person_of(held)
            return _user(db, row.person)

    def end(self, cookie: str) -> None:
        """End a session; its cookie opens nothing any more."""
        ended = sa.update(session_table).where(session_table.c.hash == self._accounts.hash(cookie))
        with self._store.write() as db:
            db.execute(ended.values(ended_at=time.time()))

    def csrf(self, cookie: str) -> str:
        """What a page of this session sends back with each change."""
        key = self._store.key_for("csrf") or b"csrf"
        return hmac.new(key, cookie.encode(), hashlib.sha256).hexdigest()


def _user(db: sa.Connection, name: str) -> Person | None:
    row = db.execute(sa.select(person_table).where(person_table.c.name == name)).first()
    if row is None or row.disabled_at is not None:
        return None
    pipelines = None if row.pipelines is None else tuple(row.pipelines)
    return Person(row.name, row.role, pipelines, f"signed in by {row.source}")
