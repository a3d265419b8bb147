"""docs/metrics.md tells of every series and every label value, and of nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitors.alarm import DIRECTIONS
from monitors.series import (
    INCIDENT_STATES,
    NOTICE_CHANNELS,
    NOTICE_RESULTS,
    REFUSALS,
    REVIEW_ACTIONS,
    SERIES,
    Series,
)
from monitors.status import FATES, MONITOR_STATES, OUTCOMES

PAGE = Path(__file__).parent.parent.parent / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(fluvial_\w+)` \| (.+?) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
ROWS = {name: cells for name, *cells in ROW.findall(PAGE.read_text())}
VALUES = {
    "`outcome`": OUTCOMES,
    "`fate`": FATES,
    "`stream`": tuple(dict.fromkeys(stream for stream, _ in REFUSALS)),
    "`reason`": tuple(dict.fromkeys(reason for _, reason in REFUSALS)),
    "`window`": ("all", "recent"),
    "`goal`": ("at_least", "at_most"),
    "`state` of a monitor": MONITOR_STATES,
    "`direction`": DIRECTIONS,
    "`state` of incidents": INCIDENT_STATES,
    "`action`": REVIEW_ACTIONS,
    "`channel`": NOTICE_CHANNELS,
    "`result`": NOTICE_RESULTS,
}


def test_the_page_lists_the_series_there_are_in_their_order() -> None:
    assert list(ROWS) == [series.name for series in SERIES]


@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.name)
def test_a_row_says_what_the_code_says(series: Series) -> None:
    kind, labels, unit, meaning = ROWS[series.name]
    assert kind == series.kind
    assert labels == ", ".join(f"`{label}`" for label in series.labels)
    assert unit
    assert meaning == series.help


@pytest.mark.parametrize("label", VALUES)
def test_the_page_lists_the_values_of_a_label(label: str) -> None:
    row = re.search(rf"^\| {label} \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert row
    assert row[1] == ", ".join(f"`{value}`" for value in VALUES[label])
