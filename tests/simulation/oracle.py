"""Oracle: what must be true when a history has come to its end, whatever happened in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.decision import STEERING, Decision
from fluvial.errors import Gap
from fluvial.incidents import HALT
from fluvial.owned import Owned
from fluvial.store import alarm_table, decision_table, incident_table, point_table, review_table, shard_table
from fluvial.verify import verify
from monitors.status import ShardStatus
from tests.simulation.books import books
from tests.simulation.reference import Reference, Row
from tests.simulation.store import rows

if TYPE_CHECKING:
    from tests.simulation.world import World


def judge(world: World, owned: dict[int, Owned]) -> Iterator[str]:
    """Every promise that this history broke, in a sentence each. ``owned`` is what the last worker had."""
    yield from world.watch.violations
    yield from _reviews(world)
    yield from _incidents(world)
    for index in range(world.pipeline.shards):
        judged = _Judged(world, Reference(world, index), owned[index])
        for said in judged.all():
            yield f"shard {index}: {said}"
    yield from _never_published(world)


class _Judged:
    """One shard before the court."""

    def __init__(self, world: World, reference: Reference, owned: Owned) -> None:
        self.world, self.reference, self.owned = world, reference, owned
        self.index, self.rows = reference.index, reference.rows
        world.counts["a row is given up"] += sum(reference.is_void(row.batch) for row in self.rows)

    def all(self) -> Iterator[str]:
        yield from self.reference.violations
        yield from self.order()
        yield from self.reading()
        yield from self.decisions()
        yield from self.state()
        yield from self.snapshots()
        yield from self.outputs()
        yield from self.claims()
        yield from self.records()
        yield from self.replay()

    def order(self) -> Iterator[str]:
        """Rows are contiguous, and nobody wrote one after somebody else had taken the shard."""
        if [row.batch for row in self.rows] != list(range(1, len(self.rows) + 1)):
            yield f"the journal has the rows {[row.batch for row in self.rows]}"
        for one, other in pairwise(self.rows):
            if one.epoch > other.epoch:
                yield f"batch {other.batch} was written in epoch {other.epoch} after epoch {one.epoch}"
        for shard, epoch, last in self.world.watch.tenures:
            late = [row.batch for row in self.rows if row.epoch < epoch and row.batch > last]
            if shard == self.index and late:
                yield f"batches {late} were written by an owner before epoch {epoch}, which began after {last}"

    def reading(self) -> Iterator[str]:
        """Ranges follow on each other; reading leaves nothing out but what a person accepted as lost."""
        at, ids = self._beginning(), {}
        for row in self.rows:
            for tp, held in row.ranges.items():
                if held.start != at[tp]:
                    yield f"batch {row.batch} reads {tp} from {held.start}, not from {at[tp]}"
            if row.accepts is not None:
                yield from self._jumps(row, at)
                ids = {}
            for tp, topic_id in self.reference.topic_ids.get(row.batch, {}).items():
                if ids.setdefault(tp.topic, topic_id) != topic_id:
                    yield f"batch {row.batch} reads {tp} of a topic made anew that nobody accepted"
            at |= row.positions
        for tp, reached in at.items():
            if reached != self.world.broker.partition(tp).end:
                yield f"{tp} was read up to {reached}, it ends at {self.world.broker.partition(tp).end}"
        if at != self.owned.positions:
            yield f"the worker stands at {self.owned.positions}, the journal at {at}"

    def _beginning(self) -> dict[TopicPartition, int]:
        """Where the shard's first snapshot pinned its reading; where it began by accepting a gap, there."""
        first = [dict(kept.positions) for kept in self.world.shelf.listing(self.index) if kept.batch == 0]
        return first[0] if first else dict(self.rows[0].positions)

    def _jumps(self, row: Row, at: dict[TopicPartition, int]) -> Iterator[str]:
        """Where a gap was accepted, reading goes on where it was, or at the edge of what was lost."""
        for tp, to in row.positions.items():
            if not self.world.damage.edge(tp, at[tp], to):
                yield f"batch {row.batch} goes on in {tp} at {to} and not at {at[tp]}"

    def decisions(self) -> Iterator[str]:
        """Each was taken up exactly once, in a row that counts, and none waits."""
        column = decision_table.c
        query = sa.select(column.id, column.action, column.batch).where(column.shard == self.index)
        taken = Counter(one.id for row in self.rows for one in row.decisions if self._counts(row, one))
        for number, action, batch in rows(self.world.store, query):
            if taken.pop(number, 0) != 1 or number not in self._ids(batch):
                yield f"the decision {number} ({action}) is said to be in batch {batch}"
        if taken:
            yield f"the journal holds decisions that nobody made: {sorted(taken)}"

    def _counts(self, row: Row, decision: Decision) -> bool:
        """What steers the learner is taken up again by whoever gives up the row that had taken it up."""
        return decision.action not in STEERING or not self.reference.is_void(row.batch)

    def _ids(self, batch: int | None) -> list[int]:
        return [one.id for row in self.rows if row.batch == batch for one in row.decisions]

    def state(self) -> Iterator[str]:
        """The live shard is what the reference came to, and every event and label is accounted for once."""
        live, status = self.owned.shard, self.owned.shard.status()
        if live.state.digest.hex() != self.reference.shard.state.digest.hex():
            yield f"the digest is {live.state.digest.hex()[:8]}, not {self.reference.shard.state.digest.hex()[:8]}"
        if not status.balanced:
            yield f"the accounts are not balanced: {status}"
        expected = self.reference.shard.status()
        for name in ShardStatus.__slots__ if status != expected else ():
            found, wanted = getattr(status, name), getattr(expected, name)
            if found != wanted:
                yield f"the status says of {name} {found}, not {wanted}"
        if self.world.shape.plain and not self.reference.given_up:
            for name, (found, wanted) in books(self.reference.learned, status).items():
                if found != wanted:
                    yield f"{found} {name}, counted by hand: {wanted}"

    def snapshots(self) -> Iterator[str]:
        """Each is of a state that was there, and they are made as often as was asked for."""
        kept = self.world.shelf.listing(self.index)
        for one in kept:
            wanted = self.reference.digests.get(one.batch)
            if wanted != one.digest and not self.reference.is_void(one.batch):
                yield f"the snapshot of batch {one.batch} has the digest {one.digest[:8]}, not {(wanted or '')[:8]}"
        if kept[0].batch != len(self.rows) and (self.index, len(self.rows)) not in self.world.damage.deleted:
            yield f"the newest snapshot is of batch {kept[0].batch}, the worker ended after {len(self.rows)}"
        column = shard_table.c
        ((halted, last),) = rows(
            self.world.store, sa.select(column.halted, column.last_batch).where(column.shard == self.index)
        )
        if halted is not None or last != len(self.rows):
            yield f"the shard is halted ({halted}), or its last batch is not {last}"

    def outputs(self) -> Iterator[str]:
        """All that a replay puts out was published, and nothing else but what was given up later."""
        for role, expected in self.reference.published.items():
            found = {value for value in self.world.said(role) if _shard(value) == self.index}
            if role == "predictions" or self.world.pipeline.shards == 1:
                for value in found - set(expected):
                    if _source(value) not in self.reference.given_up:
                        yield f"{role}: {value.decode()} was published, and a replay does not give it"
            for value in sorted(set(expected) - self.world.said(role)):
                yield f"{role}: {value.decode()} was never published"
        column, alarm = point_table.c, alarm_table.c
        points = {
            n for (n,) in rows(self.world.store, sa.select(column.sequence).where(column.shard == self.index))
        }
        alarms = {name for (name,) in rows(self.world.store, sa.select(alarm.id))}
        if missing := sorted(self.reference.points - points):
            yield f"the points {missing} of the curve are missing"
        if missing_alarms := sorted(self.reference.alarms - alarms):
            yield f"the alarms {missing_alarms} are missing"

    def claims(self) -> Iterator[str]:
        """What a row or a snapshot says is published was in the topic when it was stored."""
        first = self.world.first_said("predictions")
        watch = self.world.watch
        claims = [(row.published, watch.written[self.index, row.batch, row.epoch]) for row in self.rows]
        claims += [(batch, ends) for (shard, batch), ends in watch.saved.items() if shard == self.index]
        for claimed, ends in claims:
            for value, batch in self.reference.published["predictions"].items():
                partition, offset = first.get(value, (0, -1))
                if batch <= claimed and offset >= ends[partition]:
                    yield f"{value.decode()} of batch {batch} was not yet published when {claimed} was said to be"

    def records(self) -> Iterator[str]:
        """What was refused is on record, and a shard that runs has no incident that says otherwise."""
        refused = {epoch for kind, epoch, _, _ in self.world.journal.refusals(self.index) if kind == "write"}
        fenced = {epoch for shard, epoch in self.world.watch.fenced if shard == self.index}
        if fenced - refused and not any(" refuse " in place for place in self.world.faults.fired):
            yield f"writes of the epochs {sorted(fenced - refused)} were refused and are not on record"
        column = incident_table.c
        query = sa.select(column.id).where(column.monitor == HALT, column.resolved_at.is_(None))
        if rows(self.world.store, query.where(column.shard == self.index)):
            yield "an incident says that the shard stands still"

    def replay(self) -> Iterator[str]:
        """The product's own verification agrees; not where offsets were given twice: it goes by address."""
        if self.world.broker.former:
            return
        try:
            verdict = verify(self.world.place(), self.index)
        except Gap as gap:
            if not self.world.damage.struck:
                yield f"verify finds a gap: {gap}"
            return
        if verdict.difference is not None:
            yield f"verify: {verdict.difference}"
        if verdict.digest != self.reference.shard.state.digest.hex():
            yield f"verify comes to the digest {verdict.digest[:8]}"


