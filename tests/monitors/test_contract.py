"""Monitors: every one keeps the contract, and the contract tells the useless ones apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitors.level import Level
from monitors.spec import LevelSpec
from tests.monitors import monitor_contract as contract
from tests.monitors.monitor_contract import PROMISES, STEPS, Subject, coins, sees, watch
from tests.monitors.useless import SPEC, USELESS

TWO_DAYS = 10_000

SUBJECTS = {
    "level": Subject(lambda: Level("loss", LevelSpec()), TWO_DAYS),
    "level without seasons": Subject(lambda: Level("loss", SPEC), 1000),
    "level with two sides": Subject(
        lambda: Level("field:x", SPEC._replace(two_sided=True)), 1000, "changed", "changed"
    ),
}
"""Every monitor there is: a new one is tested by standing here."""

BROKEN: dict[str, set[str]] = {
    "Never": {"speaks_once", "follows_the_level", "has_evidence", "says_where_it_stands"},
    "Always": {"is_calm", "lets_a_learner_begin", "speaks_once", "says_nothing_to_the_same"},
    "WrongWay": {"speaks_once", "tells_the_story"},
    "Repeats": {"speaks_once", "tells_the_story"},
    "Vague": {"has_evidence", "its_intervals_hold_the_truth"},
    "Boastful": {"its_intervals_hold_the_truth"},
    "Unforgetting": {"forgets_when_rearmed"},
    "Forgetful": {"goes_on_after_pickling"},
    "Sleepy": {"says_a_collapse_at_once", "has_evidence"},
    "Clockwork": {"is_calm_whatever_the_clocks_say", "sees_through_disorder"},
    "Hasty": {"is_calm", "suspects_before_it_speaks"},
    "Unsteady": {"bears_anything", "follows_the_level"},
}
"""What each of the useless ones breaks, at least."""


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", SUBJECTS)
def test_a_monitor_keeps_its_promise(name: str, promise: Callable[[Subject], bool]) -> None:
    assert promise(SUBJECTS[name])


@pytest.mark.parametrize(("before", "after"), STEPS)
@pytest.mark.parametrize("name", SUBJECTS)
def test_a_monitor_sees_a_step_and_says_which_way(name: str, before: float, after: float) -> None:
    assert sees(SUBJECTS[name], before, after)


@pytest.mark.parametrize("useless", USELESS, ids=lambda useless: useless.__name__)
def test_the_contract_tells_a_useless_monitor(useless: type[Any]) -> None:
    subject = Subject(useless, 1000)
    assert {name for name in BROKEN[useless.__name__] if getattr(contract, name)(subject)} == set()


def test_every_promise_is_broken_by_one_of_the_useless() -> None:
    assert {promise.__name__ for promise in PROMISES} == set().union(*BROKEN.values())


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("useless", [u for u in USELESS if u.__name__ in ("Never", "Always", "WrongWay")])
def test_who_says_nothing_everything_or_the_opposite_sees_no_step(
    useless: type[Any], step: tuple[float, float]
) -> None:
    assert not sees(Subject(useless, 1000), *step)


def test_a_change_that_goes_back_before_it_has_settled_is_said_to_be_over() -> None:
    level = Level("loss", SPEC)
    heard = watch(level, coins(3, (0.1, 6000), (0.9, 60), (0.1, 6000)))
    assert [one.alarm.phase for one in heard] == ["first", "recovered"]
    back = heard[1].alarm
    assert (back.direction, back.before > 0.5, abs(back.after - 0.1) < 0.05) == ("better", True, True)
    assert back.n - heard[0].alarm.n < 1000
