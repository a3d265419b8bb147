"""Said: what was published about the events of one partition, read forward beside a replay.

An event's prediction goes to the partition of the same number, and a batch is published before the
next one is journaled. Along a partition the offsets of the events therefore rise, except where a
batch was published again after a crash, and where the topic of events was made anew. That is what
lets a topic of any length be compared with a few thousand predictions in memory.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any, NamedTuple

from pydantic_core import from_json

from consumers.log import Log, Span
from consumers.record import Record, TopicPartition
from fluvial.journal import Batch
from fluvial.place import Place, partitions_of

PAGE, IN_MEMORY = 2_000, 40_000
"""Predictions read at a time, and how many all partitions together may hold."""


_ADDRESS = re.compile(r".+:\d+:\d+")


class Address(NamedTuple):
    """Where an event stands."""

    tp: TopicPartition
    offset: int

    def __str__(self) -> str:
        return f"{self.tp}:{self.offset}"


class Entry(NamedTuple):
    """One published prediction: the address of its event, its bytes, and what they say."""

    source: Address
    value: bytes
    shown: dict[str, Any]

    @property
    def offset(self) -> int:
        """The offset of its event."""
        return self.source.offset

    @property
    def made_by(self) -> tuple[str, str]:
        """The versions of model and contract, without how often the model was exchanged."""
        return str(self.shown.get("model")).partition(".")[0], str(self.shown.get("contract"))


class Said:
    """The predictions of one shard in partition ``tp`` of their topic, within ``span``, from its begin on.

    ``events`` is the topic of the events that they are about.
    """

    def __init__(
        self, log: Log, tp: TopicPartition, events: str, shard: int, span: Span, *, page: int = PAGE
    ) -> None:
        self._log, self._tp, self._events, self._shard, self._span = log, tp, events, shard, span
        self._size = page
        self._next = span.begin
        self._page: deque[Entry] = deque()
        self._first: int | None = None

    def begun_before(self, offset: int) -> bool:
        """Whether what was read begins with an earlier event: then the prediction of this one is no
        longer there only if somebody took it out.
        """
        return self._first is not None and self._first < offset

    def upto(self, offset: float) -> Iterator[Entry]:
        """Yield what comes next in the topic as long as it is about events before ``offset``."""
        while self._fill():
            if self._page[0].offset >= offset:
                return
            entry = self._page.popleft()
            if self._first is None:
                self._first = entry.offset
            yield entry

    def rest(self) -> Iterator[Entry]:
        """Everything that is left."""
        return self.upto(inf)

    def back_to(self, offset: int) -> None:
        """Begin a little before the newest stretch that is about events from ``offset`` on."""
        start = self._span.end
        while start > self._span.begin:
            start = max(self._span.begin, start - self._size)
            first = next(self._entries(start, min(start + self._size, self._span.end)), None)
            if first is not None and first.offset < offset:
                start = max(self._span.begin, start - self._size)  # what was published twice lies before it
                break
        self._begin(start)

    def skip_to_life(self, first_end: int) -> None:
        """Begin where the events start over from below ``first_end``: their topic was made anew there."""
        begin, before = self._span.begin, -1
        for start in range(self._span.begin, self._span.end, self._size):
            for record in self._records(start, min(start + self._size, self._span.end)):
                if (entry := self._entry(record)) is None:
                    continue
                if entry.offset < before and entry.offset < first_end:
                    begin = record.offset
                before = entry.offset
        self._span = self._span._replace(begin=begin)
        self._begin(begin)

    def _begin(self, at: int) -> None:
        self._next = at
        self._page.clear()

    def _fill(self) -> bool:
        while not self._page and self._next < self._span.end:
            end = min(self._next + self._size, self._span.end)
            self._page.extend(self._entries(self._next, end))
            self._next = end
        return bool(self._page)

    def _entries(self, start: int, end: int) -> Iterator[Entry]:
        found = (self._entry(record) for record in self._records(start, end))
        return (entry for entry in found if entry is not None)

    def _records(self, start: int, end: int) -> list[Record]:
        return self._log.fetch(self._tp, start, end)

    def _entry(self, record: Record) -> Entry | None:
        """A record as a prediction of this shard; None where it is none."""
        shown = prediction_in(record)
        if shown is None or shown["shard"] != self._shard:
            return None
        source = address_of(shown)
        ours = source.tp == TopicPartition(self._events, self._tp.partition)
        return Entry(source, record.value or b"", shown) if ours else None


def prediction_in(record: Record) -> dict[str, Any] | None:
    """What a record of a predictions topic says; None where somebody else put something else there."""
    try:
        shown = from_json(record.value or b"")
    except ValueError:
        return None
    ours = isinstance(shown, dict) and "shard" in shown and _ADDRESS.fullmatch(str(shown.get("source")))
    return shown if ours else None


def address_in(value: bytes) -> Address:
    """The event that a prediction of ours is about."""
    return address_of(from_json(value))


def address_of(shown: Mapping[str, Any]) -> Address:
    """The event that a prediction is about."""
    tp, _, offset = str(shown["source"]).rpartition(":")
    return Address(TopicPartition.parse(tp), int(offset))


def said_of(place: Place, shard: int) -> dict[int, Said]:
    """What was published until now about the events of a shard, by the number of their partition."""
    pipeline, log = place.pipeline, place.log
    events, topic = pipeline.topic("events"), pipeline.topic("predictions")
    info = log.describe([topic]).get(topic)
    numbers = {tp.partition for tp in partitions_of(pipeline, shard) if tp.topic == events}
    held = [TopicPartition(topic, n) for n in sorted(numbers) if info is not None and n < info.partitions]
    page = max(20, min(PAGE, IN_MEMORY // (len(held) or 1)))
    spans = log.spans(held) if held else {}
    return {tp.partition: Said(log, tp, events, shard, span, page=page) for tp, span in spans.items()}


def skip_old_lives(place: Place, shard: int, said: dict[int, Said]) -> None:
    """Where the topic of events was made anew, begin with what was published since."""
    events = place.pipeline.topic("events")
    for row in place.journal.rows_with(shard, "accept_gap"):
        for decision in row.decisions:
            for name, (reached, begin) in decision.args.get("skipped", {}).items():
                tp = TopicPartition.parse(name)
                if tp.topic == events and begin < reached and tp.partition in said:
                    first = _first_with(place, shard, row.number, tp)
                    said[tp.partition].skip_to_life(first)


def _first_with(place: Place, shard: int, after: int, tp: TopicPartition) -> int:
    """Where the first range of a partition ends that was journaled after a batch; 0 without one."""
    rows: list[Batch]
    while rows := place.journal.batches(shard, after, limit=500):
        for row in rows:
            if tp in row.ranges:
                return row.ranges[tp].end
        after = rows[-1].number
    return 0
