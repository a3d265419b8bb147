"""Journal: which ranges, in which order, and which decisions; epochs fence; snapshots are a cache.

The fence is one conditional UPDATE of the shard row by epoch and batch number: it is the lock and
the check at once (a SELECT before an INSERT lets stale rows in under READ COMMITTED).
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.decision import Decision
from fluvial.store import Store, decision_table, fence_table, journal_table, shard_table, snapshot_table


class Range(NamedTuple):
    """Half-open offsets [start, end) of one partition, with the count and CRC of what they held."""

    start: int
    end: int
    count: int  # type: ignore[assignment]  # the field hides tuple.count, which nobody wants here
    crc: int


Ranges = Mapping[TopicPartition, Range]
Positions = Mapping[TopicPartition, int]


class Batch(NamedTuple):
    """One journal row: its number, what it holds, and the newest batch published before it."""

    number: int
    ranges: dict[TopicPartition, Range]
    decisions: list[Decision]
    published: int


class Entry(NamedTuple):
    """One row to be written for one shard under the epoch of its owner."""

    shard: int
    epoch: int
    batch: Batch


class Snapshot(NamedTuple):
    """A stored state: after which batch, where reading goes on, and the sealed bytes."""

    batch: int
    positions: dict[TopicPartition, int]
    digest: str
    body: bytes


class Tenure(NamedTuple):
    """What an owner gets with the shard: its epoch and the ids of the topics learned from."""

    epoch: int
    last_batch: int
    topic_ids: dict[str, str]
    previous_owner: str


class Fenced(Exception):
    """The shard belongs to a newer epoch: whoever sees this writes nothing more."""


class Journal:
    """The journal of one pipeline in a store. ``keep`` snapshots of a shard are kept, and its first."""

    def __init__(self, store: Store, pipeline: str, *, keep: int = 5) -> None:
        self._store, self._pipeline, self._keep = store, pipeline, keep

    def acquire(self, shard: int, worker: str) -> Tenure:
        """Take the shard: its epoch rises by one and every earlier owner is fenced from now on."""
        first = {"epoch": 0, "owner": "", "last_batch": 0, "topic_ids": {}}
        with self._store.write() as db:
            insert = self._store.insert(shard_table)
            db.execute(insert.values(pipeline=self._pipeline, shard=shard, **first).on_conflict_do_nothing())
            row = db.execute(
                sa.select(shard_table).where(*self._at(shard_table, shard)).with_for_update()
            ).one()
            update = sa.update(shard_table).where(*self._at(shard_table, shard))
            db.execute(update.values(epoch=row.epoch + 1, owner=worker))
            return Tenure(row.epoch + 1, row.last_batch, dict(row.topic_ids), row.owner)

    def holds(self, shard: int, epoch: int) -> bool:
        """Whether the epoch is still the newest."""
        with self._store.read() as db:
            query = sa.select(shard_table.c.epoch).where(*self._at(shard_table, shard))
            return db.execute(query).scalar() == epoch

    def remember_topics(self, shard: int, epoch: int, ids: Mapping[str, str]) -> None:
        """Pin the ids of the topics learned from. Raises Fenced."""
        with self._store.write() as db:
            self._own(db, shard, epoch, topic_ids=dict(ids))

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Write one row for each shard in one commit; returns the shards that were fenced.

        A fenced shard's row is not written; the others' are. Decisions named in a row are marked
        as taken up in the same commit.
        """
        fenced = []
        with self._store.write() as db:
            # By shard: two workers that lock rows in different orders would wait for each other.
            for shard, epoch, batch in sorted(entries, key=lambda entry: entry.shard):
                step = sa.update(shard_table).where(
                    *self._at(shard_table, shard),
                    shard_table.c.epoch == epoch,
                    shard_table.c.last_batch == batch.number - 1,
                )
                if db.execute(step.values(last_batch=batch.number)).rowcount != 1:
                    fenced.append(shard)
                    continue
                self._insert(db, shard, epoch, batch)
        return fenced

    def _insert(self, db: sa.Connection, shard: int, epoch: int, batch: Batch) -> None:
        row = {
            "pipeline": self._pipeline,
            "shard": shard,
            "batch": batch.number,
            "epoch": epoch,
            "ranges": {str(tp): list(r) for tp, r in batch.ranges.items()},
            "decisions": [list(d) for d in batch.decisions],
            "published": batch.published,
            "at": time.time(),
        }
        db.execute(sa.insert(journal_table).values(row))
        if batch.decisions:
            taken = sa.update(decision_table).where(decision_table.c.id.in_([d.id for d in batch.decisions]))
            db.execute(taken.values(batch=batch.number))

    def batches(self, shard: int, after: int, until: int | None = None) -> list[Batch]:
        """The rows after a batch, oldest first; up to and with ``until`` where that is given."""
        query = sa.select(journal_table).where(*self._at(journal_table, shard), journal_table.c.batch > after)
        if until is not None:
            query = query.where(journal_table.c.batch <= until)
        with self._store.read() as db:
            rows = db.execute(query.order_by(journal_table.c.batch)).all()
        return [_batch(row) for row in rows]

    def pending(self, shard: int) -> list[Decision]:
        """Decisions that no batch has taken up yet, in the order in which they were made."""
        at = self._at(decision_table, shard)
        query = sa.select(decision_table).where(*at, decision_table.c.batch.is_(None))
        with self._store.read() as db:
            rows = db.execute(query.order_by(decision_table.c.id)).all()
        return [Decision(row.id, row.action, row.review) for row in rows]

    def save(self, shard: int, epoch: int, snapshot: Snapshot) -> None:
        """Keep a snapshot and drop what is older than the last few. Raises Fenced."""
        row = {
            "pipeline": self._pipeline,
            "shard": shard,
            "batch": snapshot.batch,
            "epoch": epoch,
            "positions": {str(tp): offset for tp, offset in snapshot.positions.items()},
            "digest": snapshot.digest,
            "body": snapshot.body,
            "at": time.time(),
        }
        kept = (
            sa.select(snapshot_table.c.batch)
            .where(*self._at(snapshot_table, shard))
            .order_by(snapshot_table.c.batch.desc())
            .limit(self._keep)
        )
        with self._store.write() as db:
            self._own(db, shard, epoch)
            key = ["pipeline", "shard", "batch"]
            insert = self._store.insert(snapshot_table).values(row)
            fresh = {name: row[name] for name in ("epoch", "positions", "digest", "body", "at")}
            db.execute(insert.on_conflict_do_update(index_elements=key, set_=fresh))
            oldest = db.execute(kept).scalars().all()[-1]
            # Batch 0 stays: it pins where the first range starts, so that all can be replayed.
            between = snapshot_table.c.batch.between(1, oldest - 1)
            db.execute(sa.delete(snapshot_table).where(*self._at(snapshot_table, shard), between))

    def snapshots(self, shard: int) -> list[Snapshot]:
        """All snapshots kept, newest first."""
        query = sa.select(snapshot_table).where(*self._at(snapshot_table, shard))
        with self._store.read() as db:
            rows = db.execute(query.order_by(snapshot_table.c.batch.desc())).all()
        return [_snapshot(row) for row in rows]

    def halt(self, shard: int, epoch: int, why: str | None) -> None:
        """Say why the shard stands still, or that it does not (None). Raises Fenced."""
        with self._store.write() as db:
            self._own(db, shard, epoch, halted=why)

    def report(self, shard: int, epoch: int, status: Mapping[str, Any]) -> None:
        """Put the latest status where the console finds it. Raises Fenced."""
        with self._store.write() as db:
            self._own(db, shard, epoch, status=dict(status), status_at=time.time())

    def fenced(self, shard: int, epoch: int, worker: str, what: str) -> None:
        """Log that a write of a former owner was refused."""
        row = {"pipeline": self._pipeline, "shard": shard, "epoch": epoch, "worker": worker}
        with self._store.write() as db:
            db.execute(sa.insert(fence_table).values(**row, what=what, at=time.time()))

    def _own(self, db: sa.Connection, shard: int, epoch: int, **values: Any) -> None:
        own = sa.update(shard_table).where(*self._at(shard_table, shard), shard_table.c.epoch == epoch)
        if db.execute(own.values(**(values or {"epoch": epoch}))).rowcount != 1:
            raise Fenced(f"shard {shard} of {self._pipeline} has a newer owner than epoch {epoch}")

    def _at(self, table: sa.Table, shard: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
        return table.c.pipeline == self._pipeline, table.c.shard == shard


def _batch(row: Any) -> Batch:
    ranges = {TopicPartition.parse(tp): Range(*r) for tp, r in row.ranges.items()}
    return Batch(row.batch, ranges, [Decision(*d) for d in row.decisions], row.published)


def _snapshot(row: Any) -> Snapshot:
    positions = {TopicPartition.parse(tp): offset for tp, offset in row.positions.items()}
    return Snapshot(row.batch, positions, row.digest, bytes(row.body))
