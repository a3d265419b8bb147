"""Options: which shards stand still and which models can be brought back, as the store knows it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.decision import EXCHANGING
from fluvial.fence import at
from fluvial.incidents import Incident, read_incident, standing
from fluvial.store import decision_table, review_table, shard_table, snapshot_table


class Choice(NamedTuple):
    """A batch whose model can be brought back: kept since ``at``, or undone then."""

    shard: int
    batch: int
    at: float


def choices(db: sa.Connection, pipeline: str, shard: int | None = None) -> list[Choice]:
    """What can be rolled back to, the newest of each shard first; batch 0 is a model that knows nothing."""
    column = snapshot_table.c
    query = sa.select(column.shard, column.batch, column.at).where(column.pipeline == pipeline)
    if shard is not None:
        query = query.where(column.shard == shard)
    found = {(row.shard, row.batch): row for row in [*_undone(db, pipeline, shard), *db.execute(query)]}
    rows = sorted(found.values(), key=lambda row: (row.shard, -row.batch))
    given_up = _given_up(db, pipeline)
    return [
        Choice(*row) for row in rows if not any(row.batch in span for span in given_up.get(row.shard, ()))
    ]


def _undone(db: sa.Connection, pipeline: str, shard: int | None) -> list[Choice]:
    """The batches before which somebody exchanged the model: going back there undoes it."""
    column = decision_table.c
    query = sa.select(column.shard, column.batch, column.args, review_table.c.at).join(
        review_table, review_table.c.id == column.review
    )
    taken = (column.pipeline == pipeline, column.action.in_(EXCHANGING), column.batch.is_not(None))
    rows = db.execute(query.where(*taken)).all()
    return [
        Choice(row.shard, row.batch - 1, row.at)
        for row in rows
        if "failed" not in row.args and shard in (None, row.shard)
    ]


def _given_up(db: sa.Connection, pipeline: str) -> dict[int, list[range]]:
    """The batches of each shard that were given up when a gap was accepted."""
    column = decision_table.c
    query = sa.select(column.shard, column.batch, column.args).where(
        column.pipeline == pipeline, column.action == "accept_gap", column.batch.is_not(None)
    )
    found: dict[int, list[range]] = {}
    for shard, batch, args in db.execute(query):
        if "after" in args:
            found.setdefault(shard, []).append(range(args["after"] + 1, batch))
    return found


def is_halted(db: sa.Connection, pipeline: str, shard: int) -> bool:
    """Whether a shard stands still until a person decides."""
    query = sa.select(shard_table.c.halted).where(*at(shard_table, pipeline, shard))
    return db.execute(query).scalar() is not None


def standing_incident(db: sa.Connection, pipeline: str, shard: int) -> Incident | None:
    """The open incident that says why a shard stands still."""
    found = standing(db, pipeline, shard)
    return read_incident(db, found) if found else None


def waiting(db: sa.Connection, pipeline: str, shard: int, action: str) -> Sequence[Any]:
    """Decisions of one kind that no batch of a shard has taken up: rows with ``review`` and ``args``."""
    column = decision_table.c
    query = sa.select(column.review, column.args).where(
        *at(decision_table, pipeline, shard), column.action == action, column.batch.is_(None)
    )
    return db.execute(query.order_by(column.id)).all()
