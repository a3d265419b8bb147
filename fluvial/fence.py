"""Fence: what keeps two owners from both writing: one conditional UPDATE of the shard's row.

It is the lock and the check at once (a SELECT before an INSERT lets stale rows in under READ
COMMITTED). Every write of an owner goes through here.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from fluvial.store import shard_table


class Fenced(Exception):
    """The shard belongs to a newer epoch: whoever sees this writes nothing more."""


@lru_cache(maxsize=8192)
def at(table: sa.Table, pipeline: str, shard: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """The rows of one shard in a table."""
    return table.c.pipeline == pipeline, table.c.shard == shard


def bound(table: sa.Table) -> sa.ColumnElement[bool]:
    """The rows of the shard that the statement is executed with: see ``binding``.

    Statements that the loop needs all the time are written once with this: building one anew takes
    twice as long as executing it.
    """
    return sa.and_(table.c.pipeline == sa.bindparam("at_pipeline"), table.c.shard == sa.bindparam("at_shard"))


def binding(pipeline: str, shard: int) -> dict[str, Any]:
    """The values of ``bound`` for one shard."""
    return {"at_pipeline": pipeline, "at_shard": shard}


def own(db: sa.Connection, pipeline: str, shard: int, epoch: int, **values: Any) -> None:
    """Hold the shard's row for the rest of the transaction and set ``values`` in it. Raises Fenced."""
    if not written(db, pipeline, shard, epoch, values or {"epoch": epoch}):
        raise Fenced(f"shard {shard} of {pipeline} has a newer owner than epoch {epoch}")


def written(
    db: sa.Connection,
    pipeline: str,
    shard: int,
    epoch: int,
    values: Mapping[str, Any],
    *,
    after: int | None = None,
) -> bool:
    """Set ``values`` in a shard's row; whether it still was of this epoch, its last batch being ``after``."""
    held = binding(pipeline, shard) | {"at_epoch": epoch, "at_batch": after}
    fresh = {f"new_{name}": value for name, value in values.items()}
    return db.execute(_update(tuple(values), after is not None), held | fresh).rowcount == 1


@lru_cache(maxsize=64)
def _update(names: tuple[str, ...], counted: bool) -> sa.Update:
    column = shard_table.c
    held = sa.update(shard_table).where(bound(shard_table), column.epoch == sa.bindparam("at_epoch"))
    if counted:
        held = held.where(column.last_batch == sa.bindparam("at_batch"))
    return held.values({name: sa.bindparam(f"new_{name}", type_=column[name].type) for name in names})
