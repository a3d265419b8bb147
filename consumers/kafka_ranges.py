"""Ranges: exact ranges of a Kafka log, for replay."""

import time
from collections import deque
from collections.abc import Callable, Sequence

from consumers.kafka_clients import Clients
from consumers.kafka_reader import Reader
from consumers.log import LogError, LogUnavailable, RangeLost, Span, Unreadable
from consumers.record import Record, TopicPartition

_REMEMBERED = 64  # partitions; of each about one fetch, a megabyte


class _Ahead:
    """What was read of a partition beyond the last range asked for."""

    def __init__(self, start: int) -> None:
        self.begin, self.position = start, start
        self.records = deque[Record]()

    def skip(self, offset: int) -> bool:
        """Forget what lies before ``offset``; False where that is not a place in here."""
        if not self.begin <= offset <= self.position:
            return False
        while self.records and self.records[0].offset < offset:
            self.records.popleft()
        self.begin = offset
        return True

    def take(self, end: int) -> list[Record]:
        taken = []
        while self.records and self.records[0].offset < end:
            taken.append(self.records.popleft())
        self.begin = end
        return taken


class Ranges:
    """Reads one range after the other through one consumer.

    A fetch brings more than was asked for; what belongs to later ranges is remembered, so that
    ranges of several partitions in turn, as a journal has them, do not cost a request each.
    """

    def __init__(
        self, clients: Clients, spans: Callable[[Sequence[TopicPartition]], dict[TopicPartition, Span]]
    ) -> None:
        self._clients, self._spans = clients, spans
        self._reader: Reader | None = None
        self._ahead: dict[TopicPartition, _Ahead] = {}

    def fetch(self, tp: TopicPartition, start: int, end: int) -> list[Record]:
        """Return the records of [start, end) as ``Log.fetch`` promises it."""
        if start >= end:
            self._check(tp, start, end)
            return []
        ahead = self._ahead.pop(tp, None)
        if ahead is None or not ahead.skip(start):
            ahead = _Ahead(start)
        if ahead.position < end:
            self._read(tp, ahead, end)
        self._remember(tp, ahead)
        return ahead.take(end)

    def close(self) -> None:
        self._ahead.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read(self, tp: TopicPartition, ahead: _Ahead, end: int) -> None:
        deadline = time.monotonic() + self._clients.patience
        try:
            reader = self._at(tp, ahead.position)
            while ahead.position < end:
                found = reader.poll(0.1).get(tp, [])
                ahead.records.extend(found)
                ahead.position = reader.position(tp)
                if found:
                    deadline = time.monotonic() + self._clients.patience
                elif ahead.position < end:
                    self._check(tp, ahead.begin, end)
                    if time.monotonic() > deadline:
                        raise LogUnavailable(f"{tp} gives nothing from offset {ahead.position} on")
        except RangeLost:
            self.close()
            self._check(tp, ahead.begin, end)  # says it with figures
            raise
        except Unreadable as error:
            self.close()
            raise Unreadable(f"{tp} cannot be read from offset {ahead.position} on: {error}", [tp]) from error
        except LogError:
            self.close()  # a consumer is of no use after an error
            raise

    def _at(self, tp: TopicPartition, position: int) -> Reader:
        if self._reader is None:
            self._reader = Reader(self._clients, at_most=100_000, wait_ms=20)
        if self._reader.assigned() != {tp}:
            self._reader.assign({tp: position})
        elif self._reader.position(tp) != position:
            self._reader.seek(tp, position)
        return self._reader

    def _check(self, tp: TopicPartition, start: int, end: int) -> None:
        span = self._spans([tp])[tp]
        if start < span.begin or end > span.end:
            raise RangeLost(f"{tp} holds offsets {span.begin} to {span.end}, not {start} to {end}", [tp])

    def _remember(self, tp: TopicPartition, ahead: _Ahead) -> None:
        self._ahead[tp] = ahead
        if len(self._ahead) > _REMEMBERED:
            del self._ahead[next(iter(self._ahead))]
