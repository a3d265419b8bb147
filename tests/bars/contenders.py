"""Contenders: our monitor, two controls that look at nothing, and what people reach for instead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf, sqrt, tanh
from typing import Any, NamedTuple

from river import drift

from monitors.alarm import Alarm
from monitors.fields import Fields
from monitors.level import Level
from monitors.part import BLOCK
from monitors.scale import Scale, numbers
from monitors.spec import LevelSpec, MonitorSpec
from tests.bars.said import Hearer, Said

LOSS = MonitorSpec().level
"""How a pipeline watches its loss by default."""

REST = MonitorSpec().share(1).budget
"""The budget that all else has together by default."""

STANDARD = Scale(middle=0.0, unit=1.0, low=-inf, high=inf)
"""The scale of numbers with mean 0 and variance 1."""

CALL = Said(0, "worse")
"""What a detector that knows no direction tells whoever has to get up."""


class OurLoss:
    """A level with the default configuration."""

    def __init__(self, budget: float = LOSS.budget) -> None:
        self.level = Level("loss", LOSS._replace(budget=budget))

    def hear(self, value: float, time: float) -> Said | None:
        """One observation."""
        self.level.update(value, time)
        alarm = self.level.alarm
        return None if alarm is None else Said(alarm.n, alarm.direction, alarm.phase, alarm=alarm)

    def rearm(self) -> None:
        """Warm up again."""
        self.level.rearm()


class OurSmall:
    """A level of blocks, as fields have them, to which every change is worth telling, so that the budget alone counts."""

    def __init__(self, budget: float) -> None:
        spec = LevelSpec(budget, 0.01, warmup=2048, gross=2.0, block=BLOCK, two_sided=True)
        self.level = Level("x", spec)
        self._held: list[float] = []

    def hear(self, value: float, time: float) -> Said | None:
        """One observation, placed as fields place their numbers."""
        self._held.append(value)
        n = len(self._held)
        if n < BLOCK:
            return None
        placed, self._held = STANDARD.place(numbers(self._held)), []
        self.level.push(n, 0.5 * n + 0.5 * float(placed.sum()), time)
        alarm = self.level.alarm
        return None if alarm is None else Said(alarm.n, alarm.direction, alarm.phase, alarm=alarm)

    def rearm(self) -> None:
        """Warm up again."""
        self.level.rearm()


class OurFeature:
    """The monitor of fields with one numeric field; alarms of the same row are said one after the other."""

    def __init__(self, budget: float = REST) -> None:
        self._fields = Fields({"x": "number"}, budget)
        self._untold: deque[Alarm] = deque()

    def hear(self, value: float, time: float) -> Said | None:
        """One observation."""
        self._fields.update({"x": value}, time)
        self._untold.extend(self._fields.alarms)
        if not self._untold:
            return None
        alarm = self._untold.popleft()
        return Said(alarm.n, alarm.direction, alarm.phase, alarm=alarm)

    def rearm(self) -> None:
        """Warm up again."""
        self._fields.rearm()


class Always:
    """Calls after every fiftieth observation, whatever it was."""

    def __init__(self) -> None:
        self._n = 0

    def hear(self, value: float, time: float) -> Said | None:
        """One observation."""
        self._n += 1
        return None if self._n % 50 else CALL

    def rearm(self) -> None:
        """Nothing to forget."""


class Never:
    """Never calls."""

    def hear(self, value: float, time: float) -> Said | None:
        """One observation."""
        return None

    def rearm(self) -> None:
        """Nothing to forget."""


class River:
    """A detector of River with its defaults."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self.rearm()

    def hear(self, value: float, time: float) -> Said | None:
        """One observation."""
        self._detector.update(value)
        return CALL if self._detector.drift_detected else None

    def rearm(self) -> None:
        """Begin anew."""
        self._detector = self._make()


class Count:
    """N in T: calls when the newest ``of`` hold more errors than the first ``learn`` make likely (3 sigma)."""

    def __init__(self, of: int = 300, learn: int = 1000, *, squash: bool = False) -> None:
        self._of, self._learn, self._squash = of, learn, squash
        self.rearm()

    def rearm(self) -> None:
        """Learn the rate again."""
        self._n, self._total, self._most = 0, 0.0, 0.0
        self._held: deque[float] = deque()
        self._sum = 0.0

    def hear(self, value: float, time: float) -> Said | None:
        """One observation."""
        value = squashed(value) if self._squash else value
        self._n += 1
        if self._n <= self._learn:
            self._total += value
            rate = self._total / self._n
            self._most = self._of * rate + 3.0 * sqrt(self._of * rate * (1.0 - rate))
            return None
        self._held.append(value)
        self._sum += value
        if len(self._held) > self._of:
            self._sum -= self._held.popleft()
        if self._sum <= self._most:
            return None
        self._held.clear()
        self._sum = 0.0
        return CALL


def squashed(value: float) -> float:
    """A standardised number on (0, 1): 1 / (1 + exp(-1.7 z))."""
    return 0.5 + 0.5 * tanh(0.85 * value)


class Contender(NamedTuple):
    """Who takes part: who listens to a loss, and who to one feature with mean 0 and variance 1."""

    name: str
    loss: Callable[[], Hearer]
    feature: Callable[[], Hearer]


OURS = "fluvial"
CONTENDERS: tuple[Contender, ...] = (
    Contender(OURS, OurLoss, OurFeature),
    Contender("always", Always, Always),
    Contender("never", Never, Never),
    Contender("ADWIN", lambda: River(drift.ADWIN), lambda: River(drift.ADWIN)),
    Contender("PageHinkley", lambda: River(drift.PageHinkley), lambda: River(drift.PageHinkley)),
    Contender("N in T", Count, lambda: Count(squash=True)),
)
"""Ours first."""
NAMED = {contender.name: contender for contender in CONTENDERS}
