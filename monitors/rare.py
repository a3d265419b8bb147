"""Rare: the share of what hardly ever happens, watched as a level that never is 0."""

from monitors.alarm import Alarm
from monitors.level import Level, State
from monitors.spec import LevelSpec

FLOOR = 0.02
"""The rate of coins that are thrown in, so that what never happened varies as chance does.

Without them a reference of nothing but zeros would make every single one a certainty.
"""


class Rare:
    """A level with coins of rate ``FLOOR`` thrown in; what it says is in the units of the share itself.

    >>> rare = Rare("refused", LevelSpec(seasons=()))
    >>> for i in range(800):
    ...     if alarm := rare.push(8, float(i > 500), float(i)):
    ...         print(alarm.direction, round(alarm.before, 2), round(alarm.after, 1), alarm.n < 5000)
    worse 0.0 0.1 True
    """

    def __init__(self, name: str, spec: LevelSpec) -> None:
        self.name = name
        self.level = Level(name, spec)
        self._coin = 1

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.level.state

    @property
    def estimate(self) -> float:
        """The present share."""
        return _share(self.level.estimate)

    def push(self, n: int, total: float, time: float) -> Alarm | None:
        """Take ``n`` observations by their sum; the alarm that they raised."""
        self.level.push(n, min(total + self._coins(n) * (1.0 - total / n), n), time)
        alarm = self.level.alarm
        if alarm is None:
            return None
        return alarm._replace(before=_share(alarm.before), after=_share(alarm.after))

    def _coins(self, n: int) -> int:
        """How many of ``n`` coins fall on the rare side."""
        fallen, coin, edge = 0, self._coin, FLOOR * 0x80000000
        for _ in range(min(n, 1024)):
            coin = (coin * 1103515245 + 12345) & 0x7FFFFFFF
            if coin < edge:
                fallen += 1
        self._coin = coin
        return fallen if n <= 1024 else fallen * n // 1024


def _share(level: float) -> float:
    return min(max((level - FLOOR) / (1.0 - FLOOR), 0.0), 1.0)
