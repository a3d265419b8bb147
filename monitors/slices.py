"""Slices: a loss watched by the values of one field, or by who sent the label."""

from monitors.alarm import Alarm
from monitors.level import Level, State
from monitors.spec import LevelSpec

MOST = 8
"""Values of a field that are watched."""

COUNTED = 256
"""Values that are counted until the most frequent are known."""

SHOWN = 40
"""Characters of a value that are shown."""

_WORST: tuple[State, ...] = ("alarm", "suspected", "quiet", "warming")


def worst(states: set[State]) -> State:
    """Of several states the one that stands for all; warming while all are."""
    return next((state for state in _WORST if state in states), "warming")


class Frequent:
    """Counts names until ``warmup`` have come; then says which of them were the most frequent.

    >>> frequent = Frequent(3)
    >>> frequent.add("b"), frequent.add("a"), frequent.add("a")
    ((), (), ('a', 'b'))
    """

    def __init__(self, warmup: int) -> None:
        self._warmup, self._seen = warmup, 0
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> tuple[str, ...]:
        """Count one; the most frequent ones, at most ``MOST``, once enough have come, and nothing before."""
        if name in self._counts or len(self._counts) < COUNTED:
            self._counts[name] = self._counts.get(name, 0) + 1
        self._seen += 1
        if self._seen < self._warmup:
            return ()
        often = sorted(self._counts.items(), key=lambda one: (-one[1], one[0]))
        self._counts = {}
        return tuple(name for name, _ in often[:MOST])


class Slices:
    """One level for each of the most frequent values of ``key``.

    They are ``values`` where these are declared, else the most frequent among the first ``warmup``.

    >>> slices = Slices("loss:mode", "mode", LevelSpec(warmup=400, seasons=()), values=("car", "bus"))
    >>> for i in range(6000):
    ...     mode, wrong = ["car", "bus"][i % 2], i * i % 11 == 0 or (i > 4000 and i % 4 == 1)
    ...     alarm = slices.update(mode, float(wrong), float(i))
    ...     if alarm:
    ...         print(alarm.monitor, alarm.part, alarm.direction)
    loss:mode mode=bus worse
    """

    def __init__(self, name: str, key: str, spec: LevelSpec, values: tuple[str, ...] = ()) -> None:
        self.name, self.key = name, key
        self._spec = spec
        self._frequent = Frequent(spec.warmup)
        self.levels: dict[str, Level] = {}
        self._watch(values[:MOST])

    @property
    def state(self) -> State:
        """The state of the value that stands worst."""
        return worst({level.state for level in self.levels.values()})

    @property
    def estimate(self) -> float:
        """The highest level of a value; 0.0 before there is one."""
        return max((level.estimate for level in self.levels.values()), default=0.0)

    def rearm(self) -> None:
        """Forget the references."""
        for level in self.levels.values():
            level.rearm()

    def update(self, value: object, loss: float, time: float) -> Alarm | None:
        """Take the loss of an outcome with this value (None: it has none); the alarm that it raised."""
        level = self.levels.get(value if type(value) is str else str(value))
        if level is None:
            if not self.levels and value is not None:
                self._watch(self._frequent.add(str(value)))
            return None
        level.update(loss, time)
        return None if level.alarm is None else self._said(str(value), level.alarm)

    def _watch(self, values: tuple[str, ...]) -> None:
        self.levels = {value: Level(self.name, self._spec) for value in values}

    def part(self, value: str) -> str:
        """What the level of a value is called."""
        return f"{self.key}={value[:SHOWN]}"

    def _said(self, value: str, alarm: Alarm) -> Alarm:
        return alarm._replace(part=self.part(value))
