"""Store: the SQL database behind the journal and the desk; SQLite or PostgreSQL by URL.

Errors::

    StoreError
     +-- StoreUnavailable   locked, full, read-only or away: nothing was written, try again later
     +-- SchemaMismatch     made by another version of fluvial
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

SCHEMA = 1

metadata = sa.MetaData()

_Key = sa.String(200)

schema_table = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, primary_key=True))

shard_table = sa.Table(
    "shard",
    metadata,
    sa.Column("pipeline", _Key, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("last_batch", sa.BigInteger, nullable=False),
    sa.Column("topic_ids", sa.JSON, nullable=False),
    sa.Column("halted", sa.Text),
    sa.Column("status", sa.JSON),
    sa.Column("status_at", sa.Double),
)

journal_table = sa.Table(
    "journal",
    metadata,
    sa.Column("pipeline", _Key, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("batch", sa.BigInteger, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("ranges", sa.JSON, nullable=False),
    sa.Column("decisions", sa.JSON, nullable=False),
    sa.Column("published", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

snapshot_table = sa.Table(
    "snapshot",
    metadata,
    sa.Column("pipeline", _Key, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("batch", sa.BigInteger, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("positions", sa.JSON, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

fence_table = sa.Table(
    "fence",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pipeline", _Key, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

decision_table = sa.Table(
    "decision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pipeline", _Key, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("review", _Key, nullable=False),
    sa.Column("batch", sa.BigInteger),
    sa.Index("decision_waiting", "pipeline", "shard", "batch"),
)

incident_table = sa.Table(
    "incident",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    sa.Column("pipeline", _Key, nullable=False, index=True),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("monitor", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Double, nullable=False),
    sa.Column("last_time", sa.Double, nullable=False),
    sa.Column("alarms", sa.Integer, nullable=False),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("acknowledged_at", sa.Double),
    sa.Column("resolved_by", sa.Text),
    sa.Column("resolved_at", sa.Double),
    sa.Column("verdict", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("announced", sa.Integer, nullable=False),
)

alarm_table = sa.Table(
    "alarm",
    metadata,
    sa.Column("id", _Key, primary_key=True),
    sa.Column("incident", _Key, index=True),
    sa.Column("pipeline", _Key, nullable=False, index=True),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

review_table = sa.Table(
    "review",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", _Key, nullable=False, unique=True),
    sa.Column("pipeline", _Key, nullable=False, index=True),
    sa.Column("incident", _Key, index=True),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("effect", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("time", sa.Double),
)

pipeline_table = sa.Table(
    "pipeline",
    metadata,
    sa.Column("pipeline", _Key, primary_key=True),
    sa.Column("shards", sa.Integer, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("paused_by", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)

point_table = sa.Table(
    "point",
    metadata,
    sa.Column("pipeline", _Key, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("point_in_time", "pipeline", "time"),
)

cursor_table = sa.Table(
    "cursor",
    metadata,
    sa.Column("pipeline", _Key, primary_key=True),
    sa.Column("topic", _Key, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("topic_id", sa.Text, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
)


class StoreError(Exception):
    """What is wrong with the store, in a sentence that says what to do."""


class StoreUnavailable(StoreError):
    """The store is locked, full, read-only or away; nothing was written."""


class SchemaMismatch(StoreError):
    """The store was made by another version of fluvial."""


class Store:
    """An open database. One instance serves the threads of a process; each call is a transaction."""

    def __init__(self, url: str, *, busy: float = 10.0) -> None:
        self.url = sa.make_url(url)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"pool_pre_ping": True}
        if self._is_sqlite:
            options = {"connect_args": {"timeout": busy, "check_same_thread": False}}
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(self.url, **options)
        if self._is_sqlite:
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        else:
            sa.event.listen(self._engine, "connect", _prepare_postgres)
        self._ensure_schema()

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that writes: committed at the end, rolled back if anything is raised."""
        with self._guard(), self._engine.connect().execution_options(fluvial_writes=True) as connection:
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One transaction that sees a single moment and writes nothing."""
        with self._guard(), self._engine.connect() as connection, connection.begin():
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that can say ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        if self._is_sqlite:
            from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]  # noqa: PLC0415
        return insert(table)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _ensure_schema(self) -> None:
        with self.write() as db:
            if not self._is_sqlite:  # two processes that create the tables at once would collide
                db.execute(sa.text("SELECT pg_advisory_xact_lock(7305809)"))
            metadata.create_all(db)
            db.execute(self.insert(schema_table).values(version=SCHEMA).on_conflict_do_nothing())
            found = db.execute(sa.select(sa.func.max(schema_table.c.version))).scalar_one()
        if found != SCHEMA:
            raise SchemaMismatch(
                f"{self} has schema {found}, this fluvial wants {SCHEMA}: use the version that made it"
            )

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise StoreUnavailable(f"{self}: {_advice(str(error.orig))}") from error
        except NoConnectionFree as error:
            raise StoreUnavailable(f"{self}: every connection is in use; try again in a moment") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StoreUnavailable(f"{self}: the connection was lost; it is opened again") from error
            raise


def _advice(said: str) -> str:
    said = said.strip().splitlines()[0] if said.strip() else "no answer"
    for sign, advice in (
        ("locked", "another process holds the lock; end it or wait"),
        ("full", "the disk is full; free some space"),
        ("readonly", "the file or its folder is read-only; give this user write access"),
        ("unable to open", "cannot be opened; check the path and its rights"),
        ("refused", "nobody answers; start the server or correct the address"),
    ):
        if sign in said:
            return f"{said}: {advice}"
    return said


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes too late for a conditional UPDATE; we say BEGIN IMMEDIATE ourselves.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_postgres(connection: Any, _record: object) -> None:
    # Published predictions must never outlive their journal row, whatever the server's default is.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    connection.commit()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("fluvial_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
