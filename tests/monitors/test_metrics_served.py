"""What is served: a format that Prometheus takes, names as it wants them, a port that is given back."""

from __future__ import annotations

import subprocess

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import parser as openmetrics

from monitors.metrics import Metrics, MetricsServer, OpenIncident
from monitors.series import SERIES
from tests.monitors.statuses import status_at
from tests.services.monitoring import find
from tests.services.prometheus import Promtool

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry with every series in use."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.publish(status_at(10))
    metrics.lag("flights", {("flights.events", 0): 5})
    metrics.desk("flights", {"firing": 1}, {"acknowledge": 1})
    metrics.batch("flights", 0, 100, 0.02)
    metrics.incidents("flights", [OpenIncident(0, "loss", "0f1e2d3c4b5a")])
    metrics.notices("flights", {"mail": (3, 1, 0, 20.0)})
    metrics.packed("flights", 0, 40_000)
    metrics.snapshot("flights", 0, 0.3, 10_000, 1_700_000_000.0)
    metrics.recovery("flights", 0, 1.5)
    metrics.build({"version": "0.1.0", "river": "0.26.1", "python": "3.11.7"})
    return registry


def test_every_declared_series_is_exported_with_its_labels_and_help(registry: CollectorRegistry) -> None:
    exported = {family.name: family for family in registry.collect()}
    for series in SERIES:
        family = exported.pop(series.name.removesuffix("_total"))
        assert (family.type, family.documentation) == (series.kind, series.help)
        assert family.samples, series.name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(series.labels)
    assert not exported


def test_names_end_in_their_base_unit_and_counters_in_total() -> None:
    plural = ("_labels", "_records", "_incidents")
    for series in SERIES:
        assert series.name.startswith("fluvial_")
        assert series.name.endswith("_total") == (series.kind == "counter")
        if series.kind == "histogram":
            assert series.name.endswith(("_seconds", *plural))
        assert not any(unit in series.name.split("_") for unit in ("ms", "minutes", "kb", "mb", "percent"))


def test_promtool_has_no_complaint(registry: CollectorRegistry, promtool: Promtool) -> None:
    command = [find("prometheus", "promtool"), "check", "metrics"]
    done = subprocess.run(
        command, input=generate_latest(registry), capture_output=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_a_scrape_over_http_is_complete_in_both_formats(registry: CollectorRegistry) -> None:
    server = MetricsServer(registry)
    server.start()
    try:
        url = f"http://127.0.0.1:{server.port}/metrics"
        with httpx.Client(trust_env=False) as client:
            assert client.get(url).text == generate_latest(registry).decode()
            strict = client.get(url, headers=OPENMETRICS).text
    finally:
        server.stop()
    families = openmetrics.text_string_to_metric_families(strict)  # type: ignore[no-untyped-call]
    found = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert found == {series.name for series in SERIES}
