"""Metrics: whatever values come, no series is made of them and no count is lost."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from consumers.event import REASONS
from fluvial.incidents import STATES as INCIDENT_STATES
from fluvial.reviews import ACTIONS
from monitors.alarm import DIRECTIONS
from monitors.metrics import Metrics
from monitors.series import OTHER
from monitors.status import FATES, OUTCOMES
from tests.monitors.scrape import Scrape
from tests.monitors.statuses import status_at

HOSTILE = st.text(max_size=20) | st.sampled_from(['"} 1\n', "\\", "\n", "\ud800", "\0", "learned", OTHER])


@given(
    outcomes=st.dictionaries(HOSTILE, st.integers(0, 9), max_size=5),
    reasons=st.dictionaries(st.tuples(HOSTILE, HOSTILE), st.integers(0, 9), max_size=5),
    states=st.dictionaries(HOSTILE, st.integers(0, 9), max_size=5),
    values=st.dictionaries(HOSTILE, st.just({"rocauc": 0.5}), max_size=5),
)
def test_hostile_values_add_no_series_and_lose_no_count(
    outcomes: dict[str, int],
    reasons: dict[tuple[str, str], int],
    states: dict[str, int],
    values: dict[str, dict[str, float]],
) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    status = replace(status_at(5), outcomes=outcomes, fates=outcomes, quarantined=reasons, drifts=reasons)
    metrics.publish(replace(status, slices={"origin": values}))
    metrics.desk("flights", states, states)
    scrape = Scrape(registry)
    assert scrape.sum("fluvial_outcomes_total") == sum(outcomes.values())
    assert scrape.sum("fluvial_quarantined_total") == sum(reasons.values())
    assert scrape.sum("fluvial_incidents") == sum(states.values())
    assert set(scrape.values("fluvial_outcomes_total", "outcome")) <= {*OUTCOMES, OTHER}
    assert set(scrape.values("fluvial_label_fates_total", "fate")) <= {*FATES, OTHER}
    assert set(scrape.values("fluvial_quarantined_total", "reason")) <= {*REASONS, OTHER}
    assert set(scrape.values("fluvial_drift_detected_total", "direction")) <= {*DIRECTIONS, OTHER}
    assert set(scrape.values("fluvial_incidents", "state")) <= {*INCIDENT_STATES, OTHER}
    assert set(scrape.values("fluvial_reviews_total", "action")) <= {*ACTIONS, OTHER}


def test_a_name_that_cannot_be_encoded_does_not_fail_the_scrape() -> None:
    registry = CollectorRegistry()
    Metrics(registry).lag("flights", {('a\ud800b\n"', 0): 1})
    assert Scrape(registry).values("fluvial_lag_records", "topic") == {'a?b\n"': 1}
