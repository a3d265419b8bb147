"""Journal: which ranges, in which order, and which decisions; epochs fence former owners off.

Appending is one conditional UPDATE of the shard row by epoch and batch number, then the row.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.decision import Decision
from fluvial.fence import Fenced, at, binding, bound, own, written
from fluvial.store import (
    Store,
    decision_table,
    definition_table,
    journal_table,
    refusal_table,
    shard_table,
)

__all__ = ["Batch", "Entry", "Fenced", "Journal", "Positions", "Range", "Ranges", "Tenure"]


class Range(NamedTuple):
    """Half-open offsets [start, end) of one partition, with the count and CRC of what they held."""

    start: int
    end: int
    count: int  # type: ignore[assignment]  # the field hides tuple.count, which nobody wants here
    crc: int


Kind = Literal["write", "snapshot"]
"""What can be refused: a write of a former owner, a snapshot that is not sound."""

Ranges = Mapping[TopicPartition, Range]
Positions = Mapping[TopicPartition, int]


class Batch(NamedTuple):
    """One journal row: its number, what it holds, the newest batch published before it, what stepped it."""

    number: int
    ranges: dict[TopicPartition, Range]
    decisions: list[Decision]
    published: int
    definition: str = ""


class Entry(NamedTuple):
    """One row to be written for one shard under the epoch of its owner.

    ``topic_ids`` replace those learned from so far, where a person accepted other topics.
    """

    shard: int
    epoch: int
    batch: Batch
    topic_ids: Mapping[str, str] | None = None


class Definition(NamedTuple):
    """What decided what shards made of their records, from the clock time ``at`` on."""

    name: str
    config: dict[str, Any]
    libraries: dict[str, str]
    at: float


class Tenure(NamedTuple):
    """What an owner gets with the shard: its epoch, the ids of the topics, why it stood still if it did."""

    epoch: int
    last_batch: int
    topic_ids: dict[str, str]
    previous_owner: str
    halted: str | None = None


_NO_END = 2**62

_LOCK = sa.select(shard_table).where(bound(shard_table)).with_for_update()
_EPOCH = sa.select(shard_table.c.epoch).where(bound(shard_table))
_INSERT = sa.insert(journal_table)
_BATCHES = (
    sa.select(journal_table)
    .where(
        bound(journal_table),
        journal_table.c.batch > sa.bindparam("after"),
        journal_table.c.batch <= sa.bindparam("until"),
    )
    .order_by(journal_table.c.batch)
    .limit(sa.bindparam("most", type_=sa.BigInteger))
)
_PENDING = (
    sa.select(decision_table)
    .where(bound(decision_table), decision_table.c.batch.is_(None))
    .order_by(decision_table.c.id)
)
_TAKEN_UP = sa.select(decision_table.c.batch).where(
    bound(decision_table),
    decision_table.c.action == sa.bindparam("action"),
    decision_table.c.batch.is_not(None),
)
_ROWS_WITH = (
    sa.select(journal_table)
    .where(bound(journal_table), journal_table.c.batch.in_(_TAKEN_UP))
    .order_by(journal_table.c.batch)
)


class Journal:
    """The journal of one pipeline in a store."""

    def __init__(self, store: Store, pipeline: str) -> None:
        self._store, self._pipeline = store, pipeline

    def define(self, name: str, config: Mapping[str, Any], libraries: Mapping[str, str]) -> None:
        """Remember what a definition stands for: pipeline file and versions; a known one stays as it is."""
        row = {"pipeline": self._pipeline, "definition": name, "at": time.time()}
        row |= {"config": dict(config), "libraries": dict(libraries)}
        with self._store.write() as db:
            db.execute(self._store.insert(definition_table).values(row).on_conflict_do_nothing())

    def definitions(self) -> list[Definition]:
        """All definitions that ever worked on this pipeline, the oldest first."""
        table = definition_table
        query = sa.select(table).where(table.c.pipeline == self._pipeline).order_by(table.c.at)
        with self._store.read() as db:
            rows = db.execute(query).all()
        return [Definition(row.definition, dict(row.config), dict(row.libraries), row.at) for row in rows]

    def acquire(self, shard: int, worker: str) -> Tenure:
        """Take the shard: its epoch rises by one and every earlier owner is fenced from now on."""
        first = {"epoch": 0, "owner": "", "last_batch": 0, "topic_ids": {}}
        with self._store.write() as db:
            insert = self._store.insert(shard_table)
            db.execute(insert.values(pipeline=self._pipeline, shard=shard, **first).on_conflict_do_nothing())
            row = db.execute(_LOCK, self._binding(shard)).one()
            taken = {"epoch": row.epoch + 1, "owner": worker}
            written(db, self._pipeline, shard, row.epoch, taken)  # the row is locked: it cannot fail
            return Tenure(row.epoch + 1, row.last_batch, dict(row.topic_ids), row.owner, row.halted)

    def holds(self, shard: int, epoch: int) -> bool:
        """Whether the epoch is still the newest."""
        with self._store.read() as db:
            return db.execute(_EPOCH, self._binding(shard)).scalar() == epoch

    def remember_topics(self, shard: int, epoch: int, ids: Mapping[str, str]) -> None:
        """Pin the ids of the topics learned from. Raises Fenced."""
        with self._store.write() as db:
            own(db, self._pipeline, shard, epoch, topic_ids=dict(ids))

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Write one row for each shard in one commit; returns the shards that were fenced.

        A fenced shard's row is not written; the others' are. Decisions named in a row are marked
        as taken up in the same commit.
        """
        fenced = []
        with self._store.write() as db:
            # By shard: two workers that lock rows in different orders would wait for each other.
            for shard, epoch, batch, ids in sorted(entries, key=lambda entry: entry.shard):
                values = {"last_batch": batch.number} | ({} if ids is None else {"topic_ids": dict(ids)})
                if written(db, self._pipeline, shard, epoch, values, after=batch.number - 1):
                    self._insert(db, shard, epoch, batch)
                else:
                    fenced.append(shard)
        return fenced

    def _insert(self, db: sa.Connection, shard: int, epoch: int, batch: Batch) -> None:
        row = {
            "pipeline": self._pipeline,
            "shard": shard,
            "batch": batch.number,
            "epoch": epoch,
            "ranges": {str(tp): list(r) for tp, r in batch.ranges.items()},
            "decisions": [[d.id, d.action, d.review, dict(d.args)] for d in batch.decisions],
            "published": batch.published,
            "definition": batch.definition,
            "at": time.time(),
        }
        db.execute(_INSERT, row)
        for decision in batch.decisions:  # with what the row says about it: people see it there
            taken = sa.update(decision_table).where(decision_table.c.id == decision.id)
            db.execute(taken.values(batch=batch.number, args=dict(decision.args)))

    def batches(
        self, shard: int, after: int, until: int | None = None, *, limit: int | None = None
    ) -> list[Batch]:
        """The rows after a batch, oldest first, up to and with ``until``, at most ``limit`` of them."""
        bounds = {"after": after, "until": _NO_END if until is None else until, "most": limit or _NO_END}
        with self._store.read() as db:
            rows = db.execute(_BATCHES, self._binding(shard) | bounds).all()
        return [_batch(row) for row in rows]

    def reached(self, shard: int) -> tuple[int, int]:
        """The newest row's number and the newest batch known to be published when it was written."""
        column = journal_table.c
        query = sa.select(column.batch, column.published).where(*self._at(journal_table, shard))
        with self._store.read() as db:
            row = db.execute(query.order_by(column.batch.desc()).limit(1)).first()
        return (row.batch, row.published) if row else (0, 0)

    def rows_with(self, shard: int, action: str) -> list[Batch]:
        """The rows that took up decisions of one kind, oldest first."""
        with self._store.read() as db:
            rows = db.execute(_ROWS_WITH, self._binding(shard) | {"action": action}).all()
        return [_batch(row) for row in rows]

    def pending(self, shard: int) -> list[Decision]:
        """Decisions that no batch has taken up yet, in the order in which they were made."""
        with self._store.read() as db:
            rows = db.execute(_PENDING, self._binding(shard)).all()
        return [Decision(row.id, row.action, row.review, row.args) for row in rows]

    def tried(self, shard: int, epoch: int, decisions: Sequence[Decision], why: str) -> None:
        """Note on decisions that they were tried, and why the shard still stands still. Raises Fenced."""
        with self._store.write() as db:
            own(db, self._pipeline, shard, epoch)
            for decision in decisions:
                noted = sa.update(decision_table).where(decision_table.c.id == decision.id)
                db.execute(noted.values(args={**decision.args, "tried": why}))

    def halt(self, shard: int, epoch: int, why: str | None) -> None:
        """Say why the shard stands still, or that it does not (None). Raises Fenced."""
        with self._store.write() as db:
            own(db, self._pipeline, shard, epoch, halted=why)

    def report(self, shard: int, epoch: int, status: Mapping[str, Any]) -> None:
        """Put the latest status where the console finds it. Raises Fenced."""
        with self._store.write() as db:
            own(db, self._pipeline, shard, epoch, status=dict(status), status_at=time.time())

    def refused(self, shard: int, kind: Kind, epoch: int, worker: str, what: str) -> None:
        """Keep for the record that something was refused, and why."""
        row = {"pipeline": self._pipeline, "shard": shard, "kind": kind, "epoch": epoch, "worker": worker}
        with self._store.write() as db:
            db.execute(sa.insert(refusal_table).values(**row, what=what, at=time.time()))

    def refusals(self, shard: int) -> list[tuple[str, int, str, str]]:
        """What was refused to or for a shard: kind, epoch, worker and reason, the oldest first."""
        column = refusal_table.c
        query = sa.select(column.kind, column.epoch, column.worker, column.what)
        with self._store.read() as db:
            rows = db.execute(query.where(*self._at(refusal_table, shard)).order_by(column.id)).all()
        return [(row.kind, row.epoch, row.worker, row.what) for row in rows]

    def _binding(self, shard: int) -> dict[str, Any]:
        return binding(self._pipeline, shard)

    def _at(self, table: sa.Table, shard: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
        return at(table, self._pipeline, shard)


def _batch(row: Any) -> Batch:
    ranges = {TopicPartition.parse(tp): Range(*r) for tp, r in row.ranges.items()}
    return Batch(row.batch, ranges, [Decision(*d) for d in row.decisions], row.published, row.definition)
