"""FaultyStore: a worker's connection to the store, on which what can fail fails before or after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from fluvial.store import Store, StoreUnavailable, metadata, schema_table
from tests.simulation.faults import Faults

MEMORY = "sqlite:///file:/simulation?vfs=memdb&uri=true"
"""The real store on a SQLite database that lives in the memory of the process."""


class FaultyStore:
    """The real store; a write can be refused, and it can succeed although it ends in an error."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store, self._faults = store, faults
        self.url, self.insert = store.url, store.insert

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        self._faults.at("write", StoreUnavailable)
        with self._store.write() as db:
            yield db
        self._faults.at("written", StoreUnavailable)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        self._faults.at("read", StoreUnavailable)
        with self._store.read() as db:
            yield db


def clear(store: Store) -> None:
    """Empty every table: the store of the next history."""
    with store.write() as db:
        for table in metadata.tables.values():
            if table is not schema_table:
                db.exec_driver_sql(f'DELETE FROM "{table.name}"')


def rows(store: Store, query: sa.Select[Any]) -> list[Any]:
    """All rows of a query."""
    with store.read() as db:
        return list(db.execute(query).all())
