"""Store: the database behind the journal and the desk, with the tables of this version of fluvial.

What can go wrong, and what may have been written then: see :mod:`fluvial.database`.
"""

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from fluvial.database import Database, SchemaMismatch, StoreError, StoreUnavailable
from fluvial.schema import check
from fluvial.tables import (
    SCHEMA,
    alarm_table,
    audit_head_table,
    audit_table,
    cursor_table,
    decision_table,
    definition_table,
    incident_table,
    journal_table,
    metadata,
    nonce_table,
    notice_table,
    person_table,
    pipeline_table,
    point_table,
    proposal_table,
    refusal_table,
    review_table,
    scenario_table,
    schema_table,
    session_table,
    shard_table,
    snapshot_table,
    token_table,
)

__all__ = [
    "KEYS",
    "SCHEMA",
    "SchemaMismatch",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "alarm_table",
    "audit_head_table",
    "audit_table",
    "cursor_table",
    "decision_table",
    "definition_table",
    "incident_table",
    "journal_table",
    "metadata",
    "nonce_table",
    "notice_table",
    "person_table",
    "pipeline_table",
    "point_table",
    "proposal_table",
    "refusal_table",
    "review_table",
    "scenario_table",
    "schema_table",
    "session_table",
    "shard_table",
    "snapshot_table",
    "token_table",
]

KEYS = "fluvial_keys"
"""The execution option of a connection that gives the key for a purpose."""


class Store(Database):
    """An open store: an empty database gets its tables, one of another version is refused.

    ``key`` gives the secret that what is kept here is sealed with, when it is first needed. Raises
    SchemaMismatch naming what to do, StoreError, StoreUnavailable.
    """

    def __init__(self, url: str | sa.URL, *, busy: float = 10.0, key: Callable[[], bytes] = bytes) -> None:
        super().__init__(url, busy=busy)
        self._key = key
        try:
            self.make_folder()
            check(self)
        except BaseException:
            self.close()
            raise

    def key_for(self, purpose: str) -> bytes:
        """A key for one purpose, so that a seal for one can never be taken for that of another.

        Empty where the store was opened without a key.
        """
        key = self._key()
        return hmac.digest(key, f"fluvial {purpose}".encode(), "sha256") if key else b""

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """As :meth:`Database.write`; what is written to the audit trail is sealed."""
        with super().write() as db:
            yield db.execution_options(**{KEYS: self.key_for})
