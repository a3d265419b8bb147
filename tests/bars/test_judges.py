"""Judges: what reaches a bar, and what just does not."""

from __future__ import annotations

import pytest

from monitors.alarm import Direction, Phase
from tests.bars.budget import between
from tests.bars.budget import judge as judge_budget
from tests.bars.cost import Cost, Within
from tests.bars.judges import By, Calls, Found, Improved, Incidents, Silent, Soon, Story
from tests.bars.said import Run, Said


def run(*said: tuple[int, Direction] | tuple[int, Direction, Phase], at: tuple[int, ...] = (1000,)) -> Run:
    return Run([Said(*one) for one in said], at, 10_000)


STILL, CALLED, BETTER = run(at=()), run((5, "worse"), at=()), run((5, "better"), at=())


@pytest.mark.parametrize(
    ("judge", "runs", "met"),
    [
        (Silent(in_all=1), [STILL, CALLED], True),
        (Silent(in_all=1), [CALLED, CALLED], False),
        (Silent(in_all=1), [STILL, run((1, "worse"), (2, "better"), at=())], False),
        (Silent(each=1), [CALLED, CALLED], True),
        (Silent(each=1), [STILL, run((1, "worse"), (2, "worse"), at=())], False),
        (Silent(in_all=0, direction="worse"), [BETTER], True),
        (Silent(in_all=0, direction="worse"), [CALLED], False),
        (Silent(in_all=0), [BETTER], False),
        (Calls(0.5), [STILL, CALLED], True),
        (Calls(0.4), [STILL, CALLED], False),
        (Calls(0.0), [BETTER], True),
        (Found(100), [run((1100, "worse"))], True),
        (Found(100), [run((1101, "worse"))], False),
        (Found(100), [run((1100, "better"))], False),
        (Found(100), [run((1100, "worse")), run()], False),
        (Found(100), [run((900, "worse"), (1100, "worse"))], True),
        (Found(100), [run((900, "worse"), (1100, "worse"))] * 2, False),
        (Found(100), [run((8, "worse"), (900, "better", "recovered"), (1100, "worse"))], True),
        (Found(100), [run((8, "worse"), (900, "better"), (1100, "worse"))], False),
        (Found(100, at_least=0.95), [run((1001, "worse"))] * 19 + [run()], True),
        (Found(100, at_least=0.95), [run((1001, "worse"))] * 18 + [run()] * 2, False),
        (Found(100, of="g0"), [run((1001, "worse"))], False),
        (Found(100, once=True), [run((1001, "worse"), (2000, "worse", "worse"))], True),
        (Found(100, once=True), [run((1001, "worse"), (2000, "worse"))], False),
        (By(1500), [run((1500, "worse"))], True),
        (By(1500), [run((1501, "worse"))], False),
        (By(1500), [run((999, "worse"), (1001, "worse"))], False),
        (Story("first", "worse"), [run((1, "worse"), (3, "worse", "worse"), at=(0, 2))], True),
        (Story("first", "worse"), [run((1, "worse"), (1, "worse", "worse"), at=(0, 2))], False),
        (Story("first", "worse"), [run((1, "worse"), at=(0, 2))], False),
        (Improved(), [run((1, "better"))] * 19 + [run()], True),
        (Improved(), [run((1, "better"))] * 18 + [run()] * 2, False),
        (Improved(), [run((1, "better"))] * 19 + [run((1, "better"), (2, "worse"))], False),
        (Soon(50), [run((1040, "worse"), (5060, "worse"), (9, "worse"), at=(1000, 5000))], True),
        (Soon(50), [run((1040, "worse"), (5061, "worse"), at=(1000, 5000))], False),
        (Soon(50), [run((1040, "worse"), at=(1000, 5000))], False),
        (Soon(50), [run((8, "worse"), (9, "worse"), (1040, "worse"))], False),
        (Incidents(1, lambda said: ()), [run((1, "worse"), (2, "better", "recovered"))], True),
        (Incidents(1, lambda said: ()), [run((1, "worse"), (2, "worse"))], False),
        (Within(2.0), [Cost(2.0, 9.0), Cost(3.0, 9.0)], True),
        (Within(2.0), [Cost(2.1, 1.0)], False),
    ],
)
def test_a_judge_draws_the_line_where_the_bar_says(judge: object, runs: list[object], met: bool) -> None:
    assert judge(runs).met is met  # type: ignore[operator]


@pytest.mark.parametrize(
    ("alarms", "met"),
    [((0, 1, 10, 100), True), ((0, 3, 30, 300), True), ((1, 1, 10, 20), False), ((9, 9, 9, 99), False)],
)
def test_a_knob_has_to_be_followed_as_far_as_so_few_alarms_can_tell(
    alarms: tuple[int, ...], met: bool
) -> None:
    counts = tuple((budget, n, 100_000) for budget, n in zip((0.1, 1.0, 10.0, 100.0), alarms, strict=True))
    assert judge_budget([counts]).met is met


@pytest.mark.parametrize(("alarms", "low", "high"), [(0, 0.0, 3.69), (1, 0.03, 5.57), (10, 4.80, 18.39)])
def test_the_bounds_of_a_count_are_poissons(alarms: int, low: float, high: float) -> None:
    assert between(alarms) == pytest.approx((low, high), abs=0.08)
