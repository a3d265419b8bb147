"""MemoryLog: a log in the memory of one process, with the promises of every other log and with faults."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from consumers.log import DeliveryError, LogError, LogUnavailable, RangeLost, Span, TopicInfo, UnknownTopic
from consumers.placement import placed
from consumers.record import Record, TopicPartition
from fluvial.timing import Timing

POLL_RECORDS = 2_000
"""The most records of one partition that one poll returns."""


class Mischief(Protocol):
    """What can go wrong with a log; none of it by default."""

    poll_records: int

    def at(self, call: str, *errors: type[Exception]) -> None:
        """Called before and after what a log does: may raise one of ``errors``, or end the worker."""
        ...

    def accepted(self, buffer: Sequence[Draft]) -> Sequence[Draft]:
        """What of a flush that fails is in the log all the same."""
        ...

    def hidden(self, tp: TopicPartition) -> bool:
        """Whether a poll does not hear of a partition this time."""
        ...


class Faultless:
    """A log on which everything works."""

    poll_records = POLL_RECORDS

    def at(self, call: str, *errors: type[Exception]) -> None:
        pass

    def accepted(self, buffer: Sequence[Draft]) -> Sequence[Draft]:
        return ()

    def hidden(self, tp: TopicPartition) -> bool:
        return False


class Draft(NamedTuple):
    """A record on its way into a log."""

    tp: TopicPartition
    timestamp: int
    key: bytes | None
    value: bytes | None


class Partition:
    """One partition. Trimmed records stay in ``records``: only ``begin`` moves. ``cuts`` tells where it was cut."""

    def __init__(self) -> None:
        self.begin = 0
        self.records: list[Record] = []
        self.cuts: list[int] = []

    @property
    def end(self) -> int:
        return len(self.records)

    @property
    def span(self) -> Span:
        return Span(self.begin, self.end)


class Topic:
    """One topic as it was made once: one made anew under its name is another."""

    def __init__(self, topic_id: str, partitions: int) -> None:
        self.id, self.partitions = topic_id, [Partition() for _ in range(partitions)]

    @property
    def info(self) -> TopicInfo:
        return TopicInfo(self.id, len(self.partitions))


class Broker:
    """The topics that all logs opened on it share, and what an operator can do to them.

    ``former`` keeps, with the id of its topic, what stood there before something was cut off or deleted.
    """

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self.former: dict[TopicPartition, list[tuple[str, list[Record]]]] = {}
        self._made = 0

    def create(self, topic: str, partitions: int) -> bool:
        known = self.topics.get(topic)
        if known is None:
            self._made += 1
            self.topics[topic] = Topic(str(uuid.UUID(int=self._made)), partitions)
        elif len(known.partitions) != partitions:
            raise LogError(f"topic {topic} exists with {len(known.partitions)} partitions, not {partitions}")
        return known is None

    def partition(self, tp: TopicPartition) -> Partition:
        found = self.topics.get(tp.topic)
        if found is None or not 0 <= tp.partition < len(found.partitions):
            raise UnknownTopic(f"{tp} does not exist: create it", [tp])
        return found.partitions[tp.partition]

    def put(self, drafts: Sequence[Draft]) -> None:
        for tp, timestamp, key, value in drafts:
            partition = self.partition(tp)
            partition.records.append(Record(*tp, partition.end, timestamp, key, value))

    def trim(self, tp: TopicPartition, before: int) -> None:
        """Drop the records with ``offset < before``: retention."""
        partition = self.partition(tp)
        partition.begin = max(partition.begin, min(before, partition.end))

    def cut(self, tp: TopicPartition, end: int) -> None:
        """Lose the records from ``end`` on; their offsets are given again: a broker that came back behind."""
        partition = self.partition(tp)
        self._keep(tp, self.topics[tp.topic].id, partition.records.copy())
        del partition.records[end:]
        partition.begin = min(partition.begin, end)
        partition.cuts.append(end)

    def change(self, tp: TopicPartition, offset: int, value: bytes | None) -> None:
        """Hold something else at an offset."""
        records = self.partition(tp).records
        self._keep(tp, self.topics[tp.topic].id, records.copy())
        records[offset] = records[offset]._replace(value=value)

    def delete(self, topic: str) -> None:
        gone = self.topics.pop(topic)
        for index, partition in enumerate(gone.partitions):
            self._keep(TopicPartition(topic, index), gone.id, partition.records)

    def _keep(self, tp: TopicPartition, topic_id: str, records: list[Record]) -> None:
        self.former.setdefault(tp, []).append((topic_id, records))


class MemoryLog:
    """A connection to a broker; what it has not flushed is gone with it."""

    def __init__(self, broker: Broker, mischief: Mischief | None = None, timing: Timing = time) -> None:
        self._broker, self._mischief, self._timing = broker, mischief or Faultless(), timing
        self._topics: dict[str, TopicInfo] = {}
        self._buffer: list[Draft] = []

    def create(self, topic: str, partitions: int, *, compact: bool = False) -> bool:
        self._mischief.at("create", LogUnavailable)
        return self._broker.create(topic, partitions)

    def describe(self, topics: Sequence[str]) -> dict[str, TopicInfo]:
        self._mischief.at("describe", LogUnavailable)
        return {name: self._broker.topics[name].info for name in topics if name in self._broker.topics}

    def spans(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Span]:
        self._mischief.at("spans", LogUnavailable)
        return {tp: self._broker.partition(tp).span for tp in partitions}

    def tail(self, positions: Mapping[TopicPartition, int]) -> MemoryTail:
        self._mischief.at("tail", LogUnavailable)
        return MemoryTail(self._broker, positions, self._mischief, self._timing)

    def fetch(self, tp: TopicPartition, start: int, end: int) -> list[Record]:
        self._mischief.at("fetch", LogUnavailable)
        partition = self._broker.partition(tp)
        if start < partition.begin or end > partition.end:
            raise RangeLost(
                f"{tp} holds offsets {partition.begin} to {partition.end}, not {start} to {end}", [tp]
            )
        return partition.records[start:end]

    def append(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        timestamp: int,
        partition: int | None = None,
    ) -> None:
        if value is None and key is None:
            raise ValueError("a tombstone needs a key")
        info = self._topics.get(topic) or self._learn(topic)
        partition = placed(topic, info.partitions, key, partition)
        self._buffer.append(Draft(TopicPartition(topic, partition), timestamp, key, value))

    def flush(self) -> None:
        buffer, self._buffer = self._buffer, []
        believed, self._topics = self._topics, {}
        if not buffer:
            return
        try:
            self._mischief.at("flush", LogUnavailable, DeliveryError)
        except BaseException:
            self._broker.put(self._mischief.accepted(buffer))
            raise
        if {
            name: self._broker.topics[name].info for name in believed if name in self._broker.topics
        } != believed:
            raise DeliveryError("a topic was deleted or made anew since records were appended to it")
        self._broker.put(buffer)
        self._topics = believed
        self._mischief.at("flushed", LogUnavailable)

    def close(self) -> None:
        """Nothing is held open."""

    def _learn(self, topic: str) -> TopicInfo:
        info = self.describe([topic]).get(topic)
        if info is None:
            raise UnknownTopic(f"topic {topic} does not exist: create it")
        self._topics[topic] = info
        return info


class MemoryTail:
    """Reads partitions forward. A partition that is hidden at a poll may have more: it is not at its end."""

    def __init__(
        self, broker: Broker, positions: Mapping[TopicPartition, int], mischief: Mischief, timing: Timing
    ) -> None:
        self._broker, self._mischief, self._timing = broker, mischief, timing
        self._positions = dict(positions)
        self._wanted = frozenset(positions)
        self._opened = {tp: broker.partition(tp) for tp in positions}
        self._cuts = {tp: len(partition.cuts) for tp, partition in self._opened.items()}
        self._ends: dict[TopicPartition, int] = {}
        self._lost: RangeLost | None = None

    def poll(self, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        self._mischief.at("poll", LogUnavailable)
        found = self._read()
        if not found and timeout > 0:
            self._timing.sleep(timeout)
            found = self._read()
        return found

    def want(self, partitions: Sequence[TopicPartition]) -> None:
        self._wanted = frozenset(partitions)

    def at_end(self, tp: TopicPartition) -> bool:
        return self._positions[tp] >= self._ends.get(tp, self._positions[tp] + 1)

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self) -> dict[TopicPartition, list[Record]]:
        if self._lost is None and (gone := {tp: said for tp in self._positions if (said := self._gone(tp))}):
            self._lost = RangeLost("; ".join(gone.values()), gone)
        if self._lost is not None:
            raise self._lost
        for tp in self._positions:
            if self._mischief.hidden(tp):
                self._ends.pop(tp, None)
            else:
                self._ends[tp] = self._opened[tp].end
        found = {}
        for tp, start in self._positions.items():
            if tp in self._wanted and tp in self._ends and start < self._ends[tp]:
                found[tp] = self._opened[tp].records[
                    start : min(self._ends[tp], start + self._mischief.poll_records)
                ]
                self._positions[tp] += len(found[tp])
        return found

    def _gone(self, tp: TopicPartition) -> str:
        """Why the position is no longer in the partition; empty where it is."""
        position, partition = self._positions[tp], self._opened[tp]
        cuts, self._cuts[tp] = partition.cuts[self._cuts[tp] :], len(partition.cuts)
        topic = self._broker.topics.get(tp.topic)
        if topic is None or partition not in topic.partitions:
            return f"{tp} was deleted or made anew while it was read at offset {position}"
        if not partition.begin <= position <= min([partition.end, *cuts]):
            held = f"{tp} holds offsets {partition.begin} to {partition.end}"
            return f"{held}, the reader stands at {position}"
        return ""
