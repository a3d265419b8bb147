"""Every query of the dashboards and the rules, put to a real Prometheus as Grafana would put it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import NamedTuple

from dashboards.__main__ import BOARDS, OUT
from dashboards.alerts import ALERTS
from dashboards.recorded import RECORDED
from tests.services.prometheus import Prometheus
from tests.waiting import wait_until

VARIABLES = {
    "$__rate_interval": "10s",
    "$__range": "1m",
    "$pipeline": "flights",
    "$shard": ".*",
    "$metric": "rocauc",
    "$monitor": ".*",
}
METRIC = re.compile(r"(?<![:\w])fluvial_\w+(?![\w:])")
RECORD = re.compile(r"\b\w+:fluvial_\w+:\w+")
RULES = OUT / "prometheus" / "rules.yml"


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
    for board in BOARDS:
        for panel in json.loads(board.as_json())["panels"]:
            for target in panel.get("targets", []):
                yield Asked(f"{board.name}: {panel['title']}", filled(target["expr"]))


def mark_queries() -> Iterator[Asked]:
    """What is marked on the time axes; all dashboards mark the same."""
    for mark in json.loads(BOARDS[0].as_json())["annotations"]["list"]:
        if "expr" in mark:  # Grafana's own annotations are no query
            yield Asked(mark["name"], filled(mark["expr"]))


def variable_queries() -> Iterator[Asked]:
    """What the variables ask: the values of a label, here counted."""
    for board in BOARDS:
        for variable in json.loads(board.as_json())["templating"]["list"]:
            if variable["type"] == "query":
                found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
                assert found, variable["query"]
                where = f"{board.name}: {variable['name']}"
                yield Asked(where, f"count by ({found[2]}) ({filled(found[1])})")


def alert_queries() -> Iterator[Asked]:
    """What the alerts ask."""
    for alert in ALERTS:
        yield Asked(alert.name, alert.expr)


def recording_queries() -> Iterator[Asked]:
    """What is recorded."""
    for one in RECORDED:
        yield Asked(one.name, one.expr)


def unanswered(server: Prometheus, asked: Iterable[Asked]) -> list[Asked]:
    """The queries for which Prometheus has no value now."""
    return [one for one in asked if not _has_value(server, one.expr)]


def assert_every_query_is_answered(
    server: Prometheus, *, without: Sequence[str] = (), deadline_s: float = 60.0
) -> None:
    """Ask a Prometheus until every panel, mark and variable has shown something.

    It has our rules and scrapes, as the job fluvial, a worker that runs the pipeline flights and has
    something to do. Alerts and what is recorded only have to be understood, and so do queries of the
    series that it goes ``without``.
    """
    wait_until(lambda: server.query("count(fluvial_build_info)"), "the worker is scraped", deadline_s)
    shown = [*panel_queries(), *mark_queries(), *variable_queries()]
    idle = [asked for asked in shown if any(name in asked.expr for name in without)]
    for asked in (*alert_queries(), *recording_queries(), *idle):
        server.query(asked.expr)
    missing = [asked for asked in shown if asked not in idle]

    def all_there() -> bool:
        missing[:] = unanswered(server, missing)
        return not missing

    try:
        wait_until(all_there, "every panel shows something", deadline_s, every_s=1.0)
    except AssertionError:
        raise AssertionError(f"empty: {sorted(missing)}") from None


def _has_value(server: Prometheus, expr: str) -> bool:
    return any(isfinite(float(series["value"][1])) for series in server.query(expr))
