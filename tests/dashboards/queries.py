"""Every query of the dashboard and the rules, put to a real Prometheus as Grafana would put it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from math import isfinite
from typing import NamedTuple

from dashboards.pipeline import as_json
from dashboards.rules import ALERTS
from tests.services.prometheus import Prometheus
from tests.waiting import wait_until

VARIABLES = {
    "$__rate_interval": "10s",
    "$__range": "1m",
    "$pipeline": "flights",
    "$shard": ".*",
    "$metric": "rocauc",
}
METRIC = re.compile(r"\bfluvial_\w+")


class Asked(NamedTuple):
    """A query, and the panel, variable or alert it belongs to."""

    where: str
    expr: str


def filled(text: str) -> str:
    """The text with Grafana's variables filled in."""
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    assert "$" not in text, text
    return text


def panel_queries() -> Iterator[Asked]:
    """What the panels ask."""
    for panel in json.loads(as_json())["panels"]:
        for target in panel.get("targets", []):
            yield Asked(panel["title"], filled(target["expr"]))


def variable_queries() -> Iterator[Asked]:
    """What the variables ask: the values of a label, here counted."""
    for variable in json.loads(as_json())["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            assert found, variable["query"]
            yield Asked(variable["name"], f"count by ({found[2]}) ({filled(found[1])})")


def alert_queries() -> Iterator[Asked]:
    """What the alerts ask."""
    for alert in ALERTS:
        yield Asked(alert.name, alert.expr)


def unanswered(server: Prometheus) -> set[str]:
    """Panels and variables with a query for which Prometheus has no value."""
    asked = (*panel_queries(), *variable_queries())
    return {one.where for one in asked if not _has_value(server, one.expr)}


def assert_every_query_is_answered(
    start: Callable[..., Prometheus], port: int, *, may_lack: Collection[str] = (), deadline_s: float = 60.0
) -> None:
    """Let a Prometheus (from the fixture) scrape a worker at a port until all panels show something.

    The worker runs the pipeline flights and has something to do. Panels in ``may_lack`` may stay
    empty; alerts only have to be understood.
    """
    server = start(scrape_targets=[f"127.0.0.1:{port}"])
    wait_until(lambda: server.query("count(fluvial_build_info)"), "the worker is scraped", deadline_s)
    for asked in alert_queries():
        server.query(asked.expr)
    missing: set[str] = set()

    def all_there() -> bool:
        missing.clear()
        missing.update(unanswered(server) - set(may_lack))
        return not missing

    try:
        wait_until(all_there, "every panel shows something", deadline_s, every_s=1.0)
    except AssertionError:
        raise AssertionError(f"empty: {sorted(missing)}") from None


def _has_value(server: Prometheus, expr: str) -> bool:
    return any(isfinite(float(series["value"][1])) for series in server.query(expr))
