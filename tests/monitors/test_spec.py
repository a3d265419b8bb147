"""What a person may say about monitors, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from fluvial.errors import ConfigError
from monitors.spec import DAY, WEEK, MonitorSpec
from tests.fluvial.shards import towns


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget": 0},
        {"budget": float("inf")},
        {"budget": 200_000},
        {"block": 0},
        {"warmup": -1},
        {"settle": -1},
        {"smallest_change": 2},
        {"seasons": (1.0,)},
        {"seasons": (DAY, DAY)},
        {"seasons": (DAY, WEEK, 3600.0, 7200.0)},
        {"x": 1},
    ],
)
def test_monitors_cannot_be_told_what_makes_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MonitorSpec(**wrong)


def test_seasons_are_durations_in_a_pipeline_file() -> None:
    assert towns(monitor={"seasons": ["1d", "36h", 3600]}).monitor.seasons == (DAY, 1.5 * DAY, 3600.0)
    assert towns(monitor={"seasons": []}).monitor.seasons == ()
    assert towns(monitor={}).monitor.seasons == (DAY, WEEK)


def test_a_file_of_before_is_told_what_to_write_instead_of_delta() -> None:
    with pytest.raises(ConfigError, match=r"monitor: delta was a significance level; write budget instead"):
        towns(monitor={"delta": 0.002})
