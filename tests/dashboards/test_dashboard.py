"""The committed dashboard is the one the code makes, and Grafana can read it."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dashboards.__main__ import FILES
from dashboards.pipeline import UID, as_json

BOARD: dict[str, Any] = json.loads(as_json())
ROWS = [panel for panel in BOARD["panels"] if panel["type"] == "row"]
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
# what Grafana 11.6 calls them; an unknown one is shown as a suffix and not as a unit
UNITS = {"short", "s", "ops", "bytes", "dateTimeAsIso"}
TYPES = {"timeseries", "stat", "state-timeline"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_committed_is_what_the_code_makes(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == FILES[path](), "run: python -m dashboards"


def test_the_dashboard_is_of_grafana_11_and_found_by_its_uid() -> None:
    assert BOARD["schemaVersion"] == 41
    assert BOARD["uid"] == UID
    assert re.fullmatch(r"[a-z0-9-]{1,40}", UID)
    assert "id" not in BOARD  # a number would clash with those of the Grafana it is loaded into


def test_the_rows_ask_the_four_questions() -> None:
    assert [row["title"] for row in ROWS] == [
        "Is it good?",
        "Is it fed?",
        "Does it drift?",
        "Is it well?",
    ]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["type"] in TYPES
    assert len(panel["description"]) > 8
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"] in UNITS
    assert defaults["noValue"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
        assert target["legendFormat"]
        assert target["instant"] != target["range"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_legend_names_only_labels_that_the_query_leaves(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        wanted = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        kept = re.search(r"by \(([\w, ]+)\)", target["expr"])
        assert wanted <= set(kept[1].split(", ") if kept else ())


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    panels = BOARD["panels"]
    assert [n for n, count in Counter(panel["id"] for panel in panels).items() if count > 1] == []
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert [pair for pair in combinations(places, 2) if _overlap(*pair)] == []


def test_every_variable_that_is_used_is_declared() -> None:
    declared = {variable["name"] for variable in BOARD["templating"]["list"]}
    assert declared == {"datasource", "pipeline", "shard", "metric", "console"}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(BOARD["panels"] + BOARD["links"])))
    assert used - {"__rate_interval", "__range"} == declared


def test_incidents_lead_to_the_console() -> None:
    linked = {panel["title"] for panel in PANELS if panel.get("links")}
    assert {"Incidents", "Reviews", "Learning", "Shards halted"} == linked
    assert [link["url"] for link in BOARD["links"]] == ["${console}/"]


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    return not (apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])
