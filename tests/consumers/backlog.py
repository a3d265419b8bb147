"""A backlog of events and labels, and a reader that insists on seeing events first."""

from __future__ import annotations

import time
import uuid
from contextlib import closing

from consumers.aligned import Aligned
from consumers.log import Log
from consumers.record import TopicPartition

DELAY = 50  # ms from an event to its label: far less than what one poll returns


def write_backlog(log: Log, n: int, partitions: int) -> tuple[str, str]:
    """Write all labels first and then all events: only timestamps say what belongs where."""
    name = uuid.uuid4().hex[:12]
    topics = f"events-{name}", f"labels-{name}"
    for topic in topics:
        log.create(topic, partitions)
    for topic, delay in zip(reversed(topics), (DELAY, 0), strict=True):
        for i in range(n):
            log.append(topic, b"%d" % i, key=b"%d" % i, timestamp=1_000_000 + i + delay)
            if i % 5_000 == 4_999:
                log.flush()
        log.flush()
    return topics


def read_backlog(log: Log, events: str, labels: str, deadline_s: float = 120) -> int:
    """Return the number of labels read; every one of them after its event."""
    tps = [
        TopicPartition(t, p)
        for t, info in log.describe([events, labels]).items()
        for p in range(info.partitions)
    ]
    spans = log.spans(tps)
    left = sum(span.end - span.begin for span in spans.values())
    seen, counted, end = set[bytes | None](), 0, time.monotonic() + deadline_s
    with closing(
        Aligned(log.tail({tp: spans[tp].begin for tp in tps}), tps, {events: 0, labels: 1})
    ) as aligned:
        while left:
            assert time.monotonic() < end, f"{left} records are missing"
            aligned.poll(0 if aligned.ready(tps) else 1.0)
            batch = aligned.take(tps, 1_000)
            left -= len(batch)
            for record in batch:
                if record.topic == events:
                    seen.add(record.value)
                else:
                    counted += 1
                    assert record.value in seen, f"label {record.value!r} came before its event"
    return counted
