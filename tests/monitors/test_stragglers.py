"""Stragglers: a level waits for the labels that come late, and only where there are any."""

from __future__ import annotations

import pytest

from monitors.level import Level
from monitors.season import Season
from monitors.spec import DAY, LevelSpec
from monitors.stragglers import Stragglers
from tests.bars.streams import A_DAY, Stream, slow_when_wrong, steps


def play(stream: Stream, n: int) -> tuple[Level, list[str]]:
    level = Level("loss", LevelSpec())
    said: list[str] = []
    for value, time in zip(stream.values[:n], stream.times[:n], strict=True):
        level.update(value, time)
        if level.alarm is not None:
            said.append(level.alarm.direction)
    return level, said


def test_while_wrong_predictions_are_labelled_later_nothing_is_said_of_a_rise() -> None:
    level, said = play(slow_when_wrong(7, 30_000), 30_000)
    assert said == []
    assert level.state in ("quiet", "suspected")


def test_a_level_goes_on_warming_up_while_the_older_half_of_its_labels_still_comes() -> None:
    assert play(slow_when_wrong(7, 30_000), int(2.2 * A_DAY))[0].state == "warming"
    assert play(steps(7, (0.1, 30_000)), int(2.2 * A_DAY))[0].state != "warming"


def test_a_rise_within_the_warm_up_is_still_said_where_labels_come_in_order() -> None:
    assert play(steps(7, (0.05, 5000), (0.2, 20_000)), 12_000)[1] == ["worse"]


@pytest.mark.parametrize(("old", "many"), [(1, False), (20, True)])
def test_stragglers_are_many_where_a_hundredth_is_of_the_older_half(old: int, many: bool) -> None:
    stragglers = Stragglers()
    for i in range(4000):
        if i % 1000 < old:
            stragglers.back(since=0.0, time=0.0, newest=10.0)
        stragglers.passed(1)
    assert stragglers.many is many


def test_what_a_season_is_not_sure_of_goes_away_over_whole_cycles() -> None:
    season = Season(DAY, 24)
    for hour in range(24 * 6):
        season.add(200, 20.0 + 10.0 * (hour % 24 < 12) + (hour * 7 % 5), hour * 3600.0)
    assert season.doubt > 0.0
    assert season.unsure(DAY) == pytest.approx(0.0, abs=1e-12)
    assert season.unsure(DAY / 4) > season.unsure(1.25 * DAY) > 0.0
