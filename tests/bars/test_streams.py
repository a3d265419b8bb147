"""Streams: each is what it says it is, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import mean

import pytest

from tests.bars import learned, streams
from tests.bars.inputs import CHANGES, KINDS, table
from tests.bars.rows import ROWS
from tests.bars.streams import A_DAY, STEP, Stream

MAKES: dict[str, Callable[[int], Stream]] = {
    "steps": lambda seed: streams.steps(seed, (0.1, 500), (0.2, 500)),
    "dependent": lambda seed: streams.dependent(seed, 0.9, 1000),
    "daily": lambda seed: streams.daily(seed, 1000),
    "weekends": lambda seed: streams.weekends(seed, 1000),
    "bursts": lambda seed: streams.bursts(seed, 1000),
    "wander": lambda seed: streams.wander(seed, 1000),
    "ramp": lambda seed: streams.ramp(seed, 1000),
    "wrong ones late": lambda seed: streams.slow_when_wrong(seed, 5000),
    "heavy delays": lambda seed: streams.heavy_delays(seed, 5000),
    "cold": lambda seed: learned.cold(seed, 300, learned.regression),
    "delayed": lambda seed: learned.delayed(seed, 3000, learned.heavy),
}


@pytest.mark.parametrize("name", MAKES)
def test_a_seed_makes_one_stream_and_another_seed_another(name: str) -> None:
    make = MAKES[name]
    assert make(1) == make(1)
    assert make(1).values != make(2).values
    assert len(make(1).values) == len(make(1).times)


@pytest.mark.parametrize(
    ("make", "low", "high"),
    [(streams.daily, 0.05, 0.15), (streams.weekly, 0.05, 0.15), (streams.weekends, 0.05, 0.15)],
)
def test_seasons_reach_from_5_to_15_percent(
    make: Callable[[int, int], Stream], low: float, high: float
) -> None:
    values = make(1, 70 * A_DAY).values
    parts = A_DAY // 5
    weeks = [
        mean(values[i + w * 7 * A_DAY + j] for w in range(10) for j in range(0, parts, 2))
        for i in range(0, 7 * A_DAY, parts)
    ]
    assert min(weeks) == pytest.approx(low, abs=0.02)
    assert max(weeks) == pytest.approx(high, abs=0.02)


def test_a_change_is_where_a_stream_says_it_is() -> None:
    stream = streams.steps(1, (0.0, 700), (1.0, 300))
    assert stream.changes == (700,)
    assert stream.values == [0.0] * 700 + [1.0] * 300
    stepped = streams.daily_step(1, 40_000, 80_000, size=0.5)
    assert mean(stepped.values[40_000:]) - mean(stepped.values[:40_000]) == pytest.approx(0.5, abs=0.01)


def test_a_dependent_feature_has_the_correlation_asked_for() -> None:
    x = streams.dependent(1, 0.9, 200_000).values
    assert mean(v * v for v in x) == pytest.approx(1.0, abs=0.05)
    assert mean(a * b for a, b in pairwise(x)) == pytest.approx(0.9, abs=0.05)


def test_late_labels_come_in_the_order_of_their_arrival_with_the_times_of_their_events() -> None:
    stream = streams.slow_when_wrong(1, 40_000)
    assert stream.times != sorted(stream.times)
    assert mean(stream.values[:1000]) < 0.05 < mean(stream.values[20_000:])
    even = learned.delayed(1, 3000, learned.constant)
    assert len(even.values) == 2000
    assert even.times == [streams.START + i * STEP for i in range(2000)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_one_field_touches_no_other(change: str) -> None:
    still, moved = table(1, 2000), table(1, 2000, change, 1000)
    other = {name for name in KINDS if still.columns[name] != moved.columns[name]}
    assert other == {CHANGES[change]}
    name = CHANGES[change]
    assert still.columns[name][:1000] == moved.columns[name][:1000]


def test_no_two_runs_of_the_table_share_a_seed() -> None:
    seeds = [row.seed(run, draw) for row in ROWS for run in range(row.full) for draw in (0, 10_000)]
    assert len(set(seeds)) == len(seeds)
