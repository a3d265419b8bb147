"""Figures: forecasts and truths of a task as quantities between 0 and 1."""

from collections.abc import Collection, Iterable
from math import isfinite

from monitors.alarm import Alarm
from monitors.level import Level, State
from monitors.slices import MOST, SHOWN, Frequent, worst
from monitors.spec import LevelSpec


class _Single:
    """A figure that is one level."""

    def __init__(self, name: str, spec: LevelSpec) -> None:
        self._level = Level(name, spec._replace(two_sided=True))

    @property
    def levels(self) -> tuple[Level, ...]:
        """What is watched."""
        return (self._level,)

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._level.state

    @property
    def estimate(self) -> float:
        """The present mean."""
        return self._level.estimate

    def rearm(self) -> None:
        """Forget the reference."""
        self._level.rearm()


class Yes(_Single):
    """A probability, or yes and no."""

    def update(self, value: float, time: float) -> Alarm | None:
        """Take one; the alarm that it raised."""
        self._level.update(float(value), time)
        return self._level.alarm


class Classes:
    """The share of each class: the declared ones, else the most frequent among the first."""

    def __init__(self, name: str, spec: LevelSpec, values: Collection[str]) -> None:
        self._name, self._spec = name, spec._replace(two_sided=True)
        self._frequent = Frequent(spec.warmup)
        self._by_class: dict[str, Level] = {}
        self._watch(list(values)[:MOST])

    @property
    def levels(self) -> tuple[Level, ...]:
        """What is watched."""
        return tuple(self._by_class.values())

    @property
    def state(self) -> State:
        """The state of the class that stands worst."""
        return worst({level.state for level in self._by_class.values()})

    @property
    def estimate(self) -> float:
        """The share of the class that is the most frequent now."""
        return max((level.estimate for level in self._by_class.values()), default=0.0)

    def rearm(self) -> None:
        """Forget the references."""
        for level in self._by_class.values():
            level.rearm()

    def update(self, value: str, time: float) -> Alarm | None:
        """Take one; the most certain of the alarms that it raised."""
        if not self._by_class:
            self._watch(self._frequent.add(value))
            return None
        found: list[Alarm] = []
        for name, level in self._by_class.items():
            level.update(1.0 if name == value else 0.0, time)
            if level.alarm is not None:
                found.append(level.alarm._replace(part=f"class={name[:SHOWN]}"))
        return max(found, key=lambda one: one.score - one.needed, default=None)

    def _watch(self, names: Iterable[str]) -> None:
        self._by_class = {name: Level(self._name, self._spec) for name in names}


class Number(_Single):
    """A number against where the first ones lay: one as far above their middle as they spread is at 3/4."""

    FIRST = 255

    def __init__(self, name: str, spec: LevelSpec) -> None:
        super().__init__(name, spec)
        self._first: list[float] = []
        self._middle, self._spread = 0.0, 0.0

    def rearm(self) -> None:
        """Forget the reference."""
        super().rearm()
        self._first, self._spread = [], 0.0

    def update(self, value: float, time: float) -> Alarm | None:
        """Take one; the alarm that it raised."""
        if not isfinite(value):
            return None
        if not self._spread:
            self._fit(value)
            return None
        z = (value - self._middle) / self._spread
        self._level.update(0.5 + 0.5 * z / (1.0 + abs(z)), time)
        return self._level.alarm

    def _fit(self, value: float) -> None:
        self._first.append(float(value))
        if len(self._first) >= self.FIRST:
            self._middle = sorted(self._first)[self.FIRST // 2]
            off = sorted(abs(value - self._middle) for value in self._first)
            self._spread = off[self.FIRST // 2] or off[-1] or abs(self._middle) or 1.0
            self._first = []


Figure = Yes | Classes | Number


def figure(task: str, name: str, spec: LevelSpec, classes: Collection[str] = ()) -> Figure:
    """What forecasts and truths of a task are watched by."""
    if task == "multiclass":
        return Classes(name, spec, classes)
    return Number(name, spec) if task == "regression" else Yes(name, spec)


def channels(task: str) -> int:
    """How many quantities that makes."""
    return MOST if task == "multiclass" else 1
