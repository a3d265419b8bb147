"""KafkaTail: partitions of a Kafka log, read forward with one consumer for each topic."""

import time
from collections.abc import Collection, Mapping, Sequence

from consumers.kafka_clients import Clients
from consumers.kafka_reader import Reader
from consumers.log import (
    Log,
    LogError,
    LogUnavailable,
    PartitionsAdded,
    RangeLost,
    Span,
    TopicInfo,
    UnknownTopic,
    Unreadable,
)
from consumers.record import Record, TopicPartition

POLL_RECORDS = 2_000
"""The most records that one poll returns of one topic."""

WATCH = 5.0
"""Seconds between two looks at whether the log is there and still holds what is read."""

STALL = 10.0
"""Seconds of waiting after which a topic that has records but gives none gets a new consumer."""

_DOUBT = 0.1  # seconds between two questions where a silent topic ends

_TRIAL = 2.0  # seconds to try whether one partition can be read

_SLICE = 0.05  # seconds to wait for the first topic before the others get their turn


class KafkaTail:
    """Reads partitions of several topics; waits longest on the topic that ``positions`` names first.

    A consumer for each topic, because a consumer can only be held back as a whole: it is not
    polled, or is assigned fewer partitions.
    """

    def __init__(self, clients: Clients, log: Log, positions: Mapping[TopicPartition, int]) -> None:
        self._clients, self._log, self._positions = clients, log, dict(positions)
        self._topics = list(dict.fromkeys(tp.topic for tp in positions))
        self._infos = self._check_topics()
        self._wanted = frozenset(positions)
        self._readers: dict[str, Reader] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._asked = dict.fromkeys(self._topics, 0.0)
        self._silence = dict.fromkeys(self._topics, 0.0)
        self._watch_at = time.monotonic() + WATCH
        self._lost: RangeLost | None = None

    def poll(self, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        deadline = time.monotonic() + timeout
        try:
            while True:
                self._watch()
                left = max(0.0, deadline - time.monotonic())
                found = self._sweep(left)
                self._advance(found)
                self._ask_ends({tp.topic for tp in found})
                if found:
                    return found
                if time.monotonic() >= deadline:
                    return {}
        except RangeLost as lost:
            self._lost = lost
            raise

    def want(self, partitions: Sequence[TopicPartition]) -> None:
        self._wanted = frozenset(partitions)

    def at_end(self, tp: TopicPartition) -> bool:
        return tp in self._ends and self._readers[tp.topic].position(tp) >= self._ends[tp]

    def close(self) -> None:
        for topic in list(self._readers):
            self._forget(topic)

    def _check_topics(self) -> dict[str, TopicInfo]:
        infos = self._describe()
        missing = [
            tp
            for tp in self._positions
            if tp.topic not in infos or tp.partition >= infos[tp.topic].partitions
        ]
        if missing:
            raise UnknownTopic(f"{missing[0]} does not exist: create it", missing)
        return infos

    def _describe(self) -> dict[str, TopicInfo]:
        try:
            return self._log.describe(self._topics)
        except Unreadable as error:
            denied = [topic for topic in self._topics if self._is_denied(topic)]
            raise Unreadable(str(error), self._of(denied)) from error

    def _is_denied(self, topic: str) -> bool:
        try:
            self._log.describe([topic])
        except Unreadable:
            return True
        return False

    def _of(self, topics: Collection[str]) -> list[TopicPartition]:
        return [tp for tp in self._positions if tp.topic in topics]

    def _sweep(self, patience: float) -> dict[TopicPartition, list[Record]]:
        """Ask every topic of which something is wanted, waiting for the first of them only."""
        wanted = {topic: tps for topic in self._topics if (tps := self._wanted_of(topic))}
        found: dict[TopicPartition, list[Record]] = {}
        if not wanted:
            time.sleep(patience)
            return found
        first, *others = wanted
        wait = min(patience, _SLICE if others else WATCH)
        try:
            for topic in others:
                found.update(self._read(topic, wanted[topic], 0.0))
            found.update(self._read(first, wanted[first], 0.0 if found else wait))
        except LogError:
            if not found:
                raise
            # what other topics gave is gone from their consumers: hand it on; the trouble comes again
        return found

    def _wanted_of(self, topic: str) -> dict[TopicPartition, int]:
        return {tp: at for tp, at in self._positions.items() if tp.topic == topic and tp in self._wanted}

    def _read(
        self, topic: str, positions: Mapping[TopicPartition, int], wait: float
    ) -> dict[TopicPartition, list[Record]]:
        before = time.monotonic()
        try:
            reader = self._reader(topic)
            if reader.assigned() != positions.keys():
                self._unlearn_ends(topic)
                reader.assign(positions)
            found = reader.poll(wait)
        except LogError as error:
            self._forget(topic)  # a consumer is of no use after an error
            if isinstance(error, Unreadable):
                raise self._located(error, topic, positions) from error
            raise
        self._silence[topic] = 0.0 if found else self._silence[topic] + time.monotonic() - before
        return found

    def _reader(self, topic: str) -> Reader:
        if topic not in self._readers:
            self._readers[topic] = Reader(self._clients, at_most=POLL_RECORDS, wait_ms=100)
        return self._readers[topic]

    def _forget(self, topic: str) -> None:
        self._silence[topic] = 0.0
        self._unlearn_ends(topic)
        if reader := self._readers.pop(topic, None):
            reader.close()

    def _advance(self, found: Mapping[TopicPartition, Sequence[Record]]) -> None:
        for tp, records in found.items():
            self._positions[tp] = records[-1].offset + 1

    def _ask_ends(self, spoke: Collection[str]) -> None:
        """Ask where topics end that seem to be at their end, and those that said nothing.

        What came may be the answer to something that another consumer has not heard of yet, so an
        end that was learned before is no proof that nothing older is on its way. Nor is silence.
        """
        for topic, reader in list(self._readers.items()):
            seems_done = spoke and any(self._seems_at_end(tp) for tp in reader.assigned())
            silent = topic not in spoke and time.monotonic() - self._asked[topic] >= _DOUBT
            if seems_done or (silent and not all(self.at_end(tp) for tp in reader.assigned())):
                self._learn_ends(topic, reader)

    def _learn_ends(self, topic: str, reader: Reader) -> None:
        self._asked[topic] = time.monotonic()
        try:
            self._ends.update(reader.ask_ends(reader.assigned()))
        except LogUnavailable:
            self._forget(topic)  # records may wait to be returned; the next read says what is wrong

    def _seems_at_end(self, tp: TopicPartition) -> bool:
        reader = self._readers[tp.topic]
        end = reader.end(tp)
        return self.at_end(tp) or (end is not None and reader.position(tp) >= end)

    def _unlearn_ends(self, topic: str) -> None:
        self._ends = {tp: end for tp, end in self._ends.items() if tp.topic != topic}

    def _located(self, error: Unreadable, topic: str, positions: Mapping[TopicPartition, int]) -> LogError:
        """The error with the partitions it concerns: kafka-python names none, so each is tried alone.

        Who is denied a topic is denied all of it, and a trial that a slow broker lets wait would not tell.
        """
        denied = self._is_denied(topic)
        failing = {tp: at for tp, at in positions.items() if denied or self._fails(tp, at)}
        if not failing:
            return LogUnavailable(f"{error}; asked again, it can be read")
        places = " and ".join(f"{tp} (offset {at})" for tp, at in failing.items())
        return Unreadable(f"{places} cannot be read: {error}", failing)

    def _fails(self, tp: TopicPartition, position: int) -> bool:
        deadline = time.monotonic() + _TRIAL
        reader = Reader(self._clients, at_most=1, wait_ms=20)
        try:
            reader.assign({tp: position})
            while time.monotonic() < deadline and reader.end(tp) != position:
                if reader.poll(0.1):
                    return False
        except Unreadable:
            return True
        finally:
            reader.close()
        return False  # there is nothing more in it, or nothing yet

    def _watch(self) -> None:
        """See that the log answers, that it holds what is read next, and that nothing stalls."""
        if self._lost is not None:
            raise self._lost
        if time.monotonic() < self._watch_at:
            return
        self._watch_at = time.monotonic() + WATCH
        infos = self._describe()
        gone = [
            topic for topic, known in self._infos.items() if topic not in infos or infos[topic].id != known.id
        ]
        lost = {tp: f"topic {tp.topic} was deleted or made anew while it was read" for tp in self._of(gone)}
        lost |= self._look_at(self._log.spans([tp for tp in self._positions if tp not in lost]))
        if lost:
            raise RangeLost("; ".join(dict.fromkeys(lost.values())), lost)
        self._see_growth(infos)

    def _look_at(self, spans: Mapping[TopicPartition, Span]) -> dict[TopicPartition, str]:
        """Why partitions cannot be read on; also starts those anew that say nothing for too long."""
        lost = {}
        for tp, span in spans.items():
            position = self._positions[tp]
            if not span.begin <= position <= span.end:
                lost[tp] = f"{tp} holds offsets {span.begin} to {span.end}, the reader stands at {position}"
            elif self._silence[tp.topic] >= STALL and self._stands_before(tp, span.end):
                self._forget(tp.topic)
        return lost

    def _see_growth(self, infos: Mapping[str, TopicInfo]) -> None:
        for topic, info in infos.items():
            before = self._infos[topic].partitions
            if info.partitions > before:
                self._infos[topic] = info
                raise PartitionsAdded(topic, before, info.partitions)

    def _stands_before(self, tp: TopicPartition, end: int) -> bool:
        reader = self._readers.get(tp.topic)
        return reader is not None and tp in reader.assigned() and reader.position(tp) < end
