"""Accounts: users in their roles, and the tokens they show.

A token is a random number of 256 bits that nobody can guess, so it is kept as a keyed hash that is fast
(HMAC-SHA256): what slows a guesser down helps passwords that people thought of, and would only make each
request slower here. Without the store's key the hashes in a stolen database cannot even be compared
with. Signing keys for the reviews topic are not kept at all: they are made of the store's key and of
the token's id, so that every worker can make them again.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from fluvial.audit import Fact, append
from fluvial.last_admin import keep_one
from fluvial.people import ROLES, TRUSTED, AccountError, NotAllowed, Person, Role
from fluvial.store import Store, StoreUnavailable, person_table, token_table

Use = Literal["console", "topic"]
"""What a token is for: to be shown to the console and its API, or to sign reviews for the topic."""

LOCAL = "local"
"""The source of users that were added here; of others it is who vouches for them."""

PREFIX = "fluvial"
"""How every token begins, so that one that leaked can be recognised."""

SELDOM = 60.0
"""Seconds between two notes of when a token was used."""

_NAME = re.compile(r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,198}[^\s\x00-\x1f\x7f]|[^\s\x00-\x1f\x7f]")


class Scope(NamedTuple):
    """What a user or a token is good for: up to which role, on which pipelines (None: on all)."""

    role: Role | None = None
    pipelines: tuple[str, ...] | None = None


class Wanted(NamedTuple):
    """A token that somebody asks for."""

    person: str
    use: Use = "console"
    scope: Scope = Scope()
    days: float | None = 90.0
    note: str = ""


class NoSuchAccount(AccountError):
    """Nobody has this name, or no token or session this id."""


class Accounts:
    """The users and tokens in a store.

    ``who`` and ``channel`` say who manages them, and ``person`` what they may: whoever manages nobody
    has to do with what is their own only. Methods that change something raise NotAllowed.
    """

    def __init__(self, store: Store, who: str = "", channel: str = "cli", person: Person = TRUSTED) -> None:
        self._store, self._who, self._channel, self._person = store, who, channel, person

    def add(self, name: str, scope: Scope) -> None:
        """Add a user, or change the role and the pipelines of one. Raises AccountError.

        The last admin stays one: without any, nobody could be let in from the console again.
        """
        self._must_manage()
        self._put(name, scope, LOCAL)

    def _put(self, name: str, scope: Scope, source: str) -> None:
        if not _NAME.fullmatch(name) or not name.isprintable():  # what cannot be seen disguises the rest
            raise AccountError(f"{name[:50]!r} is no name: write up to 200 characters in one line")
        if scope.role is None:
            raise AccountError(f"a user needs a role: {', '.join(ROLES)}")
        values = {"role": scope.role, "pipelines": _listed(scope.pipelines), "disabled_at": None}
        with self._store.write() as db:
            if source == LOCAL and (scope.role != "admin" or scope.pipelines is not None):
                keep_one(db, name)
            known = db.execute(sa.select(person_table).where(person_table.c.name == name)).first()
            if known is not None and known.source != source:
                raise AccountError(f"{name} is known from {known.source}: take another name")
            row = {"name": name, "source": source, "made_at": time.time(), **values}
            insert = self._store.insert(person_table).values(row)
            db.execute(insert.on_conflict_do_update(index_elements=["name"], set_=values))
            self._note(db, "user.added" if known is None else "user.changed", name, **scope._asdict())

    def vouched(self, name: str, scope: Scope, source: str) -> None:
        """Let a user in for whom somebody else vouches, with today's scope. Raises AccountError."""
        with self._store.read() as db:
            row = db.execute(sa.select(person_table).where(person_table.c.name == name)).first()
        if row is not None and row.source == source and row.disabled_at is not None:
            raise AccountError(f"{name} is let in no more")
        if row is None or (row.source, row.role, row.pipelines) != (
            source,
            scope.role,
            _listed(scope.pipelines),
        ):
            self._put(name, scope, source)

    def disable(self, name: str) -> None:
        """Let a user in no more; their sessions end and their tokens open nothing. Raises AccountError.

        The last admin is not disabled.
        """
        self._must_manage()
        with self._store.write() as db:
            keep_one(db, name)
            update = sa.update(person_table).where(person_table.c.name == name)
            if not db.execute(update.values(disabled_at=time.time())).rowcount:
                raise NoSuchAccount(f"no user is called {name!r}: see `fluvial users list`")
            self._note(db, "user.disabled", name)

    def users(self) -> list[dict[str, Any]]:
        """All users, by name."""
        with self._store.read() as db:
            rows = db.execute(sa.select(person_table).order_by(person_table.c.name)).all()
        return [dict(row._mapping) for row in rows]

    def tokens(self, person: str | None = None) -> list[dict[str, Any]]:
        """All tokens, the newest first, without what would open anything."""
        query = sa.select(*[column for column in token_table.c if column.name != "hash"])
        if person is not None:
            query = query.where(token_table.c.person == person)
        with self._store.read() as db:
            rows = db.execute(query.order_by(token_table.c.made_at.desc(), token_table.c.id)).all()
        return [dict(row._mapping) for row in rows]

    def make(self, wanted: Wanted) -> str:
        """Make a token; it is told now and never again. Raises AccountError."""
        self._must_manage()
        name, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row: dict[str, Any] = {"id": name, "person": wanted.person, "use": wanted.use, "note": wanted.note}
        row |= {"role": wanted.scope.role, "pipelines": _listed(wanted.scope.pipelines)}
        told = secret if wanted.use == "console" else signing_key(self._store, name).hex()
        now = time.time()
        row |= {"made_at": now, "expires_at": None if wanted.days is None else now + wanted.days * 86_400}
        row["hash"] = self.hash(secret) if wanted.use == "console" else ""
        with self._store.write() as db:
            query = sa.select(person_table).where(person_table.c.name == wanted.person)
            person = db.execute(query).first()
            if person is None or person.disabled_at is not None:
                raise NoSuchAccount(f"no user {wanted.person!r} is let in: see `fluvial users list`")
            db.execute(sa.insert(token_table).values(row))
            shown = {key: row[key] for key in ("person", "use", "role", "pipelines", "expires_at")}
            self._note(db, "token.made", name, **shown)
        return f"{PREFIX}_{name}_{told}"

    def revoke(self, token: str) -> None:
        """Make a token open nothing, nor the sessions that it opened. Raises AccountError.

        Who manages nobody can do this to tokens of their own.
        """
        column = token_table.c
        with self._store.write() as db:
            update = sa.update(token_table).where(column.id == token)
            if not self._person.manages:
                update = update.where(column.person == self._person.name)
            at = sa.func.coalesce(column.revoked_at, time.time())
            person = db.execute(update.values(revoked_at=at).returning(column.person)).scalar()
            if person is None:
                raise NoSuchAccount(f"no token has the id {token!r}: see `fluvial tokens list`")
            self._note(db, "token.revoked", token, person=person)

    def hash(self, secret: str) -> str:
        """What is kept of a secret of ours."""
        return hmac.new(self._store.key_for("tokens"), secret.encode(), hashlib.sha256).hexdigest()

    def admit(self, token: str) -> tuple[str, Person] | None:
        """The id and the holder of a token that is shown; None where it opens nothing."""
        parts = token.split("_", 2)
        if len(parts) != 3 or parts[0] != PREFIX or len(token) > 200:
            return None
        with self._store.read() as db:
            row = holding(db, parts[1], "console")
        if row is None or not hmac.compare_digest(row.hash, self.hash(parts[2])):
            return None
        self._used(row)
        return row.id, person_of(row)

    def _used(self, row: Any) -> None:
        now = time.time()
        if row.used_at is None or now - row.used_at > SELDOM:
            update = sa.update(token_table).where(token_table.c.id == row.id).values(used_at=now)
            with suppress(StoreUnavailable), self._store.write() as db:  # nobody is kept out for that
                db.execute(update)

    def _must_manage(self) -> None:
        if not self._person.manages:
            raise NotAllowed("users and tokens are managed by admins who are confined to no pipeline")

    def _note(self, db: sa.Connection, event: str, subject: str, **detail: Any) -> None:
        shown = {"shown": self._person.how, **detail}
        append(db, Fact(event, self._who, self._channel, subject=subject, detail=shown))


