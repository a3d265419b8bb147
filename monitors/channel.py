"""Channel: one figure of a field in blocks of rows, watched as a level."""

from monitors.alarm import Alarm
from monitors.level import Level, State
from monitors.part import ENOUGH, part
from monitors.reading import Reading
from monitors.spec import LevelSpec


class Channel:
    """A level that takes the readings of a part; ``level`` is that of a part of weight 1."""

    def __init__(self, name: str, level: LevelSpec) -> None:
        self.part, watched = name, part(name)
        self._enough = ENOUGH * watched.block
        self._level = Level(name, watched.spec(level))
        self._n, self._total = 0.0, 0.0

    @property
    def state(self) -> State:
        """Where the level stands."""
        return self._level.state

    @property
    def estimate(self) -> float:
        """The present level."""
        return self._level.estimate

    def rearm(self) -> None:
        """Forget the reference of the level."""
        self._level.rearm()
        self._n, self._total = 0.0, 0.0

    def take(self, reading: Reading, time: float) -> Alarm | None:
        """Take a block's reading with the event time of its middle; the alarm that it raised."""
        self._n += reading.n
        self._total += reading.total
        if self._n < self._enough:
            return None
        n = round(self._n)
        self._level.push(n, self._total * n / self._n, time)
        self._n, self._total = 0.0, 0.0
        return self._level.alarm
