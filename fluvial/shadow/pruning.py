"""Pruning: jobs that nobody looks at any more, so that their rows do not pile up for ever.

Kept are the jobs of open incidents, which say what was asked for already; models to be adopted, which a
shard may still wait for; and of every incident the newest table, hindsight and card of each shard that
came to something.
"""

import time

import sqlalchemy as sa

from fluvial.store import Store, incident_table
from fluvial.tables import shadow_job_table as table

PRUNED = ("table", "hindsight", "card")
"""Kinds of jobs that are forgotten."""


def prune(store: Store, pipeline: str, age: float) -> int:
    """Forget jobs that ended ``age`` seconds ago, about incidents that were over as long; says how many."""
    before, column, over = time.time() - age, table.c, incident_table.c
    resolved = sa.select(over.id).where(over.pipeline == pipeline, over.resolved_at < before)
    newest = (
        sa.select(sa.func.max(column.id))
        .where(column.pipeline == pipeline, column.ended_at.is_not(None), column.failed.is_(None))
        .group_by(column.incident, column.shard, column.kind)
    )
    old = sa.delete(table).where(
        column.pipeline == pipeline,
        column.ended_at < before,
        column.kind.in_(PRUNED),
        column.incident.in_(resolved),
        column.id.not_in(newest),
    )
    with store.write() as db:
        return int(db.execute(old).rowcount)
