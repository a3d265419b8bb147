"""Schema: which tables a database has, and how an older store comes by today's.

The table ``schema_version`` says it, and nothing else does: the number of the newest revision that
was run. Every fluvial refuses a number that is not its own. The revisions are scripts of Alembic in
``fluvial/migrations``; each upgrade is one transaction, so that it happens as a whole or not at all.
"""

import threading
from pathlib import Path

import sqlalchemy as sa

from fluvial.database import Database, SchemaMismatch
from fluvial.tables import NO_ENTRY, SCHEMA, audit_head_table, metadata, schema_table

SCRIPTS = Path(__file__).parent / "migrations"

LOCK = 7305809
"""The number under which PostgreSQL knows the lock of whoever makes or changes tables."""

_one_at_a_time = threading.Lock()  # Alembic keeps what it works on in globals


def found(database: Database) -> int | None:
    """The number of the tables that are there; None where there are none. Raises StoreError."""
    with database.read() as db:
        return _found(db)


def check(database: Database) -> None:
    """Make the tables in an empty database. Raises SchemaMismatch where there are others than ours."""
    there = found(database)
    if there is None:
        with database.write() as db:
            there = _create(db)
    if there < SCHEMA:
        raise SchemaMismatch(
            f"{database} has schema {there}, this fluvial wants {SCHEMA}: "
            "stop the workers that use it and run `fluvial store upgrade`"
        )
    _refuse_newer(database, there)


def upgrade(database: Database) -> int | None:
    """Bring the tables to today's, keeping what is in them; returns the number they had before.

    Of several that try at once one does it and the others find it done. Raises SchemaMismatch,
    StoreError, StoreUnavailable; the store is then as it was.
    """
    there = found(database)
    if there is None or there < SCHEMA:
        with _one_at_a_time, database.write() as db:
            there = _lock(db)
            if there is None:
                _create(db)
            elif there < SCHEMA:
                migrate(db)
    _refuse_newer(database, there)
    return there


def migrate(db: sa.Connection, target: str = "head") -> None:
    """Run the revisions that are missing inside a transaction that the caller commits."""
    from alembic import command  # noqa: PLC0415 - a worker starts without it
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": db})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    command.upgrade(config, target)


def _refuse_newer(database: Database, there: int | None) -> None:
    if there is not None and there > SCHEMA:
        raise SchemaMismatch(
            f"{database} has schema {there}, this fluvial knows {SCHEMA}: use a newer fluvial"
        )


def _found(db: sa.Connection) -> int | None:
    if not sa.inspect(db).has_table(schema_table.name):
        return None
    return db.execute(sa.select(sa.func.max(schema_table.c.version))).scalar()


def _lock(db: sa.Connection) -> int | None:
    """Keep others from making or changing tables until the transaction ends; what is there by then."""
    if db.dialect.name == "postgresql":  # SQLite has let nobody else write since BEGIN IMMEDIATE
        db.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})
    return _found(db)


def _create(db: sa.Connection) -> int:
    there = _lock(db)
    if there is None:
        there = SCHEMA
        metadata.create_all(db)
        db.execute(sa.insert(schema_table).values(version=there))
        db.execute(sa.insert(audit_head_table).values(NO_ENTRY))
    return there
