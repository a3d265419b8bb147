"""The store of a history: the real one in memory, and a worker's connection to it on which things fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from fluvial.engines import to_json
from fluvial.people import ACTING, TRUSTED
from fluvial.store import Store, StoreUnavailable
from fluvial.tables import NO_ENTRY, audit_head_table, metadata, schema_table
from tests.simulation.faults import Faults

MEMORY = "sqlite:///file:/simulation?vfs=memdb&uri=true"
"""A SQLite database that lives in the memory of the process."""


class MemoryStore(Store):
    """The real store on one connection: the way through the pool would be a third of a history's time."""

    def __init__(self) -> None:
        super().__init__(MEMORY)
        quick = {"isolation_level": "AUTOCOMMIT", "json_serializer": to_json, "poolclass": sa.StaticPool}
        self._quick = sa.create_engine(self.url, **quick)
        self._connection = self._quick.connect()
        self._raw: Any = self._connection.connection.driver_connection
        self._raw.execute("PRAGMA synchronous=OFF")

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        if not hasattr(self, "_raw"):  # the tables are being made
            with super().write() as db:
                yield db
            return
        with self._guard():
            self._raw.execute("BEGIN IMMEDIATE")
            try:
                yield self._as_anew()
            except BaseException:
                self._raw.execute("ROLLBACK")
                raise
            self._raw.execute("COMMIT")

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        if not hasattr(self, "_raw"):
            with super().read() as db:
                yield db
            return
        with self._guard():
            yield self._as_anew()

    def _as_anew(self) -> sa.Connection:
        """The one connection; nobody acts through it yet, as with a fresh one of the pool."""
        return self._connection.execution_options(**{ACTING: TRUSTED})

    def close(self) -> None:
        if hasattr(self, "_raw"):
            self._connection.close()
            self._quick.dispose()
        super().close()


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
        db.execute(sa.insert(audit_head_table).values(NO_ENTRY))


def rows(store: Store, query: sa.Select[Any]) -> list[Any]:
    """All rows of a query."""
    with store.read() as db:
        return list(db.execute(query).all())