def holding(db: sa.Connection, token: str, use: Use) -> Any | None:
    """The row of a token that is good now, with its user's role and pipelines beside it."""
    column, person, now = token_table.c, person_table.c, time.time()
    query = sa.select(token_table, person.role.label("most"), person.pipelines.label("allowed"))
    query = query.join(person_table, person.name == column.person).where(
        column.id == token,
        column.use == use,
        column.revoked_at.is_(None),
        sa.or_(column.expires_at.is_(None), column.expires_at > now),
        person.disabled_at.is_(None),
    )
    return db.execute(query).first()


def person_of(row: Any) -> Person:
    """The holder of a token, in the smaller of both roles and on the pipelines of both."""
    role = row.most if row.role is None else min(row.role, row.most, key=ROLES.index)
    pipelines = _both(row.pipelines, row.allowed)
    return Person(row.person, role, pipelines, f"token {row.id}" if row.use == "console" else f"key {row.id}")


def _both(one: Sequence[str] | None, other: Sequence[str] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        found = other if one is None else one
        return None if found is None else tuple(found)
    return tuple(name for name in one if name in other)


def _listed(pipelines: Sequence[str] | None) -> list[str] | None:
    return None if pipelines is None else list(pipelines)


def signing_key(store: Store, token: str) -> bytes:
    """The key that a reviewer signs with; every worker with the store's key can make it again.

    Raises AccountError where the store was opened without a key: everybody could make it then.
    """
    if not store.key_for("reviewers"):
        raise AccountError("reviewers need a store with a key: set FLUVIAL_KEY_FILE")
    return hmac.digest(store.key_for("reviewers"), token.encode(), "sha256")
