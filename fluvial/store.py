"""Store: the database behind the journal and the desk, with the tables of this version of fluvial.

What can go wrong, and what may have been written then: see :mod:`fluvial.database`.
"""

import sqlalchemy as sa

from fluvial.database import Database, SchemaMismatch, StoreError, StoreUnavailable
from fluvial.schema import check
from fluvial.tables import (
    SCHEMA,
    alarm_table,
    cursor_table,
    decision_table,
    definition_table,
    incident_table,
    journal_table,
    metadata,
    notice_table,
    pipeline_table,
    point_table,
    proposal_table,
    refusal_table,
    review_table,
    scenario_table,
    schema_table,
    shard_table,
    snapshot_table,
)

__all__ = [
    "SCHEMA",
    "SchemaMismatch",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "alarm_table",
    "cursor_table",
    "decision_table",
    "definition_table",
    "incident_table",
    "journal_table",
    "metadata",
    "notice_table",
    "pipeline_table",
    "point_table",
    "proposal_table",
    "refusal_table",
    "review_table",
    "scenario_table",
    "schema_table",
    "shard_table",
    "snapshot_table",
]


class Store(Database):
    """An open store: an empty database gets its tables, one of another version is refused.

    Raises SchemaMismatch naming what to do, StoreError, StoreUnavailable.
    """

    def __init__(self, url: str | sa.URL, *, busy: float = 10.0) -> None:
        super().__init__(url, busy=busy)
        try:
            self.make_folder()
            check(self)
        except BaseException:
            self.close()
            raise
