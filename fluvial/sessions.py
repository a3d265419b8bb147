"""Sessions: browsers that were let in; each can be ended here, whatever its cookie says.

The cookie is a random number, kept as the hash of a token is. What its page has to send back with each
change (the CSRF token) is made of the cookie, so it belongs to this session alone.
"""

import hashlib
import hmac
import secrets
import time
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.accounts import Accounts, NoSuchAccount, holding, person_of
from fluvial.audit import Fact, append
from fluvial.people import TRUSTED, NotAllowed, Person
from fluvial.store import Store, person_table, session_table, token_table

LASTS = 12 * 3600.0
"""Seconds after which a browser has to sign in again."""

NAMED_BY = 12
"""Characters of a session's hash that name it: nobody finds its cookie by them."""


class Session(NamedTuple):
    """A session that goes on: whose it is, by which token it was opened (None: a provider vouched).

    Times are clock times (s since 1970 UTC).
    """

    id: str
    person: str
    token: str | None
    made_at: float
    expires_at: float


class Ending(NamedTuple):
    """Whose sessions are to be ended, which one of them (None: all), and who does it in which name."""

    person: str
    session: str | None = None
    who: str = ""
    channel: str = "cli"
    by: Person = TRUSTED


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

    def id(self, cookie: str) -> str:
        """What the session of a cookie is called in lists."""
        return self._accounts.hash(cookie)[:NAMED_BY]

    def going_on(self, person: str | None = None) -> list[Session]:
        """The sessions that can still be used, of everybody or of one person, the newest first.

        Those whose user or token is good no more are not among them.
        """
        column, token, now = session_table.c, token_table.c, time.time()
        let_in = sa.and_(person_table.c.name == column.person, person_table.c.disabled_at.is_(None))
        query = (
            sa.select(session_table)
            .join(person_table, let_in)
            .outerjoin(token_table, token.id == column.token)
            .where(column.ended_at.is_(None), column.expires_at > now, token.revoked_at.is_(None))
            .where(sa.or_(token.expires_at.is_(None), token.expires_at > now))
        )
        if person is not None:
            query = query.where(column.person == person)
        with self._store.read() as db:
            rows = db.execute(query.order_by(column.made_at.desc(), column.hash)).all()
        return [_session(row) for row in rows]

    def revoke(self, ends: "Ending") -> int:
        """End sessions of a person, all or one; returns how many. Raises NoSuchAccount, NotAllowed."""
        if not (ends.by.manages or (ends.by.name and ends.by.name == ends.person)):
            raise NotAllowed("sessions of others are ended by admins who are confined to no pipeline")
        column = session_table.c
        mine = column.person == ends.person, column.ended_at.is_(None), column.expires_at > time.time()
        update = sa.update(session_table).where(*mine).values(ended_at=time.time())
        if ends.session is not None:
            update = update.where(sa.func.substr(column.hash, 1, NAMED_BY) == ends.session)
        with self._store.write() as db:
            ended = int(db.execute(update).rowcount)
            if not ended and ends.session is not None:
                raise NoSuchAccount(f"{ends.person!r} has no session {ends.session!r}")
            detail = {"shown": ends.by.how, "session": ends.session, "ended": ended}
            append(db, Fact("session.revoked", ends.who, ends.channel, subject=ends.person, detail=detail))
        return ended

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


def _session(row: Any) -> Session:
    return Session(row.hash[:NAMED_BY], row.person, row.token, row.made_at, row.expires_at)
