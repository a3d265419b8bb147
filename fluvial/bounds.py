"""Bounds: how much a snapshot may take, and the watch over a pickle that is being read.

A pickle's memory has no relation to its length: one byte can make an empty set of 216 bytes, and a few
kilobytes of zstd hold a gigabyte of such bytes. So it is read in steps, with a look at the process's memory
between them.
"""

import io
import resource
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fluvial.opcodes import LONGEST_FRAME
from learners.portable import NotPortable

Result = TypeVar("Result")

LARGEST = 1 << 30
"""Bytes of a snapshot, packed or sealed, beyond which it is refused: a bomb, or a state out of hand."""

LONGEST_HEADER = 1 << 20
"""Bytes of a header: a thousand partitions take a twentieth of it."""

_STEP = LONGEST_FRAME
"""Bytes that are read between two looks at the memory; frames are read at once."""

_UNIT = 1 if sys.platform == "darwin" else 1024


def room(packed: int) -> int:
    """Bytes of memory that a pickle of that many bytes may take.

    States take 5 to 30 times their packed size, those of trees the most.
    """
    return min((1 << 28) + 64 * packed, 8 << 30)


class Watched(io.BytesIO):
    """A pickle to be read. Raises NotPortable once the process has taken more than its room."""

    def __init__(self, packed: bytes) -> None:
        super().__init__(packed)
        self._most = _peak() + room(len(packed))
        self._next = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Some more bytes."""
        at = self.tell()
        if at >= self._next:
            self._next = at + _STEP
            self._look()
        return super().read(size)

    def _look(self) -> None:
        if _peak() > self._most:
            raise NotPortable("it takes more memory than any state of its size: it was made to fill it")


def _peak() -> int:
    """The most bytes of memory that the process has ever had at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


_STACK, _DEPTH = 1 << 28, 250_000
"""Bytes of stack, and calls within calls: pickle needs a quarter of a kilobyte for each."""

_one_at_a_time = threading.Lock()


def with_deep_stack(work: Callable[[], Result]) -> Result:
    """Run something that calls itself very often, and wait for it. Raises what it raises."""
    with _one_at_a_time:
        limit, stack = sys.getrecursionlimit(), threading.stack_size(_STACK)
        try:
            sys.setrecursionlimit(_DEPTH)
            with ThreadPoolExecutor(max_workers=1) as thread:
                return thread.submit(work).result()
        finally:
            sys.setrecursionlimit(limit)
            threading.stack_size(stack)
