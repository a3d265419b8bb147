"""Channel: one figure of a field, block by block watched as a level."""

from monitors.alarm import Alarm
from monitors.level import Level, State
from monitors.part import ENOUGH, part
from monitors.reading import Reading
from monitors.spec import LevelSpec

EDGE = 0.005
"""Levels are kept this far from 0 and 1: of what never happens nobody can say that it got rarer."""


class Channel:
    """A level that takes the readings of a part; ``level`` is that of a part of weight 1."""

    def __init__(self, name: str, level: LevelSpec) -> None:
        self.part, watched = name, part(name)
        self._block = watched.block
        self._level = Level(name, watched.spec(level))
        self._n, self._total = 0.0, 0.0

    @property
    def state(self) -> State:
        """Where the level stands."""
        return self._level.state

    @property
    def estimate(self) -> float:
        """The present level; 0.0 before there is one."""
        return _outward(self._level.estimate)

    def rearm(self) -> None:
        """Forget the reference of the level."""
        self._level.rearm()
        self._n, self._total = 0.0, 0.0

    def take(self, reading: Reading, time: float) -> Alarm | None:
        """Take a block's reading with the event time of its middle; the alarm that it raised.

        A block that is not quite full counts as one: its mean varies more, which the level measures.
        """
        self._n += reading.n
        self._total += reading.total
        if self._n < ENOUGH * self._block:
            return None
        mean = EDGE + (1.0 - 2.0 * EDGE) * (self._total / self._n)
        blocks = max(1, round(self._n / self._block))
        self._n, self._total = 0.0, 0.0
        self._level.push(blocks * self._block, blocks * self._block * mean, time)
        alarm = self._level.alarm
        return alarm and alarm._replace(before=_outward(alarm.before), after=_outward(alarm.after))


def _outward(level: float) -> float:
    return min(1.0, max(0.0, (level - EDGE) / (1.0 - 2.0 * EDGE)))
