"""Shelf: the snapshots kept of a pipeline's shards. A cache: any of them may be missing or spoilt."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.fence import at, binding, bound, own
from fluvial.store import Store, decision_table, snapshot_table
from monitors.status import plain

_KEY = ["pipeline", "shard", "batch"]

_NEWEST_FIRST = snapshot_table.c.batch.desc()
_SHOWN = [column for column in snapshot_table.c if column.name not in ("body", "knows")]
_LISTING = sa.select(*_SHOWN).where(bound(snapshot_table)).order_by(_NEWEST_FIRST)
_BATCHES = sa.select(snapshot_table.c.batch).where(bound(snapshot_table)).order_by(_NEWEST_FIRST)
_BODY = sa.select(snapshot_table.c.body).where(
    bound(snapshot_table), snapshot_table.c.batch == sa.bindparam("number")
)
_ROLLBACKS = sa.select(decision_table.c.args).where(
    bound(decision_table), decision_table.c.action == "rollback"
)


class Snapshot(NamedTuple):
    """A state to be stored: after which batch, where reading goes on, what made it, and the sealed bytes.

    ``knows`` tells people what its model could forget one by one; it is under no seal.
    """

    batch: int
    positions: dict[TopicPartition, int]
    digest: str
    definition: str
    body: bytes
    knows: Mapping[str, Any] | None = None


class Kept(NamedTuple):
    """A stored snapshot as the list shows it, without its bytes. ``at`` is clock time, ``size`` in bytes."""

    batch: int
    epoch: int
    positions: dict[TopicPartition, int]
    digest: str
    definition: str
    size: int
    at: float


def crowded(batches: Sequence[int], keep: int, chosen: Collection[int] = ()) -> list[int]:
    """Which of these snapshots, the newest first, are to go so that there is one near every moment.

    The newest ``keep`` stay, and the first, from which all can be replayed. Of those between them so many go
    that each is at most twice as far from the newest as the one after it: what is looked at weeks after it
    began, as slow drifts are, has a snapshot before it, and twice the stream takes one or two more.

    >>> crowded([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], keep=3)
    [6, 4, 3, 2]
    >>> crowded([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], keep=3, chosen=[3])
    [6, 4, 2, 1]
    """
    left, gone = list(batches), []
    index = keep
    while index < len(left) - 1:
        newer, older = left[index - 1], left[index + 1]
        if 2 * (newer - older) <= left[0] - older and left[index] not in chosen:
            gone.append(left.pop(index))
        else:
            index += 1
    return gone


class Shelf:
    """The snapshots of one pipeline. ``keep`` of each shard are kept, older ones the fewer the longer ago."""

    def __init__(self, store: Store, pipeline: str, *, keep: int = 5) -> None:
        self._store, self._pipeline, self._keep = store, pipeline, keep
        put = store.insert(snapshot_table)
        fresh = {
            column.name: put.excluded[column.name] for column in snapshot_table.c if column.name not in _KEY
        }
        self._put = put.on_conflict_do_update(index_elements=_KEY, set_=fresh)

    def save(self, shard: int, epoch: int, snapshot: Snapshot) -> None:
        """Keep a snapshot and drop those that lie close to others, see :func:`crowded`. Raises Fenced."""
        row: dict[str, Any] = {
            "pipeline": self._pipeline,
            "shard": shard,
            "batch": snapshot.batch,
            "epoch": epoch,
            "positions": {str(tp): offset for tp, offset in snapshot.positions.items()},
            "digest": snapshot.digest,
            "definition": snapshot.definition,
            "size": len(snapshot.body),
            "body": snapshot.body,
            "knows": None if snapshot.knows is None else plain(dict(snapshot.knows)),
            "at": time.time(),
        }
        with self._store.write() as db:
            own(db, self._pipeline, shard, epoch)
            db.execute(self._put, row)
            self._prune(db, shard)

    def forget(self, shard: int, epoch: int, first: int, last: int) -> None:
        """Drop the snapshots of batches that were given up, both ends included: they crowd out good ones.

        Raises Fenced.
        """
        here = at(snapshot_table, self._pipeline, shard)
        with self._store.write() as db:
            own(db, self._pipeline, shard, epoch)
            db.execute(sa.delete(snapshot_table).where(*here, snapshot_table.c.batch.between(first, last)))

    def _prune(self, db: sa.Connection, shard: int) -> None:
        kept = db.execute(_BATCHES, binding(self._pipeline, shard)).scalars().all()
        if gone := crowded(kept, self._keep, self._chosen(db, shard)):
            here = at(snapshot_table, self._pipeline, shard)
            db.execute(sa.delete(snapshot_table).where(*here, snapshot_table.c.batch.in_(gone)))

    def _chosen(self, db: sa.Connection, shard: int) -> set[int]:
        """Batches that people rolled back to: a replay wants their model again."""
        asked = db.execute(_ROLLBACKS, binding(self._pipeline, shard)).scalars()
        return {batch for args in asked if isinstance(batch := args.get("batch"), int)}

    def listing(self, shard: int) -> list[Kept]:
        """All snapshots kept of a shard, newest first."""
        with self._store.read() as db:
            rows = db.execute(_LISTING, binding(self._pipeline, shard)).all()
        return [_kept(row) for row in rows]

    def body(self, shard: int, batch: int) -> bytes | None:
        """The sealed bytes of one snapshot; None where it is gone by now."""
        with self._store.read() as db:
            found = db.execute(_BODY, binding(self._pipeline, shard) | {"number": batch}).scalar()
        return None if found is None else bytes(found)


def _kept(row: Any) -> Kept:
    positions = {TopicPartition.parse(tp): int(offset) for tp, offset in row.positions.items()}
    return Kept(row.batch, row.epoch, positions, row.digest, row.definition, row.size, row.at)
