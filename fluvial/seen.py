"""Seen: a store as one person sees it: their pipelines only, and everything done in their name.

It stands in for the store wherever somebody acts who does not hold the store itself. Reading is
narrowed in one place, here: every table that has a column ``pipeline`` is replaced, in each SELECT, by
its rows of the person's pipelines. Whoever writes a new query need not think of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from fluvial.people import ACTING, NotAllowed, Person
from fluvial.store import Store


class Seen(Store):
    """The view that ``person`` has of a store that is open; it shares its connections."""

    def __init__(self, store: Store, person: Person) -> None:
        self.__dict__.update(store.__dict__)  # a view opens nothing
        self.whole, self.person = store, person

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """As :meth:`Store.read`, of the person's pipelines."""
        with self.whole.read() as db:
            yield self._bound(db)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """As :meth:`Store.write`, in the person's name. Raises NotAllowed where they may only read."""
        if not self.person.reaches("reviewer"):
            raise NotAllowed(f"changes need the role reviewer; yours is {self.person.role}")
        with self.whole.write() as db:
            yield self._bound(db)

    def _bound(self, db: sa.Connection) -> sa.Connection:
        if self.person.pipelines is not None:
            sa.event.listen(db, "before_execute", _narrowing(self.person.pipelines), retval=True)
        return db.execution_options(**{ACTING: self.person})


def _narrowing(pipelines: tuple[str, ...]) -> Any:
    def narrow(_db: sa.Connection, statement: Any, many: Any, params: Any, _options: Any) -> Any:
        if isinstance(statement, sa.SelectBase):
            return narrowed(statement, pipelines), many, params
        if isinstance(statement, sa.TextClause):
            raise TypeError("who sees some pipelines only cannot run SQL that nobody can narrow")
        return statement, many, params

    return narrow


def narrowed(statement: sa.SelectBase, pipelines: tuple[str, ...]) -> sa.SelectBase:
    """A query over the rows of some pipelines, wherever its tables say which pipeline a row is of."""
    made: dict[sa.Table, sa.Subquery] = {}

    def replace(element: Any, **_options: Any) -> Any:
        if isinstance(element, sa.Table) and "pipeline" in element.c:
            return _rows(element)
        if isinstance(element, sa.Column) and isinstance(element.table, sa.Table):
            return _rows(element.table).c[element.name] if "pipeline" in element.table.c else None
        return None

    def _rows(table: sa.Table) -> sa.Subquery:
        if table not in made:
            made[table] = sa.select(table).where(table.c.pipeline.in_(pipelines)).subquery(table.name)
        return made[table]

    found = visitors.replacement_traverse(statement, {}, replace)
    assert isinstance(found, sa.SelectBase)
    return found
