"""Engines: SQLite and PostgreSQL, prepared so that both keep the same promises to the store."""

import json
import math
import sqlite3  # noqa: TID251  the lower half of the door that fluvial/store.py is
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError

from monitors.status import plain

WRITES = "fluvial_writes"
"""The execution option that says whether a transaction will write."""

NAP = 0.01
"""Seconds between two tries of what SQLite refuses without queueing."""

LEFT_OPEN = 60
"""Seconds after which PostgreSQL ends a transaction in which nothing happens: its owner is gone."""

# A server that vanished without a word (power cut, cut cable) is noticed within a minute.
_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}

_LOCKED = "another process holds the lock; end it or wait"
_FULL = "the disk is full; free some space"
_READ_ONLY = "it is read-only; give this user write access"
_REFUSED = "the server refuses this user; correct the user or the password"
_OTHER = "it was made by another version of fluvial, or by something else; name an empty database"
_DAMAGED = "it is damaged, or is no database; restore it, or name another file"

_SQLITE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: "check the path and its rights",
    sqlite3.SQLITE_IOERR: "check the disk and the room on it",
}
_SQLITE_WRONG = {
    sqlite3.SQLITE_ERROR: _OTHER,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
}
_POSTGRES = {
    "55P03": _LOCKED,
    "40P01": "two processes waited for each other; try again",
    "40001": "others changed the same rows; try again",
    "53100": _FULL,
    "53300": "the server has no connection left; end some, or raise max_connections",
    "25006": _READ_ONLY,
    "57P01": "the server was stopped; start it again",
    "25P03": "this process stood still in the middle of a transaction; try again",
}
_POSTGRES_WRONG = {
    "28P01": _REFUSED,
    "28000": _REFUSED,
    "3D000": "create the database, or correct the address",
    "42501": "give this user the right to create and change tables",
    "42P01": _OTHER,
    "42703": _OTHER,
    "42P07": _OTHER,
}
_SAID = {  # before a connection stands there is no code, only words
    "refused": "nobody answers; start the server or correct the address",
    "timeout": "nobody answers; start the server or correct the address",
    "resolve": "no machine has this name; correct the address",
    "not known": "no machine has this name; correct the address",
    "authentication failed": _REFUSED,
    "does not exist": _POSTGRES_WRONG["3D000"],
}


class Trouble(NamedTuple):
    """What a database error means: ``passing`` if trying again later can help, and what to do."""

    passing: bool
    advice: str


def url_of(text: str | sa.URL) -> sa.URL:
    """Read a database URL. Raises ValueError saying what to write; the text itself is not repeated."""
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("this is no database URL: write sqlite:///PATH or postgresql://HOST/NAME") from None
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise ValueError(f"{url.drivername} is no store: write sqlite:///PATH or postgresql://HOST/NAME")
    if is_sqlite(url) and (url.database or ":memory:") == ":memory:":
        raise ValueError("a store in memory would forget the journal: write sqlite:///PATH")
    return url


def is_sqlite(url: sa.URL) -> bool:
    """Whether a URL names a SQLite file."""
    return url.get_backend_name() == "sqlite"


def engine_for(url: sa.URL, patience: float) -> sa.Engine:
    """Make an engine that waits ``patience`` seconds for a lock or a connection, then gives up."""
    if is_sqlite(url):
        connect = {"timeout": patience, "check_same_thread": False}
        engine = sa.create_engine(url, connect_args=connect, json_serializer=to_json)
        sa.event.listen(engine, "connect", _prepare_sqlite(patience))
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    defaults = {"connect_timeout": max(2, math.ceil(patience)), **_ALIVE}
    connect = {name: value for name, value in defaults.items() if name not in url.query}
    engine = sa.create_engine(
        url,
        connect_args=connect,
        json_serializer=to_json,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
    )
    sa.event.listen(engine, "connect", _prepare_postgres(patience))
    return engine


def writing(engine: sa.Engine) -> sa.Engine:
    """The engine for transactions that write."""
    return engine.execution_options(**{WRITES: True})


def reading(engine: sa.Engine) -> sa.Engine:
    """The engine for transactions that see one moment and can write nothing."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{WRITES: False})
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def to_json(value: object) -> str:
    """JSON that both databases take: numbers that are none become null."""
    return json.dumps(plain(value), allow_nan=False)


def trouble(error: DBAPIError) -> Trouble | None:
    """What an error means; None where only a mistake in our own code brings it about."""
    if error.connection_invalidated:
        lost = "the connection was lost; what was being committed may be written or not: look, or repeat it"
        return Trouble(True, lost)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return _judged(error, code & 0xFF, _SQLITE, _SQLITE_WRONG)
    return _judged(error, getattr(error.orig, "sqlstate", None), _POSTGRES, _POSTGRES_WRONG)


def _judged(
    error: DBAPIError, code: Any, passing: Mapping[Any, str], wrong: Mapping[Any, str]
) -> Trouble | None:
    said = _first_line(error)
    if code in wrong:
        return Trouble(False, f"{said}: {wrong[code]}")
    if code in passing:
        return Trouble(True, f"{said}: {passing[code]}")
    if isinstance(error, OperationalError) or type(error) is DatabaseError:
        advice = next((advice for sign, advice in _SAID.items() if sign in said.lower()), "try again")
        return Trouble(True, f"{said}: {advice}")
    return None


def _first_line(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else "no answer"


def _prepare_sqlite(patience: float) -> Callable[[Any, object], None]:
    def prepare(connection: Any, _record: object) -> None:
        # The driver's own BEGIN comes too late for a conditional UPDATE; we say BEGIN IMMEDIATE ourselves.
        connection.isolation_level = None
        _enter_wal(connection, time.monotonic() + patience)
        connection.execute("PRAGMA synchronous=FULL")

    return prepare


def _enter_wal(connection: Any, deadline: float) -> None:
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            # Processes that open a new file at the same time do not queue here: all but one are refused.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(NAP)
        else:
            return


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgres(patience: float) -> Callable[[Any, object], None]:
    # Published predictions must never outlive their journal row, whatever the server's default is.
    settings = {
        "synchronous_commit": "on",
        "lock_timeout": f"{math.ceil(patience * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{LEFT_OPEN}s",
    }
    statement = "; ".join(f"SET {name} = '{value}'" for name, value in settings.items())

    def prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.commit()

    return prepare
