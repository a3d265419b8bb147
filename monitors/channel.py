"""Channel: one figure of a field in blocks of rows, watched as a level."""

from monitors.alarm import Alarm
from monitors.level import Level, State
from monitors.reading import Reading
from monitors.spec import LevelSpec

ENOUGH = 96
"""Values that make a block: where fewer are present, several blocks of rows become one."""

GRAIN = 1e-7
"""Added at random, so that what never varied has a variance to compare with."""


class Channel:
    """A level that takes readings; ``part`` names it."""

    def __init__(self, part: str, spec: LevelSpec) -> None:
        self.part = part
        self._level = Level(part, spec)
        self._n, self._total, self._grain = 0, 0.0, 1

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
        self._n, self._total = 0, 0.0

    def take(self, reading: Reading, time: float) -> Alarm | None:
        """Take a block's reading with the event time of its middle; the alarm that it raised."""
        self._n += reading.n
        self._total += reading.total
        if self._n < ENOUGH:
            return None
        self._grain = (self._grain * 1103515245 + 12345) % 2147483648
        self._level.push(self._n, self._total + self._n * GRAIN * self._grain / 2147483648, time)
        self._n, self._total = 0, 0.0
        return self._level.alarm
