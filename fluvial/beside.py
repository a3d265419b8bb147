"""Beside: two runs over one journal, held beside each other: the same events, the same labels."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Any, NamedTuple

from consumers.event import Truth
from fluvial.telling import Told
from learners.prediction import Outcome, Prediction
from learners.scoring import Forecast, Tally
from learners.task import Task

EXAMPLES = 5
"""Predictions that differ most are shown, so many of them."""

APART = 100_000
"""Outcomes of one run that wait for the other's; the oldest goes first."""


class Example(NamedTuple):
    """One prediction of both runs, and how far they are apart."""

    id: str
    apart: float
    first: Forecast
    second: Forecast


class Beside:
    """Pairs the predictions and outcomes of two runs by the id of the event.

    ``names`` are the predictors that both have, the model first; ``window`` is how many outcomes the
    recent scores cover. Both are judged by one ``task``, in the same currency.
    """

    def __init__(self, task: Task, names: Sequence[tuple[int, int, str]], window: int) -> None:
        self._task, self._names = task, names
        self.scores = tuple(Tally([name for *_, name in names], task.score, window) for _ in range(2))
        self._waiting: tuple[OrderedDict[str, tuple[Truth, tuple[Forecast, ...]]], ...]
        self._waiting = (OrderedDict(), OrderedDict())
        self.window = window
        self.pairs = self.differ = self.decided_otherwise = self.labels = 0
        self.alone = [0, 0]
        self.largest = self._sum = 0.0
        self.examples: list[Example] = []

    def take(self, first: Told, second: Told) -> None:
        """What both runs have told since the last time."""
        self._predictions(first.predictions, second.predictions)
        for side, told in enumerate((first, second)):
            for outcome in told.outcomes:
                self._outcome(side, outcome)

    @property
    def mean(self) -> float:
        """The mean distance of all predictions, those that agree included."""
        return self._sum / self.pairs if self.pairs else 0.0

    def _predictions(self, first: Iterable[Prediction], second: Iterable[Prediction]) -> None:
        theirs = {prediction.id: prediction.forecast for prediction in second}
        for prediction in first:
            if prediction.id in theirs:
                self.predicted(prediction.id, prediction.forecast, theirs.pop(prediction.id))
            else:
                self.alone[0] += 1
        self.alone[1] += len(theirs)

    def predicted(self, name: str, first: Forecast, second: Forecast) -> None:
        """Both forecasts of one event."""
        self.pairs += 1
        if self._task.pack(first) == self._task.pack(second):
            return
        apart = distance(first, second)
        self.differ += 1
        self.decided_otherwise += self._task.decide(first) != self._task.decide(second)
        self.largest = max(self.largest, apart)
        self._sum += apart
        if len(self.examples) < EXAMPLES or apart > self.examples[-1].apart:
            found = [*self.examples, Example(name, apart, first, second)]
            self.examples = nsmallest(EXAMPLES, found, key=lambda one: -one.apart)

    def _outcome(self, side: int, outcome: Outcome) -> None:
        other = self._waiting[1 - side].pop(outcome.id, None)
        if other is None:
            mine = self._waiting[side]
            mine[outcome.id] = (outcome.truth, outcome.forecasts)
            if len(mine) > APART:
                mine.popitem(last=False)
            return
        both = (other[1], outcome.forecasts) if side else (outcome.forecasts, other[1])
        self.judged(*both, outcome.truth)

    def judged(self, first: Sequence[Forecast], second: Sequence[Forecast], truth: Truth) -> None:
        """Both runs' forecasts of one event, the models' first, when its truth is known."""
        self.labels += 1
        self.scores[0].add([first[at_first] for at_first, _, _ in self._names], truth)
        self.scores[1].add([second[at_second] for _, at_second, _ in self._names], truth)

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON can carry it."""
        return {
            "predictions": {
                "compared": self.pairs,
                "differ": self.differ,
                "decided_otherwise": self.decided_otherwise,
                "largest": self.largest,
                "mean": self.mean,
                "only_first": self.alone[0],
                "only_second": self.alone[1],
                "examples": [example._asdict() for example in self.examples],
            },
            "labels": self.labels,
            "window": self.window,
            "scores": self.values(recent=False),
            "recent_scores": self.values(recent=True),
        }

    def values(self, *, recent: bool) -> list[dict[str, dict[str, float]]]:
        """Of each run the metrics of model and baselines, and ``n``, over everything or lately."""
        return [_values(side, recent=recent) for side in self.scores]


def _values(side: Tally, *, recent: bool) -> dict[str, dict[str, float]]:
    scored = side.recent() if recent else side.total()
    return {name: {"n": score.n, **score.values()} for name, score in scored.items()}


def shared(first: Sequence[str], second: Sequence[str]) -> list[tuple[int, int, str]]:
    """The predictors that two runs have in common: where they stand in each, and their name."""
    return [(i, second.index(name), name) for i, name in enumerate(first) if name in second]


def distance(first: Forecast, second: Forecast) -> float:
    """How far two forecasts are apart: the largest difference of a probability, or of the value.

    >>> distance(0.25, 0.5), distance({"a": 1.0}, {"a": 0.75, "b": 0.25})
    (0.25, 0.25)
    """
    if isinstance(first, dict) and isinstance(second, dict):
        names = sorted(first.keys() | second.keys())
        return max((abs(first.get(name, 0.0) - second.get(name, 0.0)) for name in names), default=0.0)
    if isinstance(first, dict) or isinstance(second, dict):
        raise TypeError("a probability for each class and a single number have no distance")
    return abs(first - second)
