"""LogFile: the SQLite file of an embedded log, its tables and its errors.

Every partition has a rowid table of its own, so that an append is an insert at the end of one
B-tree and a read is one range scan.
"""

import sqlite3  # noqa: TID251  the lower half of the door that consumers/embedded.py is
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from consumers.log import LogError, LogUnavailable, Span, TopicInfo, UnknownTopic
from consumers.record import TopicPartition

NAP = 0.01  # seconds between two looks at something that another process will change
_VERSION = 1

# "next" is kept beside the rows and not computed from them: retention may remove every row, and an
# offset must never be given twice. AUTOINCREMENT for the same reason: a topic made anew gets tables
# whose numbers no reader has seen before.
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, id TEXT NOT NULL, partitions INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS partition (
  number INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, partition INTEGER NOT NULL,
  begin INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
PRAGMA user_version = {_VERSION};
COMMIT;
"""

_LOCKED = "is locked by another process; look for one that hangs, or try again later"
_TROUBLE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: "cannot grow because the disk is full; make room",
    sqlite3.SQLITE_READONLY: "is read-only; check the permissions of the file and of its folder",
    sqlite3.SQLITE_PERM: "may not be opened; check the permissions of the file and of its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and may be written to",
    sqlite3.SQLITE_IOERR: "cannot be read or written; check the disk and the room on it",
}
_DAMAGE = {
    sqlite3.SQLITE_NOTADB: "is not a log: some other file stands at its path",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it, or start a new one",
}

Row = tuple[int, int, bytes | None, bytes | None]
"""Offset, timestamp, key, value."""


class LogFile:
    """One connection to the file; it belongs to the thread that opened it.

    ``patience`` is how long to wait, in seconds, for another process that holds the file.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        with self._explained():
            self._db = sqlite3.connect(path, timeout=patience, isolation_level=None)
            try:
                self._prepare(time.monotonic() + patience)
            except sqlite3.Error:
                self._db.close()
                raise

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: what is done inside is seen by others as a whole or not at all."""
        with self._explained(), self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One transaction: what is read inside is the file as of one moment."""
        with self._explained(), self._transaction("BEGIN"):
            yield

    def version(self) -> int:
        """A number that changes when another connection has committed; looking costs microseconds."""
        with self._explained():
            version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return version

    def topics(self, names: Sequence[str]) -> dict[str, TopicInfo]:
        marks = ",".join("?" * len(names))
        rows = self._db.execute(f"SELECT name, id, partitions FROM topic WHERE name IN ({marks})", names)
        return {name: TopicInfo(id_, partitions) for name, id_, partitions in rows}

    def table(self, tp: TopicPartition) -> tuple[int, Span]:
        """The number of a partition's table, and the offsets it holds."""
        sql = "SELECT number, begin, next FROM partition WHERE topic = ? AND partition = ?"
        row = self._db.execute(sql, tp).fetchone()
        if row is None:
            raise UnknownTopic(f"{tp} does not exist: create it", [tp])
        return row[0], Span(row[1], row[2])

    def spans(self) -> dict[int, Span]:
        """The offsets that every table holds, by its number."""
        rows = self._db.execute("SELECT number, begin, next FROM partition")
        return {number: Span(begin, end) for number, begin, end in rows}

    def rows(self, table: int, start: int, end: int) -> Iterator[list[Row]]:
        """Rows with ``start <= offset < end`` in order, some hundred at a time."""
        sql = f"SELECT offset, timestamp, key, value FROM records_{table} WHERE offset >= ? AND offset < ?"
        with closing(self._db.execute(sql + " ORDER BY offset", (start, end))) as cursor:
            while rows := cursor.fetchmany(200):
                yield rows

    def create(self, topic: str, partitions: int) -> None:
        self._db.execute("INSERT INTO topic VALUES (?, ?, ?)", (topic, str(uuid.uuid4()), partitions))
        for partition in range(partitions):
            row = self._db.execute(
                "INSERT INTO partition (topic, partition) VALUES (?, ?)", (topic, partition)
            )
            self._db.execute(
                f"CREATE TABLE records_{row.lastrowid} "
                "(offset INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, key BLOB, value BLOB)"
            )

    def insert(self, tp: TopicPartition, rows: Sequence[tuple[int, bytes | None, bytes | None]]) -> None:
        """Add rows of (timestamp, key, value) at the end of a partition."""
        table, span = self.table(tp)
        numbered = [(offset, *row) for offset, row in enumerate(rows, span.end)]
        self._db.executemany(f"INSERT INTO records_{table} VALUES (?, ?, ?, ?)", numbered)
        self._db.execute("UPDATE partition SET next = ? WHERE number = ?", (span.end + len(rows), table))

    def trim(self, tp: TopicPartition, before: int) -> None:
        table, span = self.table(tp)
        begin = min(max(before, span.begin), span.end)
        self._db.execute(f"DELETE FROM records_{table} WHERE offset < ?", (begin,))
        self._db.execute("UPDATE partition SET begin = ? WHERE number = ?", (begin, table))

    def delete(self, topic: str) -> None:
        tables = self._db.execute("SELECT number FROM partition WHERE topic = ?", (topic,)).fetchall()
        for (table,) in tables:
            self._db.execute(f"DROP TABLE records_{table}")
        self._db.execute("DELETE FROM partition WHERE topic = ?", (topic,))
        self._db.execute("DELETE FROM topic WHERE name = ?", (topic,))

    def _prepare(self, deadline: float) -> None:
        while not self._in_wal_mode():
            # processes that open a new file at the same time do not queue here: all but one are refused
            if time.monotonic() > deadline:
                raise LogUnavailable(f"the log {self._path} {_LOCKED}")
            time.sleep(NAP)
        self._db.execute("PRAGMA synchronous = FULL")
        if self._db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            self._db.executescript(_SCHEMA)

    def _in_wal_mode(self) -> bool:
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._db.execute(begin)
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences for a person."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _TROUBLE:
                raise LogUnavailable(f"the log {self._path} {_TROUBLE[code]} ({error})") from error
            if code in _DAMAGE:
                raise LogError(f"{self._path} {_DAMAGE[code]} ({error})") from error
            raise
