"""The scoreboard: the champion and the baselines are counted on the same outcomes, once each."""

import random

import pytest

from learners.baselines import BaselineSpec
from learners.scoreboard import CHAMPION, Point, Scoreboard
from learners.scoring import SuccessSpec
from learners.task import CostSpec, task_named

GOAL = SuccessSpec(metric="accuracy", at_least=0.9, window=100)


def board(task: str = "binary", goal: SuccessSpec | None = None, cost: CostSpec | None = None) -> Scoreboard:
    return Scoreboard(task_named(task, cost), BaselineSpec(by="town", last=5), ("town",), goal, window=200)


def play(one: Scoreboard, n: int, *, right: float = 1.0, seed: int = 1) -> list[Point]:
    """Outcomes whose champion says the truth with this frequency, baselines as they are."""
    draw, points = random.Random(seed), []
    for i in range(n):
        values, truth = {"town": draw.choice("AB")}, draw.random() < 0.3
        sure = 0.9 if truth == (draw.random() < right) else 0.1
        point = one.add((sure, *one.foresee(values)), truth, values, float(i), 7)
        points += [point] if point else []
    return points


def test_every_predictor_is_counted_on_every_outcome() -> None:
    one = board()
    play(one, 150)
    assert one.names == (CHAMPION, "base_rate", "last_class", "rolling_rate")
    assert one.tally.n == one.outcomes == 150


def test_a_champion_that_knows_beats_the_baselines_and_one_that_guesses_does_not() -> None:
    good, bad = board(), board()
    play(good, 400)
    play(bad, 400, right=0.5)
    for one, better in ((good, True), (bad, False)):
        losses = {name: score.values()["logloss"] for name, score in one.tally.total().items()}
        assert (losses[CHAMPION] < losses["base_rate"]) == better


def test_baselines_foresee_from_labels_that_were_counted_before() -> None:
    one = board()
    assert one.foresee({"town": "A"}) == (0.5, 0.5, 0.5)
    one.add((0.5, 0.5, 0.5, 0.5), True, {"town": "A"}, 0.0, 0)
    assert one.foresee({"town": "A"})[0] == pytest.approx(2 / 3)
    assert one.foresee({"town": "A"})[2] > one.foresee({"town": "B"})[2]


def test_every_thousand_outcomes_make_a_point_with_their_own_mean_loss() -> None:
    one = board()
    points = [*play(one, 1000), *play(one, 1000, right=0.5, seed=2)]
    assert [(point.sequence, point.time, point.waiting) for point in points] == [(1, 999.0, 7), (2, 999.0, 7)]
    assert points[0].loss[CHAMPION] == pytest.approx(0.10536, abs=1e-4)
    assert points[1].loss[CHAMPION] > 1.0
    assert set(points[0].recent) == set(one.names)


def test_the_goal_is_judged_on_the_champions_window() -> None:
    one = board(goal=GOAL)
    play(one, 99)
    early = one.verdict()
    play(one, 200)
    met = one.verdict()
    play(one, 200, right=0.5, seed=2)
    missed = one.verdict()
    assert early
    assert met
    assert missed
    assert (early.status, met.status, missed.status) == ("too early", "met", "missed")
    assert board().verdict() is None


def test_costs_are_the_champions_alone() -> None:
    one = board(cost=CostSpec(unit="EUR", false_positive=1, false_negative=10))
    for forecast, truth in ((0.9, False), (0.01, True), (0.9, True)):
        one.add((forecast, 0.5, 0.5, 0.5), truth, {"town": "A"}, 0.0, 0)
    assert one.cost == 11.0


def test_slices_hold_the_champions_scores_by_value() -> None:
    one = board()
    play(one, 100)
    assert one.slices is not None
    assert sum(score["n"] for score in one.slices.values()["town"].values()) == 100


@pytest.mark.parametrize(
    ("task", "forecast", "truth"), [("multiclass", {"a": 0.6, "b": 0.4}, "a"), ("regression", 2.0, 3.0)]
)
def test_every_task_has_three_baselines_beside_its_champion(
    task: str, forecast: object, truth: object
) -> None:
    one = board(task)
    for _ in range(3):
        values = {"town": "A"}
        one.add((forecast, *one.foresee(values)), truth, values, 0.0, 0)  # type: ignore[arg-type]
    assert len(one.names) == 4
    assert one.tally.n == 3
