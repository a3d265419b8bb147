"""The flights of 2013, and from one of them on a fault: labels mean nothing, and some events are cut."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

FLIGHTS = Path(__file__).parent.parent.parent / "examples" / "flights" / "producer.py"
SOUND = 25_000
"""Events before the fault: the warm-up of the pipeline's monitor and a little more."""

CUT = 4
"""Every so manieth event after it cannot be read."""

Record = tuple[str, bytes, bytes, int]


def records(limit: int | None = None) -> Iterator[Record]:
    """As the producer of the example, and spoilt."""
    spec = importlib.util.spec_from_file_location("flights", FLIGHTS)
    assert spec is not None
    assert spec.loader is not None
    flights = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(flights)
    events = 0
    for stream, key, value, at in flights.records(limit):
        events += stream == "events"
        yield stream, key, value if events <= SOUND else _spoilt(stream, value, events), at


def _spoilt(stream: str, value: bytes, number: int) -> bytes:
    if stream == "events":
        return value[: len(value) // 2] if number % CUT == 0 else value
    label = json.loads(value)
    coin = crc32(str(label["id"]).encode()) % 2  # nothing that a model could learn
    return json.dumps(label | {"label": bool(coin)}).encode()
