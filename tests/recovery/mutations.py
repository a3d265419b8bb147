"""Mutations: the loop with one of its safeguards taken out, to see that the rows of the table notice.

Each hangs itself around the product's own code in the process that calls it and nowhere else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

import fluvial.journal
import fluvial.shelf
from consumers.embedded import EmbeddedLog, EmbeddedTail
from consumers.record import TopicPartition
from fluvial.fence import at
from fluvial.journal import Entry, Journal
from fluvial.owned import Owned
from fluvial.runner import Runner, Work
from fluvial.store import journal_table, shard_table


def without_the_epoch_check() -> None:
    """Whoever writes is believed to be the owner."""

    def append(self: Journal, entries: Sequence[Entry]) -> list[int]:
        with self._store.write() as db:
            for shard, epoch, batch, _ids in entries:
                here = self._at(journal_table, shard)
                db.execute(sa.delete(journal_table).where(*here, journal_table.c.batch == batch.number))
                update = sa.update(shard_table).where(*self._at(shard_table, shard))
                db.execute(update.values(last_batch=batch.number))
                self._insert(db, shard, epoch, batch)
        return []

    Journal.append = append  # type: ignore[method-assign]


def without_the_fence() -> None:
    """Status and snapshots of whoever brings them are kept."""

    def own(db: sa.Connection, pipeline: str, shard: int, epoch: int, **values: Any) -> None:
        update = sa.update(shard_table).where(*at(shard_table, pipeline, shard))
        db.execute(update.values(**(values or {"shard": shard})))

    for module in (fluvial.journal, fluvial.shelf):
        setattr(module, "own", own)  # noqa: B010 - it is imported there, not exported


def with_publishing_before_the_journal() -> None:
    """What a batch gives is published, and only then does the journal hear of the batch."""

    def process(self: Any, work: list[Work]) -> None:
        entries = [item.owned.entry(item.records, item.decisions) for item in work]
        for item, entry in zip(work, entries, strict=True):
            self._advance(item, entry.batch)
        self._outbox.deliver()
        self._journal.append(entries)
        for item, entry in zip(work, entries, strict=True):
            item.owned.published = entry.batch.number

    Runner._process = process  # type: ignore[method-assign]


def without_the_seek() -> None:
    """A worker that comes back reads from where it once began, not from where the journal stands."""
    spans = EmbeddedLog.spans

    def tail(self: EmbeddedLog, positions: Mapping[TopicPartition, int]) -> EmbeddedTail:
        begins = {tp: span.begin for tp, span in spans(self, list(positions)).items()}
        return original(self, begins)

    original = EmbeddedLog.tail
    EmbeddedLog.tail = tail  # type: ignore[method-assign]


def without_publishing_again() -> None:
    """A worker that comes back believes that everything in the journal was published."""
    steps = Owned._steps

    def silently(self: Owned, *args: Any, **more: Any) -> Iterator[int]:
        yield from steps(self, *args, **more)
        self._unpublished = []

    Owned._steps = silently  # type: ignore[method-assign]


MUTATIONS: Mapping[str, Callable[[], None]] = {
    "": lambda: None,
    "no epoch check": without_the_epoch_check,
    "no fence": without_the_fence,
    "published before the journal": with_publishing_before_the_journal,
    "no seek": without_the_seek,
    "nothing published again": without_publishing_again,
}
"""By name; the first is the product as it is."""
