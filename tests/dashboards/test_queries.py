"""The dashboards show something in every panel, and what calls people reaches Alertmanager."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards.recorded import RECORDED
from monitors.series import SERIES
from tests.dashboards.feed import moving_worker
from tests.dashboards.queries import (
    METRIC,
    RECORD,
    RULES,
    Asked,
    alert_queries,
    assert_every_query_is_answered,
    mark_queries,
    panel_queries,
    recording_queries,
    variable_queries,
)
from tests.services.prometheus import Alertmanager, Prometheus
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
QUERIES = [
    *panel_queries(),
    *mark_queries(),
    *variable_queries(),
    *alert_queries(),
    *recording_queries(),
]
RECORDS = {one.name for one in RECORDED}
EXPORTED = {
    name
    for series in SERIES
    for name in (
        [series.name]
        if series.kind != "histogram"
        else [f"{series.name}_{part}" for part in ("bucket", "sum", "count")]
    )
}


@pytest.mark.parametrize("asked", QUERIES, ids=lambda asked: asked.where)
def test_a_query_names_only_series_that_exist(asked: Asked) -> None:
    assert set(METRIC.findall(asked.expr)) <= EXPORTED
    assert set(RECORD.findall(asked.expr)) <= RECORDS


def test_every_series_is_shown_or_called_about() -> None:
    asked = " ".join(one.expr for one in (*panel_queries(), *alert_queries()))
    assert set(RECORD.findall(asked)) == RECORDS
    told = set(METRIC.findall(asked))
    unseen = {series.name for series in SERIES if not any(name.startswith(series.name) for name in told)}
    # finer than a first look needs
    assert unseen == {
        "fluvial_defaulted_outcomes_total",
        "fluvial_ignored_records_total",
        "fluvial_notices_total",  # what waits is called about
    }


def test_every_panel_shows_what_a_worker_tells(prometheus: Callable[..., Prometheus]) -> None:
    with moving_worker() as port:
        server = prometheus(scrape_targets=[f"127.0.0.1:{port}"], rules=RULES, job="fluvial")
        assert_every_query_is_answered(server)


def test_an_incident_reaches_alertmanager_and_mutes_the_drift_behind_it(
    prometheus: Callable[..., Prometheus], alertmanager: Callable[..., Alertmanager]
) -> None:
    people = alertmanager(config=ROOT / "deploy" / "alertmanager.yml")
    with moving_worker() as port:
        target = f"127.0.0.1:{port}"
        prometheus(scrape_targets=[target], rules=RULES, alertmanager=people.url)
        for alert, state in (("FluvialIncidentOpen", "active"), ("FluvialDriftDetected", "suppressed")):
            wait_until(lambda: _states(people).get(alert) == state, f"{alert} is {state}", 60)  # noqa: B023


def _states(people: Alertmanager) -> dict[str, str]:
    return {alert["labels"]["alertname"]: alert["status"]["state"] for alert in people.alerts()}
