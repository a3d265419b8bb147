"""SimTiming: clocks that stand still until the world lets time pass."""

from __future__ import annotations

WALL = 1_800_000_000.0
"""The clock time at which every history begins, in seconds since 1970 UTC."""


class SimTiming:
    """The clocks of all workers of a history. ``step`` is what one look at a clock costs, in seconds.

    ``jump`` moves the wall clock alone, as somebody who corrects it does: nothing may depend on it.
    """

    def __init__(self, step: float = 0.0) -> None:
        self._now, self._step, self._jumped = 1_000.0, step, 0.0

    @property
    def now(self) -> float:
        """The time without the cost of a look."""
        return self._now

    def monotonic(self) -> float:
        self._now += self._step
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds

    def wall(self) -> float:
        """What ``time.time`` says; each look moves it a little, so that no two are the same."""
        self._jumped += 1e-6
        return WALL + self._now + self._jumped

    def jump(self, seconds: float) -> None:
        self._jumped += seconds
