"""Window: what a monitor remembers of a stream: fine where it is new, coarse where it is old.

The exponential histogram of ADWIN (Bifet and Gavaldà, Learning from Time-Changing Data with Adaptive
Windowing, 2007): when a row of equal buckets is full, its two oldest become one of the next row.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

PER_ROW = 14
"""Buckets of one size: a bucket is at most a fourteenth of what is newer than it."""


class Bucket(NamedTuple):
    """A run of observations: how many, their sum, and the event time of the last (seconds)."""

    n: int
    total: float
    time: float


class Window:
    """Buckets of blocks, in rows: one of row ``j`` holds 2**j blocks. ``since`` is when the oldest began.

    >>> window = Window(0.0)
    >>> for i in range(100):
    ...     window.add(Bucket(8, 1.0, float(i)))
    >>> window.n, window.total, len(window.newest_first()), window.newest_first()[-1][1].n
    (800, 100.0, 41, 64)
    """

    def __init__(self, since: float, buckets: Iterable[tuple[int, Bucket]] = ()) -> None:
        self.since = since
        self.rows: list[deque[Bucket]] = []
        self.n, self.total = 0, 0.0
        for row, bucket in buckets:  # newest first
            while len(self.rows) <= row:
                self.rows.append(deque())
            self.rows[row].appendleft(bucket)
            self.n += bucket.n
            self.total += bucket.total

    @property
    def mean(self) -> float:
        """The mean over everything held; 0.0 while there is nothing."""
        return self.total / self.n if self.n else 0.0

    def add(self, block: Bucket) -> None:
        """Append one block."""
        self.n += block.n
        self.total += block.total
        row = 0
        while True:
            if row == len(self.rows):
                self.rows.append(deque())
            buckets = self.rows[row]
            buckets.append(block)
            if len(buckets) <= PER_ROW:
                return
            old, young = buckets.popleft(), buckets.popleft()
            block = Bucket(old.n + young.n, old.total + young.total, young.time)
            row += 1

    def buckets(self) -> Iterator[Bucket]:
        """All buckets, the newest first."""
        return chain.from_iterable(map(reversed, self.rows))

    def newest_first(self) -> list[tuple[int, Bucket]]:
        """All buckets with their row, the newest first."""
        return [(row, bucket) for row, buckets in enumerate(self.rows) for bucket in reversed(buckets)]

    def oldest_first(self) -> Iterator[tuple[int, Bucket]]:
        """All buckets with their row, the oldest first."""
        return reversed(self.newest_first())

    def newest(self, n: int) -> "Window":
        """The window of the newest buckets that hold at most ``n`` observations together, at least of one."""
        kept: list[tuple[int, Bucket]] = []
        held = 0
        for row, bucket in self.newest_first():
            held += bucket.n
            if held > n and kept:
                return Window(bucket.time, kept)
            kept.append((row, bucket))
        return Window(self.since, kept)
