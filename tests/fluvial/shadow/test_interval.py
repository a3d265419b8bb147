"""Interval: the bounds hold at every moment at once, also for who stops when he likes what he sees."""

import random
from collections.abc import Callable
from math import inf, log

import pytest

from fluvial.shadow.interval import ALPHA, FIRST, Sequence, width

PATHS, STEPS = 300, 2_000

Draw = Callable[[random.Random], float]


def coin(rng: random.Random) -> float:
    """Two values, rarely the larger one: skewed, with mean 0."""
    return 0.9 if rng.random() < 0.1 else -0.1


def differences(rng: random.Random) -> float:
    """Differences of two log losses, of which one has the better forecast: heavy on one side, mean 0."""
    yes = rng.random() < 0.2
    difference = -log(0.2 if yes else 0.8) + log(0.35 if yes else 0.65)
    return difference - (0.2 * (-log(0.2) + log(0.35)) + 0.8 * (-log(0.8) + log(0.65)))


def never_held(draw: Draw, seed: int) -> int:
    """In how many of many paths the bounds ever left out the mean, from the first on."""
    return sum(_left_out(random.Random(f"{seed} {path}"), draw) for path in range(PATHS))


def _left_out(rng: random.Random, draw: Draw) -> bool:
    sequence = Sequence()
    for n in range(STEPS):
        sequence.add(draw(rng))
        if n % 5 == 0:  # looks at every fifth
            low, high = sequence.bounds
            if not low <= 0.0 <= high:
                return True
    return False


@pytest.mark.parametrize("draw", [random.Random.random, coin, differences], ids=["flat", "skewed", "losses"])
def test_whoever_looks_all_the_time_is_wrong_as_rarely_as_promised(draw: Draw) -> None:
    centred: Draw = (lambda rng: rng.random() - 0.5) if draw is random.Random.random else draw
    assert never_held(centred, 1) <= (ALPHA + 2 * (ALPHA * (1 - ALPHA) / PATHS) ** 0.5) * PATHS


def test_bounds_for_one_look_would_be_wrong_far_more_often() -> None:
    def wrong(seed: int) -> bool:
        rng, sequence = random.Random(seed), Sequence()
        for _ in range(STEPS):
            sequence.add(rng.random() - 0.5)
            low, high = sequence.bounds
            if sequence.n >= FIRST and abs(sequence.mean) > 1.96 / sequence.n**0.5 * 12**-0.5:
                return True
            assert low <= high
        return False

    assert sum(wrong(seed) for seed in range(100)) > 20


def test_nothing_is_said_before_there_are_enough_and_then_ever_more() -> None:
    sequence = Sequence()
    for _ in range(FIRST - 1):
        sequence.add(1.0)
    assert sequence.bounds == (-inf, inf)
    sequence.add(0.0)
    assert sequence.bounds[1] < inf
    widths = [width(n) for n in (100, 1_000, 10_000, 100_000)]
    assert widths == sorted(widths, reverse=True)
    assert width(100_000) < 0.012
