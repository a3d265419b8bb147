"""Timing: the clocks of a worker, passed in, so that a simulated world can have its own.

Nothing that is learned reads them: they say when to try again, to report and to save.
"""

import time
from typing import Protocol


class Timing(Protocol):
    """What a loop needs to wait and to measure."""

    def monotonic(self) -> float:
        """Seconds that only ever go forward."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


SYSTEM: Timing = time
"""The machine's own clocks."""
