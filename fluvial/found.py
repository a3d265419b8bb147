"""Found: a published prediction looked up by the id of its event, from the newest on."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic_core import to_json

from consumers.log import Log, Span
from consumers.partitioner import partition_for
from consumers.record import Record, TopicPartition
from fluvial.config import Pipeline
from fluvial.said import Address, address_of, prediction_in

PAGE = 2_000


class NoSuchPrediction(LookupError):
    """No prediction of that event is to be found; the sentence says where was looked."""


class Found(NamedTuple):
    """A published prediction: its record, what it says, and the address of its event."""

    record: Record
    shown: dict[str, Any]
    source: Address


def find(pipeline: Pipeline, log: Log, event_id: str, most: int) -> Found:
    """The newest prediction of an event among the ``most`` newest of each partition.

    The partition that the id as a key leads to is searched first. Raises NoSuchPrediction, LogError.
    """
    topic = pipeline.topic("predictions")
    info = log.describe([topic]).get(topic)
    count = info.partitions if info else 0
    likely = partition_for(event_id.encode(), count) if count else 0
    order = sorted(range(count), key=lambda number: (number != likely, number))
    spans = log.spans([TopicPartition(topic, number) for number in order]) if count else {}
    for tp, span in spans.items():
        for record in _backwards(log, tp, span, most):
            if (found := _match(record, event_id)) is not None:
                return found
    raise NoSuchPrediction(_where(topic, spans, event_id, most))


def _backwards(log: Log, tp: TopicPartition, span: Span, most: int) -> Iterator[Record]:
    first = max(span.begin, span.end - most)
    for end in range(span.end, first, -PAGE):
        yield from reversed(log.fetch(tp, max(first, end - PAGE), end))


def _match(record: Record, event_id: str) -> Found | None:
    if to_json(event_id) not in (record.value or b""):  # parsing all of them would take much longer
        return None
    shown = prediction_in(record)
    return Found(record, shown, address_of(shown)) if shown and shown.get("id") == event_id else None


def _where(topic: str, spans: dict[TopicPartition, Span], event_id: str, most: int) -> str:
    looked = sum(min(most, span.end - span.begin) for span in spans.values())
    said = f"no prediction of {event_id!r} is among the newest {looked:,} of {topic}"
    if any(span.end - span.begin > most for span in spans.values()):
        return f"{said}: look further back with --search {4 * most}"
    if any(span.begin for span in spans.values()):
        return f"{said}, which is all that is left: earlier ones are gone (retention)"
    return f"{said}, which is all: was it quarantined, or is the id spelled otherwise?"
