"""Segments of outdoor photographs, one per second on a made-up clock; what each shows follows a minute later.

``records()`` yields ``(stream, key, value, timestamp_ms)``. The data come with River and are read
from its wheel: no network is needed.
"""

import heapq
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from river.datasets import ImageSegments

Record = tuple[str, bytes, bytes, int]

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
LABEL_DELAY = 60


def records(limit: int | None = None) -> Iterator[Record]:
    """Yield events and labels in time order: the first ``limit`` events and all their labels.

    At the same instant the label follows the event.
    """
    return heapq.merge(_events(limit), _labels(limit), key=_when)


def _events(limit: int | None) -> Iterator[Record]:
    for second, (x, _) in enumerate(islice(ImageSegments(), limit)):
        event = {"id": _identity(second), "taken": _clock(START + second)}
        yield _record("events", second, START + second, event | {_name(key): x[key] for key in x})


def _labels(limit: int | None) -> Iterator[Record]:
    for second, (_, shown) in enumerate(islice(ImageSegments(), limit)):
        known = START + second + LABEL_DELAY
        label = {"id": _identity(second), "label": shown, "time": _clock(known)}
        yield _record("labels", second, known, label)


def _record(stream: str, number: int, seconds: int, value: dict[str, object]) -> Record:
    text = json.dumps(value, separators=(",", ":"))
    return stream, _identity(number).encode(), text.encode(), seconds * 1000


def _when(record: Record) -> tuple[int, str]:
    stream, _, _, timestamp = record
    return timestamp, stream  # "events" sorts before "labels"


def _identity(number: int) -> str:
    return f"segment-{number:04}"


def _name(column: str) -> str:
    """Return a column as pipeline.yaml calls it; the data set misspells one of them (vegde)."""
    return column.replace("vegde", "vedge").replace("-", "_")


def _clock(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
