"""Scoreboard: how good the champion is, always beside naive baselines, and what it costs."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from consumers.event import Truth, Value
from learners.baselines import BaselineSpec
from learners.scoring import Delays, Forecast, Slices, Success, SuccessSpec, Tally, Verdict
from learners.task import Task

CHAMPION = "model"


class Point(NamedTuple):
    """One point of the quality curve, made every ``EVERY`` outcomes.

    ``loss`` maps predictor to its mean loss over those outcomes, ``recent`` to its metrics over the
    last window; ``time`` is event time in seconds.
    """

    sequence: int
    time: float
    loss: dict[str, float]
    recent: dict[str, dict[str, float]]
    waiting: int


class Scoreboard:
    """Counts every outcome once for the champion and once for each baseline.

    ``window`` is how many outcomes the recent scores cover.
    """

    EVERY = 1000

    def __init__(
        self,
        task: Task,
        baselines: BaselineSpec,
        slices: Sequence[str],
        success: SuccessSpec | None,
        *,
        window: int = 5000,
    ) -> None:
        self._task = task
        self._baselines = task.baselines(baselines)
        self.names = (CHAMPION, *(b.name for b in self._baselines))
        size = success.window if success else window
        self.tally = Tally(self.names, task.score, size)
        self.slices = Slices(slices, task.score) if slices else None
        self.success = Success(success, task.score().values()) if success else None
        self.delays = Delays()
        self.cost = 0.0
        self.outcomes = 0
        self._losses = dict.fromkeys(self.names, 0.0)

    def verdict(self) -> Verdict | None:
        """Whether the champion meets the goal, where there is one."""
        return self.success.verdict(self.tally.recent()[CHAMPION]) if self.success else None

    def foresee(self, values: Mapping[str, Value]) -> tuple[Forecast, ...]:
        """What the baselines say about an event, before anybody knows the truth."""
        return tuple([baseline.predict(values) for baseline in self._baselines])

    def add(
        self,
        forecasts: Sequence[Forecast],
        truth: Truth,
        values: Mapping[str, Value],
        time: float,
        waiting: int,
    ) -> Point | None:
        """Count one outcome; ``forecasts`` are the champion's and the baselines'. A Point when one is due."""
        self.tally.add(forecasts, truth)
        self.cost += self._task.cost(forecasts[0], truth)
        if self.slices is not None:
            self.slices.add(values, forecasts[0], truth)
        for baseline in self._baselines:
            baseline.learn(values, truth)
        self.outcomes += 1
        return self._point(time, waiting) if self.outcomes % self.EVERY == 0 else None

    def _point(self, time: float, waiting: int) -> Point:
        losses = {name: score.loss for name, score in self.tally.total().items()}
        mean = {name: (total - self._losses[name]) / self.EVERY for name, total in losses.items()}
        self._losses = losses
        recent = {name: score.values() for name, score in self.tally.recent().items()}
        return Point(self.outcomes // self.EVERY, time, mean, recent, waiting)
