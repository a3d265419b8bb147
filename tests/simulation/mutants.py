"""Mutants: the product with one promise taken out; the simulation must notice each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from unittest.mock import patch

import sqlalchemy as sa

import fluvial.replay
from consumers.record import Record, TopicPartition
from fluvial.decision import Decision
from fluvial.history import History, Past
from fluvial.journal import Entry, Journal, Range
from fluvial.outputs import Outbox
from fluvial.owned import Owned
from fluvial.runner import Runner, Work
from fluvial.shelf import Shelf
from fluvial.store import decision_table, shard_table


class Mutant(NamedTuple):
    """Whose attribute becomes what, and how the simulation says that it is wrong."""

    owner: Any
    name: str
    other: Any
    said: str

    def alive(self) -> Any:
        """The product is this mutant, for as long as the context lasts."""
        return patch.object(self.owner, self.name, self.other)


def _append_whoever_it_is(self: Journal, entries: Sequence[Entry]) -> list[int]:
    fenced = []
    with self._store.write() as db:
        for shard, epoch, batch, ids in sorted(entries, key=lambda entry: entry.shard):
            here = *self._at(shard_table, shard), shard_table.c.last_batch == batch.number - 1
            values = {"last_batch": batch.number} | ({} if ids is None else {"topic_ids": dict(ids)})
            if db.execute(sa.update(shard_table).where(*here).values(values)).rowcount != 1:
                fenced.append(shard)
            else:
                self._insert(db, shard, epoch, batch)
    return fenced


def _process_and_then_write(self: Runner, work: list[Work]) -> None:
    entries = [item.owned.entry(item.records, item.decisions) for item in work]
    for item, entry in zip(work, entries, strict=True):
        self._advance(item, entry.batch)
    self._outbox.deliver()
    fenced = set(self._journal.append(entries))
    for item, entry in zip(work, entries, strict=True):
        if item.owned.index in fenced:
            self._holdings.refuse(item.owned, "journal")
        else:
            item.owned.published = entry.batch.number


_walk, _entry, _body = History.walk, Owned.entry, Shelf.body


def _walk_on_the_spot(self: History, past: Past, *args: Any, **more: Any) -> Iterator[Any]:
    before = dict(past.positions)
    yield from _walk(self, past, *args, **more)
    past.positions = before


def _entry_that_is_published(self: Owned, *args: Any) -> Entry:
    entry = _entry(self, *args)
    return entry._replace(batch=entry.batch._replace(published=entry.batch.number))


def _pending_after_the_last(self: Journal, shard: int) -> list[Decision]:
    column, at = decision_table.c, self._at(decision_table, shard)
    newest = sa.select(sa.func.coalesce(sa.func.max(column.id), 0)).where(*at, column.batch.is_not(None))
    query = sa.select(decision_table).where(*at, column.id > newest.scalar_subquery()).order_by(column.id)
    with self._store.read() as db:
        return [Decision(row.id, row.action, row.review, row.args) for row in db.execute(query).all()]


def _steps_in_silence(self: Owned, chunk: int | None = None) -> Iterator[int]:
    for row, _ in self._history.walk(self.past, chunk=chunk):
        yield row.number


def _cut_whatever_is_there(held: list[Record], tp: TopicPartition, wanted: Range) -> list[Record]:
    records = [record for record in held if record.offset < wanted.end]
    del held[: len(records)]
    return records


def _merged_by_time(
    records: Mapping[TopicPartition, Sequence[Record]], ranks: Mapping[str, int]
) -> list[Record]:
    found = [record for some in records.values() for record in some]
    return sorted(found, key=lambda one: (one.timestamp, ranks[one.topic], one.partition, one.offset))


def _begin_warm(self: Owned, warm: Any) -> Past:
    return warm.past if warm is not None and warm.past is not None else self._history.start()


def _deliver_alarms_and_forget(self: Outbox) -> None:
    self._log.flush()
    self._alarms, self._curves = {}, []


MUTANTS: Mapping[str, Mutant] = {
    "a former owner may write": Mutant(
        Journal, "append", _append_whoever_it_is, "written by an owner before"
    ),
    "what is not in the journal is published": Mutant(
        Runner, "_process", _process_and_then_write, "published, and a replay|digest|predictions"
    ),
    "reading goes on where the snapshot was": Mutant(History, "walk", _walk_on_the_spot, "reads .* from"),
    "rows say too early that they are published": Mutant(
        Owned, "entry", _entry_that_is_published, "never published"
    ),
    "decisions are taken up by their order alone": Mutant(
        Journal, "pending", _pending_after_the_last, "decision .* is said"
    ),
    "a replay publishes nothing": Mutant(Owned, "_steps", _steps_in_silence, "never published"),
    "what a replay reads is not compared": Mutant(fluvial.replay, "_cut", _cut_whatever_is_there, "digest"),
    "a replay goes by time alone": Mutant(fluvial.replay, "merge", _merged_by_time, "digest|prediction"),
    "a topic made anew passes for the old one": Mutant(
        Owned, "_check_topics", lambda self: None, "made anew that nobody accepted"
    ),
    "a standby forgets what its predecessor had not published": Mutant(
        Owned, "_begin", _begin_warm, "never published"
    ),
    "alarms and curves get lost": Mutant(Outbox, "deliver", _deliver_alarms_and_forget, "curve are missing"),
}
"""What is taken out, and a pattern of what must be said about it."""


def first_noticed(mutant: Mutant, seeds: range, run: Callable[[int], Sequence[str]]) -> int | None:
    """The first seed whose history says what is wrong with a mutant."""
    import re  # noqa: PLC0415

    with mutant.alive():
        for seed in seeds:
            if any(re.search(mutant.said, broken) for broken in run(seed)):
                return seed
    return None
