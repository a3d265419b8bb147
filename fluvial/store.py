"""Store: the SQL database behind the journal and the desk; SQLite or PostgreSQL by URL.

Errors::

    StoreError               wrong until somebody mends it; the sentence says what to do
     +-- StoreUnavailable    locked, full, read-only or away: nothing was written, try again later
     +-- SchemaMismatch      made by another version of fluvial

One case leaves open whether something was written: the connection is lost while PostgreSQL commits.
Whoever writes here can therefore do it again: ids, epochs and versions say what is there already.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from fluvial.engines import engine_for, is_sqlite, reading, trouble, url_of, writing

SCHEMA = 2
"""The number of the tables as they are below; it rises with every change of them."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class _Text(sa.TypeDecorator[str]):
    """Text as both databases take it: what they refuse (NUL, halves of surrogate pairs) becomes U+FFFD."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else _UNSTORABLE.sub("\ufffd", value)


metadata = sa.MetaData()

schema_table = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, primary_key=True))

shard_table = sa.Table(
    "shard",
    metadata,
    sa.Column("pipeline", _Text, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("owner", _Text, nullable=False),
    sa.Column("last_batch", sa.BigInteger, nullable=False),
    sa.Column("topic_ids", sa.JSON, nullable=False),
    sa.Column("halted", _Text),
    sa.Column("status", sa.JSON),
    sa.Column("status_at", sa.Double),
)

journal_table = sa.Table(
    "journal",
    metadata,
    sa.Column("pipeline", _Text, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("batch", sa.BigInteger, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("ranges", sa.JSON, nullable=False),
    sa.Column("decisions", sa.JSON, nullable=False),
    sa.Column("published", sa.BigInteger, nullable=False),
    sa.Column("definition", _Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

snapshot_table = sa.Table(
    "snapshot",
    metadata,
    sa.Column("pipeline", _Text, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("batch", sa.BigInteger, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("positions", sa.JSON, nullable=False),
    sa.Column("digest", _Text, nullable=False),
    sa.Column("definition", _Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

definition_table = sa.Table(
    "definition",
    metadata,
    sa.Column("pipeline", _Text, primary_key=True),
    sa.Column("definition", _Text, primary_key=True),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("libraries", sa.JSON, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

refusal_table = sa.Table(
    "refusal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pipeline", _Text, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("kind", _Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("worker", _Text, nullable=False),
    sa.Column("what", _Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

decision_table = sa.Table(
    "decision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pipeline", _Text, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("action", _Text, nullable=False),
    sa.Column("review", _Text, nullable=False),
    sa.Column("args", sa.JSON, nullable=False),
    sa.Column("batch", sa.BigInteger),
    sa.Index("decision_waiting", "pipeline", "shard", "batch"),
)

incident_table = sa.Table(
    "incident",
    metadata,
    sa.Column("id", _Text, primary_key=True),
    sa.Column("pipeline", _Text, nullable=False, index=True),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("monitor", _Text, nullable=False),
    sa.Column("opened_at", sa.Double, nullable=False),
    sa.Column("last_time", sa.Double, nullable=False),
    sa.Column("alarms", sa.Integer, nullable=False),
    sa.Column("acknowledged_by", _Text),
    sa.Column("acknowledged_at", sa.Double),
    sa.Column("resolved_by", _Text),
    sa.Column("resolved_at", sa.Double),
    sa.Column("verdict", _Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("announced", sa.Integer, nullable=False),
)

alarm_table = sa.Table(
    "alarm",
    metadata,
    sa.Column("id", _Text, primary_key=True),
    sa.Column("incident", _Text, index=True),
    sa.Column("pipeline", _Text, nullable=False, index=True),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

review_table = sa.Table(
    "review",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", _Text, nullable=False, unique=True),
    sa.Column("pipeline", _Text, nullable=False, index=True),
    sa.Column("incident", _Text, index=True),
    sa.Column("action", _Text, nullable=False),
    sa.Column("who", _Text, nullable=False),
    sa.Column("channel", _Text, nullable=False),
    sa.Column("reason", _Text, nullable=False),
    sa.Column("effect", _Text, nullable=False),
    sa.Column("version", sa.Integer),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("time", sa.Double),
)

pipeline_table = sa.Table(
    "pipeline",
    metadata,
    sa.Column("pipeline", _Text, primary_key=True),
    sa.Column("shards", sa.Integer, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("paused_by", _Text),
    sa.Column("version", sa.Integer, nullable=False),
)

point_table = sa.Table(
    "point",
    metadata,
    sa.Column("pipeline", _Text, primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("point_in_time", "pipeline", "time"),
)

cursor_table = sa.Table(
    "cursor",
    metadata,
    sa.Column("pipeline", _Text, primary_key=True),
    sa.Column("topic", _Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("topic_id", _Text, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
)


class StoreError(Exception):
    """What is wrong with the store, in a sentence that says what to do."""


class StoreUnavailable(StoreError):
    """The store is locked, full, read-only or away; see above for what may have been written."""


class SchemaMismatch(StoreError):
    """The store was made by another version of fluvial."""


class Store:
    """An open database. One instance serves the threads of a process; each call is a transaction.

    ``busy`` is how long to wait, in seconds, for a lock that another process holds. A forked child
    opens a store of its own: connections do not survive a fork.
    """

    def __init__(self, url: str | sa.URL, *, busy: float = 10.0) -> None:
        try:
            self.url = url_of(url)
        except ValueError as error:
            raise StoreError(str(error)) from None
        self._is_sqlite = is_sqlite(self.url)
        if self._is_sqlite:
            self._make_folder()
        self._engine = engine_for(self.url, busy)
        self._writing, self._reading = writing(self._engine), reading(self._engine)
        try:
            self._ensure_schema()
        except BaseException:
            self.close()
            raise

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that writes: committed at the end, rolled back if anything is raised."""
        with self._guard(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One transaction that sees a single moment and can write nothing."""
        with self._guard(), self._reading.begin() as connection:
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that can say ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        if self._is_sqlite:
            from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]  # noqa: PLC0415
        return insert(table)

    def close(self) -> None:
        """Close all connections that no thread is using; a later call would open new ones."""
        self._engine.dispose()

    def _make_folder(self) -> None:
        path = self.url.database or ""
        if path.startswith("file:"):  # SQLite's own kind of URL, for options; it names what exists
            return
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self}: {error}: check the path and its rights") from None

    def _ensure_schema(self) -> None:
        found = self._schema()
        if found is None:
            found = self._create()
        if found != SCHEMA:
            raise SchemaMismatch(
                f"{self} has schema {found}, this fluvial wants {SCHEMA}: use the version that made it"
            )

    def _schema(self) -> int | None:
        with self.read() as db:
            if not sa.inspect(db).has_table(schema_table.name):
                return None
            return db.execute(sa.select(sa.func.max(schema_table.c.version))).scalar()

    def _create(self) -> int:
        with self.write() as db:
            if not self._is_sqlite:  # two processes that create the tables at once would collide
                db.execute(sa.text("SELECT pg_advisory_xact_lock(7305809)"))
            metadata.create_all(db)
            found = db.execute(sa.select(sa.func.max(schema_table.c.version))).scalar()
            if found is None:
                found = SCHEMA
                db.execute(sa.insert(schema_table).values(version=found))
        return int(found)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except NoConnectionFree as error:
            raise StoreUnavailable(f"{self}: every connection is in use; try again in a moment") from error
        except DBAPIError as error:
            if (found := trouble(error)) is None:
                raise
            kind = StoreUnavailable if found.passing else StoreError
            raise kind(f"{self}: {found.advice}") from error
