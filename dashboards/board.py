"""Board: what all dashboards have in common: variables, links, marks on the time axis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    AnnotationTarget,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
    TextBoxVariable,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.panels import CONSOLE, SOURCE, Section, link, placed, promql

TAG = "fluvial"
"""By which the dashboards find each other."""


GRAFANA = DataSourceRef(type_val="grafana", uid="-- Grafana --")
"""Where Grafana keeps annotations of its own."""


class Choice(NamedTuple):
    """A variable that people choose values of: those that a label has. ``several`` may be chosen at once."""

    name: str
    label: str
    values: str
    several: bool = True
    first: str = ""


PIPELINES = Choice("pipeline", "Pipeline", "label_values(fluvial_shard_owned, pipeline)")
SHARDS = Choice("shard", "Shard", "label_values(fluvial_shard_owned{ONE}, shard)")
METRICS = Choice(
    "metric", "Metric", "label_values(fluvial_score{ONE}, metric)", several=False, first="rocauc"
)
MONITORS = Choice("monitor", "Monitor", "label_values(fluvial_monitor_state{HERE}, monitor)")


class Mark(NamedTuple):
    """What is marked on the time axis of every graph: where ``expr`` is 1. ``title`` names one mark."""

    name: str
    color: str
    expr: str
    title: str


# Grafana marks where a series is exactly 1, which `> bool 0` makes of a count.
MARKS = (
    Mark(
        "Drift for the worse",
        "red",
        "sum by (pipeline, monitor) "
        '(increase(fluvial_drift_detected_total{ONE,direction="worse"}[PACE])) > bool 0',
        "{{pipeline}}: {{monitor}} got worse",
    ),
    Mark(
        "Drift for the better",
        "green",
        "sum by (pipeline, monitor) "
        '(increase(fluvial_drift_detected_total{ONE,direction="better"}[PACE])) > bool 0',
        "{{pipeline}}: {{monitor}} got better",
    ),
    Mark(
        "Other changes",
        "yellow",
        "sum by (pipeline, monitor) "
        '(increase(fluvial_drift_detected_total{ONE,direction="changed"}[PACE])) > bool 0',
        "{{pipeline}}: {{monitor}} changed",
    ),
    Mark(
        "Decisions",
        "blue",
        "max by (pipeline, action) (increase(fluvial_reviews_total{ONE}[PACE])) > bool 0",
        "{{pipeline}}: somebody decided {{action}}",
    ),
)


@dataclass(frozen=True)
class Board:
    """One dashboard: its questions and the panels that answer them, from top to bottom."""

    name: str
    description: str
    sections: Sequence[Section]
    choices: Sequence[Choice] = (PIPELINES, SHARDS)

    @property
    def uid(self) -> str:
        """By which Grafana and links know it."""
        return f"fluvial-{self.name}"

    def build(self) -> Dashboard:
        """The dashboard, as the SDK builds it."""
        board = Dashboard(f"fluvial {self.name}").uid(self.uid).tags([TAG]).readonly()
        board.description(self.description).time("now-1h", "now").refresh("10s").timezone("browser")
        board.tooltip(DashboardCursorSync.CROSSHAIR)
        board.link(link("Console", CONSOLE).icon("external link").tooltip("Incidents and decisions"))
        board.link(_to_the_others())
        for variable in (_source(), *map(_variable, self.choices), _console()):
            board.with_variable(variable)
        for mark in MARKS:
            board.annotation(_annotation(mark))
        board.annotation(_told())
        for part in placed(self.sections):
            if isinstance(part, Row):
                board.with_row(part)
            else:
                board.with_panel(part)
        return board

    def as_json(self) -> str:
        """The dashboard as Grafana reads it."""
        told: dict[str, Any] = json.loads(json.dumps(self.build().build(), cls=JSONEncoder))
        for annotation, mark in zip(told["annotations"]["list"], MARKS, strict=False):
            annotation["titleFormat"] = mark.title  # Grafana's Prometheus knows it, the SDK does not
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _to_the_others() -> DashboardLink:
    others = DashboardLink("fluvial").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return others.include_vars(True).keep_time(True)


def _annotation(mark: Mark) -> AnnotationQuery:
    query = AnnotationQuery().name(mark.name).datasource(SOURCE).enable(True).icon_color(mark.color)
    return query.expr(promql(mark.expr))


def _told() -> AnnotationQuery:
    """What the console writes into Grafana itself, where it is given a token: see :mod:`fluvial.notify`."""
    tagged = AnnotationTarget().limit(200).match_any(False).tags([TAG]).type("tags")
    query = AnnotationQuery().name("Incidents and decisions").datasource(GRAFANA).enable(True)
    return query.icon_color("purple").type("tags").target(tagged)


def _source() -> DatasourceVariable:
    return DatasourceVariable("datasource").label("Source").type("prometheus")


def _variable(choice: Choice) -> QueryVariable:
    variable = QueryVariable(choice.name).label(choice.label).query(promql(choice.values)).datasource(SOURCE)
    variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    if choice.several:
        return variable.multi(True).include_all(True).all_value(".*")
    return variable.current(VariableOption(text=choice.first, value=choice.first))


def _console() -> TextBoxVariable:
    return TextBoxVariable("console").label("Console").default_value("http://127.0.0.1:8080")
