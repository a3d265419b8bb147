"""Aligned: many partitions as one stream in the order of time, live and again at replay.

A poll drains one partition after the other, so on a backlog a reader that takes records as they
come sees labels long before their events. Here every partition has a buffer, and the oldest *head*
of all buffers goes next. Only heads are compared: the order inside a partition is never changed,
not even where its timestamps go back.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heapreplace
from itertools import islice

from consumers.log import Tail
from consumers.record import Record, TopicPartition

ENOUGH_RECORDS = 4_000
"""A partition with so many records in its buffer is not read further for the moment."""

ENOUGH_BYTES = 16 << 20
"""The same for large values."""

IDLE = 5.0
"""Seconds for which a partition that says nothing and is not at its end holds the others back.

Long, because on a busy machine the first records of a backlog can take a second to come, and the
logs know their ends: in quiet times nothing waits for this.
"""

_RECHECK = 0.02  # seconds; the end of a partition can be reached without a record that tells of it

Heads = Mapping[TopicPartition, deque[Record]]


def merge(records: Mapping[TopicPartition, Sequence[Record]], ranks: Mapping[str, int]) -> list[Record]:
    """Return the records that one ``Aligned.take`` gave, in the order in which it gave them.

    ``records`` are the ranges that it took from each partition. The order is found again because a
    head that was the oldest of all buffers is also the oldest among the records of its own batch.
    """
    heads = {tp: deque(found) for tp, found in records.items() if found}
    return [record for _, record in _oldest_first(heads, ranks)]


class Aligned:
    """Reads ``partitions`` of ``tail`` aligned by time; one instance serves all shards of a worker.

    The order is (timestamp, rank of the topic, partition, offset): at equal times the topic of the
    lower rank goes first. A partition whose buffer is empty though its end is not reached holds
    the others of its shard back, for ``idle`` seconds of ``clock`` at most.
    """

    def __init__(
        self,
        tail: Tail,
        partitions: Iterable[TopicPartition],
        ranks: Mapping[str, int],
        *,
        idle: float = IDLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tail, self._ranks, self._idle, self._clock = tail, dict(ranks), idle, clock
        self._buffers: dict[TopicPartition, deque[Record]] = {tp: deque() for tp in partitions}
        self._bytes = dict.fromkeys(self._buffers, 0)
        self._wanted = frozenset(self._buffers)
        self._held_since: dict[TopicPartition, float] = {}

    def poll(self, timeout: float) -> None:
        """Read into the buffers; waits up to ``timeout`` seconds while nothing new comes.

        Returns at once where every buffer is full, so that a caller who waits takes first.
        """
        self._want()
        if not self._wanted:
            return
        patience = min(timeout, _RECHECK) if self._held_since else timeout
        for tp, records in self._tail.poll(patience).items():
            self._buffers[tp].extend(records)
            self._bytes[tp] += sum([len(record.value or b"") for record in records])

    def ready(self, partitions: Iterable[TopicPartition]) -> int:
        """Return how many records ``take`` can give at most, 0 while they are held back."""
        heads = self._heads(partitions)
        return 0 if self._held(heads) else sum(map(len, heads.values()))

    def take(self, partitions: Iterable[TopicPartition], n: int) -> list[Record]:
        """Return up to ``n`` records of one shard's partitions, the oldest head first.

        One call is one batch: records of two calls put together have no order that ``merge`` finds.
        """
        heads = self._heads(partitions)
        if self._held(heads):
            return []
        taken = []
        for tp, record in islice(_oldest_first(heads, self._ranks), n):
            taken.append(record)
            self._bytes[tp] -= len(record.value or b"")
            if not heads[tp] and not self._tail.at_end(tp):
                break
        return taken

    def close(self) -> None:
        self._tail.close()

    def _heads(self, partitions: Iterable[TopicPartition]) -> Heads:
        return {tp: self._buffers[tp] for tp in partitions}

    def _want(self) -> None:
        """Let the tail read only what has room, so that a partition far ahead waits for the others."""
        wanted = frozenset(tp for tp in self._buffers if not self._full(tp))
        if wanted != self._wanted:
            self._tail.want(sorted(wanted))
            self._wanted = wanted

    def _full(self, tp: TopicPartition) -> bool:
        # a partition held back is let on again at half of the mark: with some logs it costs a request
        share = 1.0 if tp in self._wanted else 0.5
        return len(self._buffers[tp]) >= share * ENOUGH_RECORDS or self._bytes[tp] >= share * ENOUGH_BYTES

    def _held(self, heads: Heads) -> bool:
        """Whether an empty partition may still have something older than what the others hold."""
        some = any(heads.values())
        now, held = self._clock(), False
        for tp, buffer in heads.items():
            if some and not buffer and not self._tail.at_end(tp):
                held |= now - self._held_since.setdefault(tp, now) < self._idle
            else:
                self._held_since.pop(tp, None)
        return held


def _oldest_first(heads: Heads, ranks: Mapping[str, int]) -> Iterator[tuple[TopicPartition, Record]]:
    """Pop the oldest head of all, again and again; the caller may stop at any record."""
    heap = [(*_age(buffer[0], ranks), tp) for tp, buffer in heads.items() if buffer]
    heapify(heap)
    while heap:
        tp = heap[0][-1]
        buffer = heads[tp]
        record = buffer.popleft()
        if buffer:
            heapreplace(heap, (*_age(buffer[0], ranks), tp))
        else:
            heappop(heap)
        yield tp, record


def _age(record: Record, ranks: Mapping[str, int]) -> tuple[int, int, int, int]:
    return record.timestamp, ranks[record.topic], record.partition, record.offset
