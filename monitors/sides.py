"""Sides: a level before and after a moment, to see what else moved when something did."""

from math import sqrt
from typing import NamedTuple

from monitors.alarm import Alarm
from monitors.level import Level


class Sides(NamedTuple):
    """Counts and means before and after; ``score`` is their difference in standard errors."""

    n_before: int
    before: float
    n_after: int
    after: float
    score: float

    @property
    def rise(self) -> float:
        """After minus before."""
        return self.after - self.before


def sides(level: Level, onset: float) -> Sides | None:
    """A level on both sides of a moment in event seconds; None where one side is not remembered."""
    n0 = n1 = 0
    total0 = total1 = 0.0
    for bucket in level.window.buckets():
        if bucket.time > onset:
            n1, total1 = n1 + bucket.n, total1 + bucket.total
        else:
            n0, total0 = n0 + bucket.n, total0 + bucket.total
    if n0 < 32 or n1 < 1:
        return None
    before, after = total0 / n0, total1 / n1
    middle = min(max((total0 + total1) / (n0 + n1), 0.0), 1.0)
    spread = max(middle * (1.0 - middle), 1e-4) * max(level.effect(n1), 0.02)
    return Sides(n0, before, n1, after, (after - before) / sqrt(spread * (1.0 / n0 + 1.0 / n1)))


def since(level: Level, alarm: Alarm) -> Sides:
    """The same of a level that has raised an alarm about it: it remembers only what came after."""
    n = alarm.n_after + level.window.n
    return Sides(alarm.n_before, alarm.before, n, alarm.after, alarm.score)
