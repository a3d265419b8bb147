"""Database: transactions on SQLite or PostgreSQL by URL, and sentences for what goes wrong in them.

Errors::

    StoreError               wrong until somebody mends it; the sentence says what to do
     +-- StoreUnavailable    locked, full, read-only or away: nothing was written, try again later
     +-- SchemaMismatch      made by another version of fluvial

One case leaves open whether something was written: the connection is lost while PostgreSQL commits.
Whoever writes here can therefore do it again: ids, epochs and versions say what is there already.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from fluvial.engines import engine_for, is_sqlite, reading, trouble, url_of, writing


class StoreError(Exception):
    """What is wrong with the store, in a sentence that says what to do."""


class StoreUnavailable(StoreError):
    """The store is locked, full, read-only or away; see above for what may have been written."""


class SchemaMismatch(StoreError):
    """The store was made by another version of fluvial."""


class Database:
    """An open database, whatever is in it. One instance serves the threads of a process.

    ``busy`` is how long to wait, in seconds, for a lock that another process holds. A forked child
    opens a database of its own: connections do not survive a fork.
    """

    def __init__(self, url: str | sa.URL, *, busy: float = 10.0) -> None:
        try:
            self.url = url_of(url)
        except ValueError as error:
            raise StoreError(str(error)) from None
        self.is_sqlite = is_sqlite(self.url)
        self._engine = engine_for(self.url, busy)
        self._writing, self._reading = writing(self._engine), reading(self._engine)

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The file it is in; None where a server has it, or where options stand in the name."""
        path = self.url.database or ""
        # "file:" is SQLite's own kind of URL, for options; it names what exists
        return Path(path) if self.is_sqlite and not path.startswith("file:") else None

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
        if self.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]  # noqa: PLC0415
        return insert(table)

    def close(self) -> None:
        """Close all connections that no thread is using; a later call would open new ones."""
        self._engine.dispose()

    def make_folder(self) -> None:
        """Make the folder of the file. Raises StoreUnavailable."""
        if self.file is None:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self}: {error}: check the path and its rights") from None

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
