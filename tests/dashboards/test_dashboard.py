"""The committed dashboards are those the code makes, and Grafana can read them."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dashboards.__main__ import BOARDS, FILES

READ: dict[str, dict[str, Any]] = {board.name: json.loads(board.as_json()) for board in BOARDS}
BOARD = READ["pipeline"]
ROWS = [panel for panel in BOARD["panels"] if panel["type"] == "row"]
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, board in READ.items()
    for panel in board["panels"]
    if panel["type"] != "row"
]
# what Grafana 11.6 calls them; an unknown one is shown as a suffix and not as a unit
UNITS = {"short", "s", "ops", "bytes", "dateTimeAsIso", "percentunit"}
TYPES = {"timeseries", "stat", "state-timeline"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_committed_is_what_the_code_makes(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == FILES[path](), "run: python -m dashboards"


def test_there_is_a_dashboard_for_the_fleet_a_pipeline_an_incident_and_the_system() -> None:
    assert list(READ) == ["fleet", "pipeline", "incident", "system"]


@pytest.mark.parametrize("name", READ)
def test_a_dashboard_is_of_grafana_11_and_found_by_its_uid(name: str) -> None:
    board = READ[name]
    assert board["schemaVersion"] == 41
    assert board["uid"] == f"fluvial-{name}"
    assert "id" not in board  # a number would clash with those of the Grafana it is loaded into
    assert len(board["description"]) > 20
    assert board["tags"] == ["fluvial"]


def test_the_rows_ask_the_four_questions() -> None:
    assert [row["title"] for row in ROWS] == [
        "Is it good?",
        "Is it fed?",
        "Does it drift?",
        "Is it well?",
    ]


@pytest.mark.parametrize("panel", PANELS)
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


@pytest.mark.parametrize("panel", PANELS)
def test_a_legend_names_only_labels_that_the_query_leaves(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        wanted = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        kept = re.search(r"by \(([\w, ]+)\)", target["expr"])
        assert wanted <= set(kept[1].split(", ") if kept else ())


@pytest.mark.parametrize("name", READ)
def test_panels_have_numbers_of_their_own_and_do_not_overlap(name: str) -> None:
    panels = READ[name]["panels"]
    assert [n for n, count in Counter(panel["id"] for panel in panels).items() if count > 1] == []
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert [pair for pair in combinations(places, 2) if _overlap(*pair)] == []


@pytest.mark.parametrize("name", READ)
def test_every_variable_that_is_used_is_declared_and_the_other_way_round(name: str) -> None:
    board = READ[name]
    declared = {variable["name"] for variable in board["templating"]["list"]}
    parts = board["panels"], board["links"], board["annotations"], board["templating"]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(parts)))
    assert {one for one in used if not one.startswith("__")} == declared
    assert {"datasource", "pipeline", "console"} <= declared


@pytest.mark.parametrize("name", READ)
def test_a_dashboard_leads_to_the_console_and_to_the_others(name: str) -> None:
    board = READ[name]
    console, others = board["links"]
    assert console["url"] == "${console}/"
    assert (others["type"], others["tags"], others["includeVars"]) == ("dashboards", ["fluvial"], True)
    panels = [panel for panel in board["panels"] if panel.get("links")]
    assert panels
    for panel in panels:
        assert all(link["url"].startswith("${console}/") for link in panel["links"])


def test_a_value_leads_to_the_page_of_what_it_is_about() -> None:
    for board in READ.values():
        for panel in board["panels"]:
            for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", []):
                (label,) = re.findall(r"__field\.labels\.(\w+)", link["url"])
                assert all(f"by ({label}" in t["expr"] or label in t["expr"] for t in panel["targets"])


@pytest.mark.parametrize("name", READ)
def test_drift_and_decisions_are_marked_where_their_query_is_1(name: str) -> None:
    marks = {mark["name"]: mark for mark in READ[name]["annotations"]["list"] if "expr" in mark}
    assert set(marks) == {"Drift for the worse", "Drift for the better", "Other changes", "Decisions"}
    for mark in marks.values():
        assert mark["enable"]
        assert mark["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert mark["expr"].endswith("> bool 0")  # Grafana marks what is 1
        kept = re.search(r"by \(([\w, ]+)\)", mark["expr"])
        assert kept
        assert set(re.findall(r"\{\{(\w+)\}\}", mark["titleFormat"])) == set(kept[1].split(", "))


@pytest.mark.parametrize("name", READ)
def test_what_the_console_writes_into_grafana_is_shown_by_its_tag(name: str) -> None:
    (told,) = [mark for mark in READ[name]["annotations"]["list"] if "expr" not in mark]
    assert told["datasource"] == {"type": "grafana", "uid": "-- Grafana --"}
    assert told["enable"]
    assert told["target"] == {"limit": 200, "matchAny": False, "tags": ["fluvial"], "type": "tags"}


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    return not (apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])
