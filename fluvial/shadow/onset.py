"""Onset: which batch was the last before a moment of the stream, found without replaying any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumers.log import Log, RangeLost
from fluvial.journal import Batch, Journal

if TYPE_CHECKING:
    from fluvial.place import Place


def batch_before(place: Place, shard: int, time: float) -> int:
    """The last batch that holds nothing newer than a stream time (seconds since 1970 UTC); 0 for none.

    Batches are in the order of stream time, so a few of them are looked into. Those whose records are
    gone count as older. Raises LogError.
    """
    low, high = 0, place.journal.reached(shard)[0]
    while low < high:
        middle = (low + high + 1) // 2
        newest = _newest(place.log, place.journal, shard, middle)
        if newest is None or newest <= time:
            low = middle
        else:
            high = middle - 1
    return low


def _newest(log: Log, journal: Journal, shard: int, number: int) -> float | None:
    """The newest time in a batch; of one that holds no record in the batch before it; None for none."""
    for row in reversed(journal.batches(shard, max(0, number - 50), number)):
        times = _times(log, row)
        if times:
            return max(times) / 1000
        if any(done.count for done in row.ranges.values()):
            return None
    return None


def _times(log: Log, row: Batch) -> list[int]:
    found: list[int] = []
    for tp, done in row.ranges.items():
        try:
            found += [record.timestamp for record in log.fetch(tp, done.start, done.end)]
        except RangeLost:
            return []
    return found
