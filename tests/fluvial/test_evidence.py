"""Evidence: alarms go into the store and come back as they were, also those that an older version filed."""

from __future__ import annotations

import json
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.evidence import alarm_of, calls, complete, stored
from monitors.alarm import CAUSES, DIRECTIONS, PHASES, SEVERITIES, Alarm

OLD = {
    "monitor": "loss",
    "direction": "worse",
    "time": 9.0,
    "onset": 5.0,
    "n": 100,
    "before": 0.1,
    "after": 0.4,
    "n_before": 50,
    "n_after": 50,
}
"""What an alarm said before alarms said more."""

NUMBERS = st.floats(allow_nan=True, allow_infinity=False)
COUNTS = st.integers(0, 10**9)
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
ALARMS = st.builds(
    Alarm,
    TEXT,
    st.sampled_from(DIRECTIONS),
    *[NUMBERS] * 2,
    COUNTS,
    *[NUMBERS] * 2,
    *[COUNTS] * 2,
    *[NUMBERS] * 6,
    st.sampled_from(PHASES),
    TEXT,
    st.sampled_from(SEVERITIES),
    st.sampled_from(CAUSES),
    TEXT,
)


@given(alarm=ALARMS)
def test_an_alarm_comes_back_as_it_was(alarm: Alarm) -> None:
    back = alarm_of(json.loads(json.dumps(stored(alarm), allow_nan=False)))
    assert repr(back) == repr(alarm), "NaN equals NaN here"


def test_an_alarm_of_an_older_version_is_read() -> None:
    alarm = alarm_of(OLD)
    assert alarm[:9] == tuple(OLD.values())
    assert all(map(isnan, (alarm.low, alarm.high, alarm.score, alarm.needed)))
    assert (alarm.severity, alarm.phase, alarm.part, alarm.cause, alarm.dependence) == (
        "page",
        "first",
        "",
        "",
        1.0,
    )
    assert alarm_of({**OLD, "direction": "better"}).severity == "info"


def test_what_is_no_alarm_of_a_monitor_is_left_alone() -> None:
    said = {"monitor": "halt", "direction": "halted", "why": "the disk is gone"}
    assert complete(said) == said
    assert not calls(said)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_only_a_page_about_something_that_moved_calls(direction: str, phase: str, severity: str) -> None:
    wanted = severity == "page" and phase in ("first", "worse") and direction != "better"
    assert calls({**OLD, "direction": direction, "phase": phase, "severity": severity}) is wanted


def test_undefined_is_null_and_comes_back_undefined() -> None:
    assert stored(alarm_of({**OLD, "before": nan}))["before"] is None
    assert isnan(alarm_of({**OLD, "before": None}).before)
