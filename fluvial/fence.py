"""Fence: what keeps two owners from both writing: one conditional UPDATE of the shard's row.

It is the lock and the check at once (a SELECT before an INSERT lets stale rows in under READ
COMMITTED). Every write of an owner goes through here.
"""

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


def own(db: sa.Connection, pipeline: str, shard: int, epoch: int, **values: Any) -> None:
    """Hold the shard's row for the rest of the transaction and set ``values`` in it. Raises Fenced."""
    update = sa.update(shard_table).where(*at(shard_table, pipeline, shard), shard_table.c.epoch == epoch)
    if db.execute(update.values(**(values or {"epoch": epoch}))).rowcount != 1:
        raise Fenced(f"shard {shard} of {pipeline} has a newer owner than epoch {epoch}")
