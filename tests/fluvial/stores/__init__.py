"""Stores as earlier releases made them: their own statements for the tables, and what a worker left in them.

``schema_1.json`` is what a worker of the first release had in its store after 1500 events with their
labels (``tosses(1500, flip_after=900)``), a pause and a resume; a reset waits. Of its six snapshots
three were kept.
"""

import base64
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from fluvial.database import Database

Rows = list[dict[str, Any]]


def released(number: int) -> dict[str, Any]:
    """A store of an earlier release: ``ddl`` by dialect and ``rows`` by table."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / f"schema_{number}.json").read_text())
    return found


def make(url: str, number: int, *, empty: bool = False) -> dict[str, Rows]:
    """Make such a store in an empty database; what is in it, by table."""
    kept = released(number)
    rows = {table: [_decoded(row) for row in some] for table, some in kept["rows"].items()}
    with closing(Database(url)) as database, database.write() as db:
        for statement in kept["ddl"][db.dialect.name]:
            db.execute(sa.text(statement.replace(":", r"\:")))
        for table, some in rows.items():
            if some and not (empty and table != "schema_version"):
                _fill(db, table, some)
    return rows


def rows_of(url: str, *tables: str) -> dict[str, Rows]:
    """What tables hold, in the order of their keys."""
    with closing(Database(url)) as database, database.read() as db:
        return {name: _rows(db, _reflected(db, name)) for name in tables}


def _rows(db: sa.Connection, table: sa.Table) -> Rows:
    return [dict(row._mapping) for row in db.execute(sa.select(table).order_by(*table.primary_key))]


def _fill(db: sa.Connection, name: str, rows: Rows) -> None:
    table = _reflected(db, name)
    db.execute(sa.insert(table), rows)
    counted = table.autoincrement_column
    if db.dialect.name == "postgresql" and counted is not None:  # so that the next number is a new one
        column = counted.name
        db.execute(
            sa.text(f"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), max({column})) FROM {name}")
        )


def _reflected(db: sa.Connection, name: str) -> sa.Table:
    return sa.Table(name, sa.MetaData(), autoload_with=db)


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _bytes(value) if name == "body" else value for name, value in row.items()}


def _bytes(value: dict[str, str]) -> bytes:
    return base64.b64decode(value["base64"])
