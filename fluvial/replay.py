"""Replay: the journal's batches once more, from the log, exactly as they were.

Recovery, failover, verification and backtests are this one loop. A range that is gone or is not
what was journaled stops it with Gap: nothing is skipped and nothing starts empty.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence

from consumers.aligned import merge
from consumers.log import Log, RangeLost, UnknownTopic, Unreadable
from consumers.record import Record, TopicPartition
from fluvial.errors import Gap
from fluvial.journal import Batch, Range
from fluvial.shard import Models, Output, Shard, batch_step, no_models

CHUNK = 20_000
"""Records fetched at a time: rows of a busy shard are small, and a fetch costs a round trip."""


def fingerprint(records: Sequence[Record]) -> int:
    """CRC-32 over address, time, key and value of records in offset order.

    Lengths go in too (-1 for what is absent), so that no key or value passes for another's.
    """
    crc = 0
    for _, _, offset, timestamp, key, value, *_ in records:
        sizes = -1 if key is None else len(key), -1 if value is None else len(value)
        crc = zlib.crc32(b"%d:%d:%d:%d:" % (offset, timestamp, *sizes), crc)
        crc = zlib.crc32(value or b"", zlib.crc32(key or b"", crc))
    return crc


def first_fingerprint(records: Sequence[Record]) -> int:
    """As the first stores have it: without lengths, so that an absent value passes for the byte FF."""
    crc = 0
    for record in records:
        crc = zlib.crc32(b"%d:%d:" % (record.offset, record.timestamp), crc)
        crc = zlib.crc32(record.key or b"\xff", crc)
        crc = zlib.crc32(record.value if record.value is not None else b"\xff", crc)
    return crc


def is_of(records: Sequence[Record], wanted: Range) -> bool:
    """Whether these are the records that a range was made of."""
    return len(records) == wanted.count and (
        fingerprint(records) == wanted.crc or first_fingerprint(records) == wanted.crc
    )


def range_of(records: Sequence[Record], start: int) -> Range:
    """The half-open range from ``start`` that ends with the last of ``records`` (not empty)."""
    return Range(start, records[-1].offset + 1, len(records), fingerprint(records))


def by_partition(records: Sequence[Record]) -> dict[TopicPartition, list[Record]]:
    """Sort records into their partitions, keeping the order in each."""
    found: dict[TopicPartition, list[Record]] = {}
    for record in records:
        found.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
    return found


def replay(
    log: Log,
    shard: Shard,
    batches: Sequence[Batch],
    ranks: Mapping[str, int],
    *,
    models: Models = no_models,
    chunk: int | None = None,
) -> Iterator[tuple[Batch, list[Output]]]:
    """Step ``batches`` through ``shard`` and yield each with its outputs.

    ``models`` gives the model that a decision brings. Raises Gap, StepFailed.
    """
    for batch, records in read(log, batches, ranks, chunk=chunk):
        yield batch, batch_step(shard, batch.number, batch.decisions, records, models=models)


def read(
    log: Log, batches: Sequence[Batch], ranks: Mapping[str, int], *, chunk: int | None = None
) -> Iterator[tuple[Batch, list[Record]]]:
    """Yield each batch with its records in the order in which they were stepped. Raises Gap."""
    for some in _chunks(batches, CHUNK if chunk is None else chunk):
        held = _fetch(log, some)
        for batch in some:
            records = {tp: _cut(held[tp], tp, wanted) for tp, wanted in batch.ranges.items()}
            yield batch, merge(records, ranks)


def _chunks(batches: Sequence[Batch], records: int) -> Iterator[list[Batch]]:
    chunk: list[Batch] = []
    size = 0
    for batch in batches:
        # Where a gap was accepted offsets jump: what comes after it is fetched by itself.
        if chunk and (size >= records or any(d.action == "accept_gap" for d in batch.decisions)):
            yield chunk
            chunk, size = [], 0
        chunk.append(batch)
        size += sum(r.count for r in batch.ranges.values())
    if chunk:
        yield chunk


def _fetch(log: Log, chunk: Sequence[Batch]) -> dict[TopicPartition, list[Record]]:
    spans: dict[TopicPartition, tuple[int, int]] = {}
    for batch in chunk:
        for tp, wanted in batch.ranges.items():
            start, end = spans.get(tp, (wanted.start, wanted.start))
            if wanted.start != end:
                raise Gap(f"{tp}: the journal jumps from {end} to {wanted.start}")
            spans[tp] = (start, wanted.end)
    try:
        return {tp: log.fetch(tp, start, end) for tp, (start, end) in spans.items()}
    except (RangeLost, UnknownTopic, Unreadable) as error:
        raise Gap(f"{error}; the journal needs these records to rebuild the model") from error


def _cut(held: list[Record], tp: TopicPartition, wanted: Range) -> list[Record]:
    # Ranges come in the order of offsets: what a batch takes is the front of what is held.
    n = 0
    while n < len(held) and held[n].offset < wanted.end:
        n += 1
    records = held[:n]
    del held[:n]
    if not is_of(records, wanted):
        raise Gap(
            f"{tp}: offsets {wanted.start} to {wanted.end} hold {len(records)} records that differ from the "
            f"{wanted.count} that were learned from (compaction, or another topic under the same name)"
        )
    return records
