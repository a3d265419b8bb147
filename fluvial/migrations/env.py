"""Where Alembic finds the database that :func:`fluvial.schema.migrate` gave it, and its version in it.

Only Alembic can import this file: it brings the context along.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.ddl.sqlite import SQLiteImpl


class Revision(sa.TypeDecorator[str]):
    """The name of a revision, kept as its number: "0002" as 2, which every fluvial ever made looks for."""

    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else f"{value:04}"


class Versioned:
    """Lets Alembic read and write ``schema_version`` instead of a table of its own."""

    def version_table_impl(self, *, version_table: str, **_options: Any) -> sa.Table:
        column = sa.Column("version", Revision, key="version_num", primary_key=True)
        return sa.Table(version_table, sa.MetaData(), column)


class _SQLite(Versioned, SQLiteImpl):
    __dialect__ = "sqlite"


class _PostgreSQL(Versioned, PostgresqlImpl):
    __dialect__ = "postgresql"


context.configure(connection=context.config.attributes["connection"], version_table="schema_version")
context.run_migrations()
