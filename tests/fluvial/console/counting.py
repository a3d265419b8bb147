"""Counting what a console asks of its store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from fluvial.store import Store


@contextlib.contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """The queries that are sent while the block runs."""
    said: list[str] = []

    def note(_db: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            said.append(statement)

    sa.event.listen(store._engine, "before_cursor_execute", note)
    yield said
    sa.event.remove(store._engine, "before_cursor_execute", note)