def _never_published(world: World) -> Iterator[str]:
    """No event has two different predictions."""
    if world.damage.struck or not world.shape.roomy:
        return  # an event can come again when it was forgotten, and be predicted anew
    said: dict[str, set[bytes]] = {}
    for value in world.said("predictions"):
        said.setdefault(json.loads(value)["id"], set()).add(value)
    for name, values in said.items():
        if len(values) > 1:
            yield f"{name} has {len(values)} predictions"


def _reviews(world: World) -> Iterator[str]:
    """What came through the topic was taken once, or set aside; nothing unsigned was taken."""
    column = review_table.c
    taken = {name for (name,) in rows(world.store, sa.select(column.id).where(column.channel == "topic"))}
    told = Counter(name for (name,) in rows(world.store, sa.select(decision_table.c.review)))
    aside = [json.loads(value) for value in world.said("quarantine")]
    offsets = {shown["offset"] for shown in aside if shown["stream"] == "reviews"}
    if taken != {name for name, signed in world.people.written.items() if signed}:
        yield f"of the reviews {world.people.written} were taken: {sorted(taken)}"
    for name in taken:
        if told[name] != world.pipeline.shards:
            yield f"the review {name} was told {told[name]} times"
    for record in world.broker.partition(world.reviews).records:
        if not world.people.written[(record.key or b"").decode()] and record.offset not in offsets:
            yield f"the review at {record.offset} was neither taken nor set aside"


def _incidents(world: World) -> Iterator[str]:
    """The newest version of every incident is in the topic."""
    column = incident_table.c
    said = {(shown["id"], shown["version"]) for shown in map(json.loads, world.said("incidents"))}
    for name, version, announced in rows(world.store, sa.select(column.id, column.version, column.announced)):
        if (name, version) not in said or announced != version:
            yield f"version {version} of the incident {name} was not announced ({announced} was)"


def _shard(value: bytes) -> int | None:
    shown = json.loads(value)
    return None if shown.get("stream") == "reviews" else int(shown.get("shard", 0))


def _source(value: bytes) -> str:
    shown = json.loads(value)
    return str(shown.get("source") or f"{shown['topic']}:{shown['partition']}:{shown['offset']}")
