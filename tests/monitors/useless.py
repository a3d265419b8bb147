"""Monitors that are no good, each in a way of its own: the contract has to tell them from one that is."""

from __future__ import annotations

from typing import Any

from monitors.alarm import Alarm
from monitors.level import Level
from monitors.spec import LevelSpec

SPEC = LevelSpec(seasons=())
OPPOSITE: dict[str, Any] = {"worse": "better", "better": "worse"}


class Never:
    """Looks at nothing and says nothing."""

    direction = None

    def __init__(self) -> None:
        self.name, self.state, self.n = "useless", "warming", 0
        self.alarm: Alarm | None = None

    @property
    def estimate(self) -> float:
        """It has none."""
        return 0.0

    def rearm(self) -> None:
        """Nothing to forget."""
        self.state, self.alarm = "warming", None

    def update(self, value: float, time: float) -> None:
        """Counts."""
        self.n, self.state = self.n + 1, "quiet"


class Always(Never):
    """Says after every hundredth observation that it got worse."""

    def update(self, value: float, time: float) -> None:
        """Counts."""
        super().update(value, time)
        made = Alarm("useless", "worse", time, time, self.n, 0.1, 0.2, 1, 1)
        self.alarm = made if self.n % 100 == 0 else None


class Flawed(Level):
    """A good monitor, but for what those who inherit spoil."""

    def __init__(self) -> None:
        super().__init__("useless", SPEC)


class WrongWay(Flawed):
    """Calls worse what is better."""

    def update(self, value: float, time: float) -> None:
        """As it should, and then the other way round."""
        super().update(value, time)
        if self.alarm is not None:
            self.alarm = self.alarm._replace(direction=OPPOSITE[self.alarm.direction])


class Repeats(Flawed):
    """Says an alarm again after every thousand observations."""

    def __init__(self) -> None:
        super().__init__()
        self._latest: Alarm | None = None

    def update(self, value: float, time: float) -> None:
        """As it should, and then again."""
        super().update(value, time)
        self._latest = self.alarm or self._latest
        if self.n % 1000 == 0 and self.alarm is None:
            self.alarm = self._latest


class Vague(Flawed):
    """Alarms without evidence."""

    def update(self, value: float, time: float) -> None:
        """As it should, less what it is worth."""
        super().update(value, time)
        if self.alarm is not None:
            self.alarm = Alarm(self.name, self.alarm.direction, time, time, self.n, 0.0, 0.0, 0, 0)


class Boastful(Flawed):
    """Intervals a tenth as wide as they should be."""

    def update(self, value: float, time: float) -> None:
        """As it should, and surer."""
        super().update(value, time)
        if (alarm := self.alarm) is not None:
            half = (alarm.high - alarm.low) / 20
            self.alarm = alarm._replace(low=alarm.effect - half, high=alarm.effect + half)


class Unforgetting(Flawed):
    """Goes on with its old reference when it is rearmed."""

    def rearm(self) -> None:
        """No."""
        if not hasattr(self, "_window_kept"):
            super().rearm()
            self._window_kept = True


class Forgetful(Flawed):
    """Comes back from a snapshot as if it were new."""

    def __reduce__(self) -> Any:
        """Nothing is kept."""
        return Forgetful, ()


class Sleepy(Flawed):
    """Listens to every tenth observation only."""

    def update(self, value: float, time: float) -> None:
        """One of ten."""
        self._all = getattr(self, "_all", -1) + 1
        self.alarm = None
        if self._all % 10 == 0:
            super().update(value, time)


class Clockwork(Flawed):
    """Takes time that goes back, or leaps, for a change of the level."""

    def update(self, value: float, time: float) -> None:
        """As it should, but."""
        super().update(value, time)
        latest, self._latest = getattr(self, "_latest", time), time
        if abs(time - latest) > 3600.0:
            self.alarm = Alarm(self.name, "worse", time, time, self.n, 0.1, 0.2, 9, 9)


class Hasty(Flawed):
    """Compares the newest hundred with the first hundred: three sigma."""

    def __init__(self) -> None:
        super().__init__()
        self._first: list[float] = []
        self._new: list[float] = []

    def update(self, value: float, time: float) -> None:
        """What people write first."""
        super().update(value, time)
        self.alarm = None
        if len(self._first) < 100:
            self._first.append(value)
            return
        self._new = [*self._new[-99:], value]
        before, after = sum(self._first) / 100, sum(self._new) / len(self._new)
        if len(self._new) == 100 and abs(after - before) > 3 * (before * (1 - before) / 50) ** 0.5:
            way: Any = "worse" if after > before else "better"
            self.alarm = Alarm(self.name, way, time, time, self.n, before, after, 100, 100)
            self._first, self._new = [], []


class Unsteady(Flawed):
    """Its estimate leaves [0, 1], and its state is none that anybody knows."""

    @property
    def estimate(self) -> float:
        """Twice the level."""
        return 2.0 * super().estimate


USELESS: tuple[type[Any], ...] = (
    Never,
    Always,
    WrongWay,
    Repeats,
    Vague,
    Boastful,
    Unforgetting,
    Forgetful,
    Sleepy,
    Clockwork,
    Hasty,
    Unsteady,
)
