"""Labels and forecasts as figures between 0 and 1, and slices by value."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest

from monitors.alarm import Alarm
from monitors.figures import Figure, figure
from monitors.labels import Delay, Labels
from monitors.slices import MOST, Slices, worst
from monitors.spec import DAY, LevelSpec

SPEC = LevelSpec(budget=0.001, seasons=(), smallest_change=0.05, gross=2.0, block=32)

STREAMS: dict[str, tuple[Callable[[random.Random], Any], Callable[[random.Random], Any]]] = {
    "binary": (lambda r: r.random() < 0.2, lambda r: r.random() < 0.4),
    "multiclass": (lambda r: r.choice("aaab"), lambda r: r.choice("aabbc")),
    "regression": (lambda r: r.gauss(100.0, 10.0), lambda r: r.gauss(110.0, 10.0)),
}


def told(figure: Figure, task: str, *, changes: bool, n: int = 12_000) -> list[Alarm]:
    r, (before, after) = random.Random(1), STREAMS[task]
    said = [figure.update((after if changes and i > n // 2 else before)(r), float(i)) for i in range(n)]
    return [alarm for alarm in said if alarm is not None]


@pytest.mark.parametrize("task", STREAMS)
def test_what_a_task_says_is_watched_both_ways(task: str) -> None:
    assert told(figure(task, "labels:truth", SPEC), task, changes=False) == []
    alarms = told(figure(task, "labels:truth", SPEC), task, changes=True)
    assert {(alarm.monitor, alarm.direction) for alarm in alarms} == {("labels:truth", "changed")}


def test_a_class_is_named_by_the_part() -> None:
    alarms = told(figure("multiclass", "prediction", SPEC, ("a", "b", "c")), "multiclass", changes=True)
    assert {alarm.part for alarm in alarms} <= {"class=a", "class=b", "class=c"}
    assert alarms


def test_a_number_that_never_varies_is_watched_as_well() -> None:
    one = figure("regression", "prediction", SPEC)
    assert not any(one.update(0.0, float(i)) for i in range(3000))
    assert any(one.update(7.0, float(i)) for i in range(3000, 6000))


def test_a_number_that_is_none_is_left_out() -> None:
    one = figure("regression", "prediction", SPEC)
    assert not any(one.update(value, 1.0) for value in (float("inf"), float("nan")))


def test_labels_that_take_twice_as_long_are_said() -> None:
    r, delay, alarms = random.Random(1), Delay(SPEC, DAY), []
    for i in range(12_000):
        alarms.append(delay.update(r.expovariate(1.0 / (600.0 if i < 8000 else 1200.0)), float(i)))
    [alarm] = [alarm for alarm in alarms if alarm is not None]
    assert (alarm.direction, alarm.n > 7700) == ("worse", True)
    assert (delay.late(100.0), delay.late(10_000.0)) == (False, True)


def test_labels_that_do_not_come_any_more_are_said() -> None:
    labels, r, alarms = Labels(SPEC, SPEC, "binary", (), apart=True, horizon=DAY), random.Random(1), []
    for i in range(12_000):
        lost = r.random() < (0.02 if i < 8000 else 0.15)
        alarms.append(labels.never(1, float(i)) if lost else labels.came(float(i)))
    [alarm] = [alarm for alarm in alarms if alarm is not None]
    assert (alarm.monitor, alarm.direction) == ("labels:share", "worse")


def test_the_most_frequent_values_are_watched_and_no_more() -> None:
    slices = Slices("loss:town", "town", SPEC._replace(warmup=1000))
    for i in range(1000):
        slices.update(f"t{i % 20 if i % 2 else 0}", 0.1, float(i))
    assert len(slices.levels) == MOST
    assert "t0" in slices.levels
    assert slices.update("somewhere else", 0.1, 1.0) is None


def test_ten_thousand_values_are_not_kept_in_mind() -> None:
    slices = Slices("loss:town", "town", SPEC._replace(warmup=20_000))
    for i in range(10_000):
        slices.update(f"t{i}", 0.1, float(i))
    assert len(pickle.dumps(slices)) < 20_000


def test_an_outcome_without_a_value_is_of_no_slice() -> None:
    slices = Slices("loss:town", "town", SPEC, ("A",))
    assert slices.update(None, 1.0, 0.0) is None
    assert slices.estimate == 0.0


def test_of_several_states_the_worst_is_shown() -> None:
    assert worst({"quiet", "suspected", "warming"}) == "suspected"
    assert worst({"quiet", "warming"}) == "quiet"
    assert worst(set()) == "warming"
