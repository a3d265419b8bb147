"""The dashboard "fluvial pipeline": is the model good, is it fed, does it drift, is its worker well?"""

from __future__ import annotations

import json

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DatasourceVariable,
    QueryVariable,
    Row,
    TextBoxVariable,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.panels import CONSOLE, SOURCE, link, placed, promql
from dashboards.quality import DRIFTING, GOOD
from dashboards.running import FED, WELL

UID = "fluvial-pipeline"
QUESTIONS = (GOOD, FED, DRIFTING, WELL)


def dashboard() -> Dashboard:
    """The dashboard, as the SDK builds it."""
    board = Dashboard("fluvial pipeline").uid(UID).tags(["fluvial"]).readonly()
    board.description("One or more pipelines: quality, feeds, drift and workers.")
    board.time("now-1h", "now").refresh("10s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    board.link(link("Console", CONSOLE).icon("external link").tooltip("Incidents and decisions"))
    for variable in (_source(), *_choices(), _console()):
        board.with_variable(variable)
    for part in placed(QUESTIONS):
        if isinstance(part, Row):
            board.with_row(part)
        else:
            board.with_panel(part)
    return board


def _source() -> DatasourceVariable:
    return DatasourceVariable("datasource").label("Source").type("prometheus")


def _choices() -> list[QueryVariable]:
    pipeline = _choice("pipeline", "Pipeline", "label_values(fluvial_shard_owned, pipeline)")
    shard = _choice("shard", "Shard", "label_values(fluvial_shard_owned{ONE}, shard)")
    metric = _choice("metric", "Metric", "label_values(fluvial_score{ONE}, metric)")
    several = [choice.multi(True).include_all(True).all_value(".*") for choice in (pipeline, shard)]
    return [*several, metric.current(VariableOption(text="rocauc", value="rocauc"))]


def _choice(name: str, label: str, query: str) -> QueryVariable:
    choice = QueryVariable(name).label(label).query(promql(query)).datasource(SOURCE)
    return choice.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def _console() -> TextBoxVariable:
    return TextBoxVariable("console").label("Console").default_value("http://127.0.0.1:8080")


def as_json() -> str:
    """The dashboard as Grafana reads it."""
    return json.dumps(dashboard().build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"
