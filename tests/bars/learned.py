"""Streams of errors that real learners make: from a cold start, and with labels that come late."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from typing import Any

from river import linear_model, preprocessing, tree
from river.datasets import synth

from tests.bars.streams import START, STEP, Stream

Example = tuple[dict[Any, float], bool]
Delay = Callable[[random.Random], float]


def linear(seed: int, n: int) -> Iterator[Example]:
    """Five normal numbers; the label is which side of a plane they lie on, with noise."""
    draw = random.Random(seed)
    for _ in range(n):
        x = {j: draw.gauss(0.0, 1.0) for j in range(5)}
        yield x, x[0] + 0.5 * x[1] + draw.gauss(0.0, 0.6) > 0.0


def agrawal(seed: int, n: int) -> Iterator[Example]:
    """Loan applicants after Agrawal et al. (1993), one of ten rules, a tenth of each number disturbed."""
    made = synth.Agrawal(classification_function=seed % 10, seed=seed, perturbation=0.1)
    yield from ((x, bool(y)) for x, y in made.take(n))


def regression() -> Any:
    """Logistic regression on standardised numbers."""
    return preprocessing.StandardScaler() | linear_model.LogisticRegression()


def hoeffding_tree() -> Any:
    """A Hoeffding tree."""
    return tree.HoeffdingTreeClassifier()


def cold(seed: int, n: int, make: Callable[[], Any]) -> Stream:
    """The errors of a learner that begins with nothing; the concept stays the same."""
    model, wrong = make(), []
    examples = linear(seed, n) if seed % 2 else agrawal(seed, n)
    for x, y in examples:
        wrong.append(float(bool(model.predict_one(x)) != y))
        model.learn_one(x, y)
    return Stream(wrong, [START + i * STEP for i in range(n)])


def constant(draw: random.Random) -> float:
    """Every label comes after a fifth of a day."""
    return 1000.0


def heavy(draw: random.Random) -> float:
    """Most labels come soon, some after days: a Pareto law with exponent 1.1."""
    return min(20_000.0, 200.0 * (draw.paretovariate(1.1) - 1.0))


def delayed(seed: int, n: int, delay: Delay) -> Stream:
    """The errors of logistic regression in the order in which labels come, with the times of their events."""
    draw, model = random.Random(seed), regression()
    waiting: list[tuple[float, int, dict[Any, float], bool, bool]] = []
    wrong, when = [], []
    for at, (x, y) in enumerate(linear(seed, n)):
        heapq.heappush(waiting, (at + delay(draw), at, x, y, bool(model.predict_one(x))))
        while waiting and waiting[0][0] <= at:
            _, event, known, truth, said = heapq.heappop(waiting)
            wrong.append(float(said != truth))
            when.append(START + event * STEP)
            model.learn_one(known, truth)
    return Stream(wrong, when)
