"""Estimated loss: what confidence is worth, learned from labels, with a record of how well that went."""

from __future__ import annotations

import random
from math import isnan

import pytest

from monitors.estimated import BLOCK, OPEN, Estimated, expected
from monitors.opening import Opening
from monitors.spec import DAY, LevelSpec

SPEC = LevelSpec(budget=0.001, seasons=(), smallest_change=0.05, gross=2.0)


def play(n: int, *, delay: int, seed: int = 1, overconfident: bool = False) -> Estimated:
    """A forecast a minute, its label ``delay`` forecasts later."""
    r, estimated, waiting = random.Random(seed), Estimated(SPEC, DAY), []
    for i in range(n):
        p = r.choice((0.05, 0.2, 0.5, 0.95))
        truth = r.random() < (0.5 if overconfident else p)
        estimated.predicted(p, 60.0 * i)
        waiting.append((p, 1.0 - p if truth else p, 60.0 * i))
        if i >= delay:
            estimated.outcome(*waiting[i - delay], now=60.0 * i)
    return estimated


@pytest.mark.parametrize("overconfident", [False, True])
def test_confidence_means_what_labels_taught_it_to_mean(overconfident: bool) -> None:
    level, error = play(20_000, delay=500, overconfident=overconfident).estimate or (0.0, 1.0)
    assert abs(level - (0.5 if overconfident else 0.2525)) < 0.02
    assert error < 0.03


def test_before_a_block_was_judged_it_has_no_record() -> None:
    estimate = play(BLOCK, delay=2 * BLOCK).estimate
    assert estimate is not None
    assert isnan(estimate[1])
    assert Estimated(SPEC, DAY).estimate is None


def test_blocks_that_wait_are_bounded_however_late_labels_are() -> None:
    estimated = play(3 * OPEN * BLOCK, delay=10**9)
    assert len(estimated._blocks) <= OPEN


def test_a_block_whose_labels_never_come_is_not_judged() -> None:
    estimated, never = Estimated(SPEC, 600.0), 4 * BLOCK
    for i in range(10 * BLOCK):
        estimated.predicted(0.2, 60.0 * i)
        if i >= never:
            estimated.outcome(0.2, 0.2, 60.0 * i, 60.0 * i)
    assert 0 < estimated.judged <= 6


def test_a_forecast_that_says_nothing_is_not_estimated() -> None:
    assert expected({}) is None
    assert expected(1.0) == (19, 0.0)
    assert Estimated(SPEC, DAY).predicted({}, 0.0) is None


def test_labels_of_the_first_events_have_to_be_there_before_labels_are_judged() -> None:
    opening = Opening(cohort=100, horizon=DAY)
    for i in range(200):
        opening.event(float(i))
    assert not any(opening.outcome(float(i)) for i in range(97))
    assert not opening.outcome(150.0), "of a later event"
    assert opening.outcome(98.0)


def test_after_a_horizon_labels_are_judged_whatever_is_missing() -> None:
    opening = Opening(cohort=100, horizon=DAY)
    opening.event(5.0)
    assert not opening.passed(DAY)
    assert opening.passed(DAY + 5.0)
    assert opening.outcome(7.0)
