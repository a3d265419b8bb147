"""Damage: what can be lost or changed: records, by retention or by a disk, whole topics, snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial.store import snapshot_table
from tests.simulation.store import rows

if TYPE_CHECKING:
    from tests.simulation.world import World


class Damage:
    """What a history loses. ``begins`` and ``cuts`` tell where partitions ever began and were cut."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._missing: list[str] = []
        self._unnoticed: dict[TopicPartition, int] = {}
        self.begins: dict[tuple[TopicPartition, str], set[int]] = {}
        self.cuts: dict[tuple[TopicPartition, str], set[int]] = {}
        self._hidden: dict[TopicPartition, tuple[int, int]] = {}
        self.struck = 0
        self.deleted: set[tuple[int, int]] = set()

    def strike(self) -> None:
        """Something is lost from the log, or is not what it was."""
        world = self._world
        if self._missing or self._hidden:
            self.mend()
            return
        self.struck += 1
        strike = world.rng.choice(
            (self._trim, self._trim, self._hide, self._cut, self._remake, self._change, self._change)
        )
        strike(world.rng.choice(world.partitions()))

    def spoil_snapshot(self) -> None:
        """A snapshot is spoilt, or gone; never the first, whose row says where everything began."""
        world = self._world
        column = snapshot_table.c
        kept = rows(world.store, sa.select(column.shard, column.batch))
        if not kept:
            return
        shard, batch = world.rng.choice(sorted(tuple(row) for row in kept))
        here = column.shard == shard, column.batch == batch
        world.count("a snapshot is spoilt")
        world.happens(f"the snapshot {batch} of shard {shard} is spoilt")
        with world.store.write() as db:
            if batch and world.rng.random() < 0.5:
                self.deleted.add((shard, batch))
                db.execute(sa.delete(snapshot_table).where(*here))
            else:
                body = bytearray(db.execute(sa.select(column.body).where(*here)).scalar_one())
                body[-1] ^= 1
                db.execute(sa.update(snapshot_table).where(*here).values(body=bytes(body)))

    def mend(self) -> None:
        """Topics that were deleted are made anew, records that were away are there again."""
        for topic in self._missing:
            self._world.happens(f"{topic} is made anew")
            self._world.broker.create(topic, self._world.pipeline.partitions)
        for tp, (begin, seeming) in self._hidden.items():
            partition = self._world.broker.topics[tp.topic].partitions[tp.partition]
            if partition.begin == seeming:
                self._world.happens(f"{tp} begins at {begin} again")
                partition.begin = begin
        self._missing, self._hidden = [], {}

    def in_the_way(self) -> bool:
        """Whether producing would hide a loss for ever: offsets that were cut off would be given again."""
        for tp in [tp for tp, end in self._unnoticed.items() if self._world.watch.position(tp) <= end]:
            del self._unnoticed[tp]
        return bool(self._missing or self._unnoticed)

    def edge(self, tp: TopicPartition, before: int, to: int) -> bool:
        """Whether reading may go on at ``to`` where it would have gone on at ``before``."""
        anew = (
            len({topic_id for topic_id, _ in self._world.broker.former.get(tp, [])} | {self._named(tp)[1]})
            > 1
        )
        began = any(to in begins for (one, _), begins in self.begins.items() if one == tp)
        cut = any(to in cuts for (one, _), cuts in self.cuts.items() if one == tp)
        return (
            to == before or (began and (anew or to > before)) or (cut and to < before) or (anew and to == 0)
        )

    def _trim(self, tp: TopicPartition) -> None:
        world, partition = self._world, self._world.broker.partition(tp)
        before = world.rng.randint(partition.begin, partition.end)
        if world.rng.random() < 0.5:  # as retention mostly is: it takes what has long been learned
            before = min(before, world.watch.position(tp))
        world.count("records are trimmed")
        world.happens(f"{tp} is trimmed up to {before} of {partition.end}")
        world.broker.trim(tp, before)
        self.begins.setdefault(self._named(tp), set()).add(partition.begin)

    def _hide(self, tp: TopicPartition) -> None:
        """The front of a partition is away for a while."""
        begin = self._world.broker.partition(tp).begin
        self._trim(tp)
        self._hidden[tp] = begin, self._world.broker.partition(tp).begin

    def _cut(self, tp: TopicPartition) -> None:
        world, partition = self._world, self._world.broker.partition(tp)
        end = max(partition.begin, partition.end - world.rng.randint(1, 6))
        world.count("a partition is cut back")
        world.happens(f"{tp} is cut back from {partition.end} to {end}")
        world.broker.cut(tp, end)
        self.cuts.setdefault(self._named(tp), set()).add(end)
        self._unnoticed[tp] = min(end, self._unnoticed.get(tp, end))

    def _change(self, tp: TopicPartition) -> None:
        """A record that was learned is what another one was: an offset is no proof of what stands there."""
        world, partition = self._world, self._world.broker.partition(tp)
        learned = range(partition.begin, min(world.watch.position(tp), partition.end))
        if len(learned) < 2:
            return
        one, other = world.rng.sample(learned, 2)
        world.count("a record is changed")
        world.happens(f"{tp} holds at {one} what was at {other}")
        world.broker.change(tp, one, partition.records[other].value)

    def _remake(self, tp: TopicPartition) -> None:
        world = self._world
        world.count("a topic is deleted")
        world.happens(f"{tp.topic} is deleted")
        world.broker.delete(tp.topic)
        self._missing.append(tp.topic)
        for cut in [cut for cut in self._unnoticed if cut.topic == tp.topic]:
            del self._unnoticed[cut]
        if world.rng.random() < 0.7:
            self.mend()

    def _named(self, tp: TopicPartition) -> tuple[TopicPartition, str]:
        return tp, self._world.broker.topics[tp.topic].id
