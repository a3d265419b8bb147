"""What passes for a rhythm: what every cycle shows, and no step within one of them."""

from __future__ import annotations

import numpy as np

from monitors.season import Season
from monitors.spec import DAY

HOURS, AN_HOUR = 24, 208


def learned(seed: int, rates: list[list[float]]) -> float:
    """The size of the profile after days of such error rates by hour, told by coins."""
    draw, season = np.random.default_rng(seed), Season(DAY, HOURS)
    for day, hours in enumerate([*rates, rates[-1]]):  # a day counts once the next one has begun
        for hour, rate in enumerate(hours):
            season.add(AN_HOUR, float(draw.binomial(AN_HOUR, rate)), day * DAY + hour * DAY / HOURS)
    return season.size


def test_a_step_within_the_first_of_two_days_is_no_rhythm() -> None:
    for good in (2, 5, 10, 14):
        first = [0.1] * good + [0.2] * (HOURS - good)
        believed = [learned(seed, [first, [0.2] * HOURS]) > 0.0 for seed in range(100)]
        assert sum(believed) <= 2


def test_what_both_of_two_days_show_is_a_rhythm() -> None:
    swing = (0.1 + 0.05 * np.sin(np.arange(HOURS) / HOURS * 2.0 * np.pi)).tolist()
    sizes = [learned(seed, [swing, swing]) for seed in range(100)]
    assert sum(size > 0.0 for size in sizes) >= 98
    assert 0.08 < np.mean(sizes) < 0.12
