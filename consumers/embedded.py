"""EmbeddedLog: a durable log in one SQLite file, the default where no server is wanted."""

import time
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from consumers.log import DeliveryError, LogError, RangeLost, Span, TopicInfo, UnknownTopic
from consumers.logfile import NAP, LogFile, Row
from consumers.placement import placed
from consumers.record import Record, TopicPartition

POLL_RECORDS = 2_000
"""The most records of one partition that one poll returns."""

POLL_BYTES = 8 << 20
"""One poll stops reading a partition soon after so many bytes of values."""


class EmbeddedLog:
    """A log in the file ``path``; one instance belongs to the thread that made it.

    Any number of processes may have the file open. ``patience`` is how long to wait, in seconds,
    for another one that holds it. Compaction is a permission that this log does not use.
    """

    def __init__(self, path: Path | str, *, patience: float = 10.0) -> None:
        self._path, self._patience = Path(path), patience
        self._file = LogFile(self._path, patience)
        self._topics: dict[str, TopicInfo] = {}
        self._buffer: dict[tuple[str, int], list[tuple[int, bytes | None, bytes | None]]] = {}

    def create(self, topic: str, partitions: int, *, compact: bool = False) -> bool:
        with self._file.writing():
            known = self._file.topics([topic]).get(topic)
            if known is None:
                self._file.create(topic, partitions)
        if known is not None and known.partitions != partitions:
            raise LogError(f"topic {topic} exists with {known.partitions} partitions, not {partitions}")
        return known is None

    def describe(self, topics: Sequence[str]) -> dict[str, TopicInfo]:
        with self._file.reading():
            return self._file.topics(topics)

    def spans(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Span]:
        with self._file.reading():
            return {tp: self._file.table(tp)[1] for tp in partitions}

    def tail(self, positions: Mapping[TopicPartition, int]) -> "EmbeddedTail":
        return EmbeddedTail(LogFile(self._path, self._patience), positions)

    def fetch(self, tp: TopicPartition, start: int, end: int) -> list[Record]:
        with self._file.reading():
            table, span = self._file.table(tp)
            if start < span.begin or end > span.end:
                raise RangeLost(f"{tp} holds offsets {span.begin} to {span.end}, not {start} to {end}", [tp])
            return _records(tp, list(chain.from_iterable(self._file.rows(table, start, end))))

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
        self._buffer.setdefault((topic, partition), []).append((timestamp, key, value))

    def flush(self) -> None:
        buffer, self._buffer = self._buffer, {}
        believed, self._topics = self._topics, {}
        if not buffer:
            return
        with self._file.writing():
            if self._file.topics(list(believed)) != believed:
                raise DeliveryError("a topic was deleted or made anew since records were appended to it")
            for tp, rows in buffer.items():
                self._file.insert(TopicPartition(*tp), rows)
        self._topics = believed

    def trim(self, tp: TopicPartition, before: int) -> None:
        """Drop the records with ``offset < before``: retention. Their offsets are never given again."""
        with self._file.writing():
            self._file.trim(tp, before)

    def delete(self, topic: str) -> None:
        """Delete the topic with its records; one made anew under its name gets another id."""
        with self._file.writing():
            self._file.delete(topic)

    def close(self) -> None:
        self._file.close()

    def _learn(self, topic: str) -> TopicInfo:
        info = self.describe([topic]).get(topic)
        if info is None:
            raise UnknownTopic(f"topic {topic} does not exist: create it")
        self._topics[topic] = info
        return info


class EmbeddedTail:
    """Reads partitions of an embedded log forward, all of them as of one moment at each poll.

    It owns ``file``, a connection of its own: SQLite then tells cheaply whether anybody else wrote.
    """

    def __init__(self, file: LogFile, positions: Mapping[TopicPartition, int]) -> None:
        self._file, self._positions = file, dict(positions)
        self._wanted = frozenset(positions)
        self._ends: dict[TopicPartition, int] = {}
        self._lost: RangeLost | None = None
        try:
            with file.reading():
                self._tables = {tp: file.table(tp)[0] for tp in positions}
        except LogError:
            file.close()
            raise

    def poll(self, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        deadline = time.monotonic() + timeout
        while True:
            version = self._file.version()
            if found := self._read():
                return found
            while self._file.version() == version:
                left = deadline - time.monotonic()
                if left <= 0:
                    return {}
                time.sleep(min(NAP, left))

    def want(self, partitions: Sequence[TopicPartition]) -> None:
        self._wanted = frozenset(partitions)

    def at_end(self, tp: TopicPartition) -> bool:
        return tp in self._ends and self._positions[tp] >= self._ends[tp]

    def close(self) -> None:
        self._file.close()

    def _read(self) -> dict[TopicPartition, list[Record]]:
        with self._file.reading():
            self._look()
            waiting = [tp for tp in self._positions if tp in self._wanted and not self.at_end(tp)]
            found = {tp: _records(tp, self._some(tp)) for tp in waiting}
        for tp, records in found.items():
            self._positions[tp] = records[-1].offset + 1
        return found

    def _look(self) -> None:
        """Note where the partitions end; where a position is not in one, stop for good."""
        if self._lost is not None:
            raise self._lost
        spans = self._file.spans()
        gaps = {
            tp: gap
            for tp, position in self._positions.items()
            if (gap := _gap(tp, position, spans.get(self._tables[tp])))
        }
        if gaps:
            self._lost = RangeLost("; ".join(gaps.values()), gaps)
            raise self._lost
        self._ends = {tp: spans[table].end for tp, table in self._tables.items()}

    def _some(self, tp: TopicPartition) -> list[Row]:
        """The next rows of a partition, few enough to be held in memory."""
        rows: list[Row] = []
        size = 0
        end = min(self._ends[tp], self._positions[tp] + POLL_RECORDS)
        for more in self._file.rows(self._tables[tp], self._positions[tp], end):
            rows += more
            size += sum([len(row[3] or b"") for row in more])
            if size > POLL_BYTES:
                break
        return rows


def _gap(tp: TopicPartition, position: int, span: Span | None) -> str:
    """Why a partition cannot be read on from a position; empty where it can."""
    if span is None:
        return f"{tp} was deleted or made anew while it was read at offset {position}"
    if not span.begin <= position <= span.end:
        return f"{tp} holds offsets {span.begin} to {span.end}, the reader stands at {position}"
    return ""


def _records(tp: TopicPartition, rows: Sequence[Row]) -> list[Record]:
    topic, partition = tp
    return [Record(topic, partition, offset, time_, key, value) for offset, time_, key, value in rows]
