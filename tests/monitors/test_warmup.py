"""What is said before it is known what is usual: what is gross and stays, and no burst."""

from __future__ import annotations

import numpy as np

from monitors.alarm import Alarm
from monitors.level import STAYED, Level
from monitors.spec import LevelSpec
from tests.bars.streams import Stream, bursts, coins

TWO_DAYS = 10_000


def said(stream: Stream) -> list[Alarm]:
    """Every alarm of a level over one stream."""
    level, alarms = Level("loss", LevelSpec()), []
    for value, time in zip(stream.values, stream.times, strict=True):
        level.update(value, time)
        if level.alarm:
            alarms.append(level.alarm)
    return alarms


def test_bursts_of_errors_are_no_alarm_before_it_is_known_how_long_they_are() -> None:
    assert [said(bursts(seed, TWO_DAYS - 1000)) for seed in range(40)] == [[]] * 40


def test_a_gross_rise_that_stays_is_said_at_once_while_warming_up() -> None:
    for seed in range(10):
        rates = np.where(np.arange(TWO_DAYS - 1000) < 3000, 0.1, 0.4)
        first, *rest = said(coins(seed, rates))
        assert (first.direction, rest) == ("worse", [])
        assert first.n_after >= STAYED
        assert 3000 < first.n < 3600


def test_one_bad_stretch_at_the_start_is_no_alarm_and_its_end_is_none() -> None:
    rates = np.where((np.arange(20_000) >= 600) & (np.arange(20_000) < 800), 0.5, 0.1)
    assert [said(coins(seed, rates)) for seed in range(10)] == [[]] * 10


def test_the_end_of_a_warm_up_calls_for_few_new_models_however_large_the_budget() -> None:
    def called(seed: int) -> bool:
        stream = coins(seed, np.full(1008, 0.2))
        level = Level("loss", LevelSpec(budget=10.0, seasons=()))
        for value, time in zip(stream.values, stream.times, strict=True):
            level.update(value, time)
        return level.state == "alarm"

    assert sum(map(called, range(100))) <= 8  # twenty budgets, which are 200 in 100,000, call for 19


def test_a_rise_in_the_first_hours_of_a_warm_up_is_said_at_its_end() -> None:
    """That the first hours were better than the same ones of the second day is no rhythm."""
    hidden = 163  # behind half a rhythm, where the noise of a profile is that of its single hours alone
    for good, seeds in ((1000, (hidden, 1, 2, 3)), (2500, range(4)), (5000, range(4)), (8000, range(4))):
        rates = np.where(np.arange(TWO_DAYS + 500) < good, 0.1, 0.2)
        called = [[one.direction for one in said(coins(seed, rates))] for seed in seeds]
        assert called == [["worse"]] * len(seeds)
