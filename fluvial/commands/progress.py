"""Progress: tells on stderr how far a replay has come, once it takes long."""

import sys
import time
from types import TracebackType

from rich.console import Console

PATIENCE, EVERY = 2.0, 5.0
"""Seconds before the first word, and between two lines where nobody watches a terminal."""


class Progress:
    """Call it with (batch, last batch); a terminal gets one line that changes, a file a line now and then."""

    def __init__(self, what: str) -> None:
        self._what, self._console = what, Console(stderr=True)
        self._live = sys.stderr.isatty()
        self._started = time.monotonic()
        self._next = self._started + PATIENCE
        self._first: int | None = None
        self._status = self._console.status("")
        self._on = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """No more: what follows is the answer."""
        if self._on:
            self._status.stop()

    def __call__(self, batch: int, last: int) -> None:
        """So far."""
        if self._first is None:
            self._first = batch - 1
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (0.25 if self._live else EVERY)
        line = self._line(batch, last, now - self._started)
        if not self._live:
            self._console.print(line, soft_wrap=True, highlight=False)
        else:
            self._status.update(line)
            if not self._on:
                self._status.start()
                self._on = True

    def _line(self, batch: int, last: int, seconds: float) -> str:
        done, all_of_it = batch - (self._first or 0), max(last - (self._first or 0), 1)
        left = seconds / done * max(all_of_it - done, 0)
        share = min(100.0, 100 * done / all_of_it)
        return f"{self._what}: batch {batch:,} of {last:,} ({share:.0f} %), about {told(left)} left"


def told(seconds: float) -> str:
    """A duration as people say it.

    >>> told(0.2), told(42), told(600), told(9000)
    ('1 s', '42 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
