"""Window: which batches of the journal lie around an onset, and where a model of before can be had."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from consumers.log import Span
from consumers.record import TopicPartition
from fluvial.errors import Gap
from fluvial.history import History
from fluvial.journal import Batch, Journal

EVENTS = 10_000
"""Events that are looked at on each side of the onset, at most."""

REACH = 250_000
"""Records that are replayed to have a model of before, at most: then a snapshot has to be near."""

ROWS = 500
"""Journal rows read at a time."""


class Window(NamedTuple):
    """Batches ``first`` to ``last``; the onset lies in batch ``onset``, ``until`` is an event time (s)."""

    first: int
    onset: int
    last: int
    rows: list[Batch]

    def since(self, batch: int) -> "Window":
        """The window without the batches before this one."""
        return self._replace(first=batch, rows=[row for row in self.rows if row.number >= batch])


def around(history: History, journal: Journal, onset: float, events: str, most: int) -> Window | None:
    """The window around an onset (event time, s); None where the journal is empty.

    ``events`` is the events topic, ``most`` how many of them are looked at on each side.
    """
    last, _ = journal.reached(history.index)
    if not last:
        return None
    at = _batch_of(history, last, onset)
    before = _rows(lambda reach: _earlier(journal, history, at, reach), events, most)
    after = _rows(lambda reach: _later(journal, history, at, reach), events, most)
    rows = [*reversed(before), *after]
    return Window(rows[0].number, at, rows[-1].number, rows) if rows else None


def _batch_of(history: History, last: int, onset: float) -> int:
    """The first batch that holds a record of the onset or later; the last one where none does.

    Stream time never runs back, so the journal is in its order and can be halved.
    """
    low, high = 1, last
    while low < high:
        middle = (low + high) // 2
        number, newest = _newest(history, middle, high)
        if newest is None or newest >= onset * 1000:
            high = middle
        else:
            low = number + 1
    return min(low, last)


def _newest(history: History, number: int, last: int) -> tuple[int, int | None]:
    """The timestamp (ms) of the newest record of the first batch from ``number`` on that has any.

    Records that are gone were the oldest ones: they lie before every onset that can be looked at.
    """
    try:
        for row, records in history.read(number - 1, last, chunk=1):
            if records:
                return row.number, max(record.timestamp for record in records)
    except Gap:
        return number, 0
    return last, None


def _rows(page: Callable[[int], Sequence[Batch]], events: str, most: int) -> list[Batch]:
    """Rows, nearest to the onset first, until they hold enough events."""
    found: list[Batch] = []
    held = 0
    while held < most and (some := page(len(found))):
        for row in some:
            if held >= most:
                break
            found.append(row)
            held += sum(done.count for tp, done in row.ranges.items() if tp.topic == events)
    return found


def _earlier(journal: Journal, history: History, onset: int, reach: int) -> list[Batch]:
    until = onset - 1 - reach
    rows = journal.batches(history.index, max(0, until - ROWS), until) if until > 0 else []
    return list(reversed(rows))


def _later(journal: Journal, history: History, onset: int, reach: int) -> list[Batch]:
    return journal.batches(history.index, onset - 1 + reach, limit=ROWS)


def still_there(window: Window, spans: Mapping[TopicPartition, Span]) -> Window:
    """The window without batches whose records the log has let go, as far as offsets tell.

    Raises Gap where nothing before the onset is left.
    """
    gone = [
        row.number
        for row in window.rows
        for tp, done in row.ranges.items()
        if tp not in spans or done.start < spans[tp].begin
    ]
    if not gone:
        return window
    if max(gone) >= window.onset - 1:
        raise Gap(f"the log has let go of the records of batch {max(gone)}")
    return window.since(max(gone) + 1)


def distance(journal: Journal, shard: int, start: int, first: int) -> int:
    """Records between a snapshot after batch ``start`` and the window, as far as it matters."""
    records, at = 0, start
    while at < first - 1 and records <= REACH:
        rows = journal.batches(shard, at, first - 1, limit=ROWS)
        if not rows:
            break
        at = rows[-1].number
        records += sum(done.count for row in rows for done in row.ranges.values())
    return records
