"""Course: what a monitor has said about one quantity so far, and how the next thing to say goes on."""

from math import sqrt
from typing import NamedTuple

from monitors.alarm import Alarm, Direction, Phase
from monitors.change import Change
from monitors.comparison import Split
from monitors.spec import LevelSpec

ASTRAY = 8.0
"""How much the longest of changes that went back teaches, against a short one."""


class Moment(NamedTuple):
    """When something is said: event time in seconds, observations so far, the size of the seasons."""

    time: float
    n: int
    season: float


class Reversal(NamedTuple):
    """Two changes that undo each other: by how much, for how many observations, and what that weighs."""

    height: float
    lasted: int
    weight: float


class Course:
    """The change that is not over yet, if any, and the last step that was said."""

    def __init__(self, name: str, spec: LevelSpec) -> None:
        self._name, self._spec = name, spec
        self.open: Change | None = None
        self._last: tuple[float, int] | None = None

    def forget(self) -> None:
        """Nothing was said."""
        self.open = self._last = None

    @property
    def direction(self) -> Direction | None:
        """Which way the last step went; None before any."""
        return None if self._last is None else self._way(self._last[0])

    def begun(self, n: int) -> int:
        """How many of ``n`` observations came since the last step began; 0 before any."""
        return n - self._last[1] if self._last is not None else 0

    def worth(self, step: float) -> bool:
        """Whether a step is large enough to speak of."""
        smallest = self._spec.smallest_change
        return abs(step) >= (self.open.worth(step, smallest) if self.open else smallest)

    def phase(self, split: Split) -> Phase:
        """Where a step stands in the life of a change, which goes on by it."""
        if self.open is None:
            if self._spec.two_sided or split.change > 0:
                self.open = Change(split.before, split.after, 1 if split.change > 0 else -1)
            return "first"
        phase = self.open.phase(split.before, split.after, self._spec.smallest_change)
        if phase == "recovered":
            self.open = None
        elif phase == "worse":
            self.open = self.open._replace(reached=split.after)
        return phase

    def settled(self, mean: float) -> None:
        """The open change has come to this level: what raised the alarm looked larger than it is."""
        if self.open is not None:
            self.open = self.open._replace(reached=mean)

    def step(self, split: Split, begun: int, lasted: int) -> Reversal | None:
        """A step that began at this observation was said; what it undoes, if it does."""
        last, self._last = self._last, (split.change, begun)
        if last is None or last[0] * split.change >= 0:
            return None
        # what moves slowly and comes back will do so again
        weight = min(ASTRAY, 1.0 + split.n_after / 1000.0)
        return Reversal(min(abs(last[0]), abs(split.change)), lasted, weight)

    def said(self, split: Split, phase: Phase, when: Moment) -> Alarm:
        """The alarm about a step."""
        room = 1.96 * sqrt(split.variance)
        return Alarm(
            monitor=self._name,
            direction=self._way(split.change),
            time=when.time,
            onset=split.onset,
            n=when.n,
            before=split.before,
            after=split.after,
            n_before=split.n_before,
            n_after=split.n_after,
            low=split.change - room,
            high=split.change + room,
            score=sqrt(2.0 * split.score),
            needed=sqrt(2.0 * split.needed),
            dependence=split.effect,
            season=when.season,
            phase=phase,
        )

    def _way(self, change: float) -> Direction:
        if self._spec.two_sided:
            return "changed"
        return "worse" if change > 0 else "better"
