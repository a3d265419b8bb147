"""Alert rules: each calls when it should, keeps quiet when it should, and has its page in the manual."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.__main__ import OUT
from dashboards.alerts import ALERTS, MANUAL
from dashboards.recorded import RECORDED
from tests.dashboards.rule_cases import CASES, Case
from tests.services.prometheus import Promtool

RULES = OUT / "prometheus" / "rules.yml"
ROOT = Path(__file__).parent.parent.parent


def test_promtool_accepts_the_rules(promtool: Promtool) -> None:
    assert f"{len(ALERTS) + len(RECORDED)} rules found" in promtool("check", "rules", RULES)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_alert_calls_when_it_should(case: Case, promtool: Promtool, tmp_path: Path) -> None:
    alert, time, series, called = case
    wanted = {
        "expr": _calls(alert),
        "eval_time": time,
        "exp_samples": [{"labels": "{}", "value": 1}] * called,
    }
    file = tmp_path / "test.json"  # YAML reads JSON
    file.write_text(json.dumps(_trial(series, wanted)))
    promtool("test", "rules", file)


def test_every_alert_is_tried_both_ways() -> None:
    called = {case[0] for case in CASES.values() if case[3]}
    quiet = {case[0] for case in CASES.values() if not case[3]}
    assert called == {alert.name for alert in ALERTS}
    assert quiet == called


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_summary_names_only_labels_that_are_left(alert: Any) -> None:
    kept = re.search(r"by \(([\w, ]+)\)", alert.expr)
    left = set(kept[1].split(", ") if kept else ()) | _recorded_labels(alert.expr)
    assert set(re.findall(r"\$labels\.(\w+)", f"{alert.summary} {alert.link}")) <= left


def test_the_manual_has_a_paragraph_for_every_alert_and_for_no_other() -> None:
    text = (ROOT / MANUAL).read_text()
    told = dict(re.findall(r"^### (Fluvial\w+)\n\n(.+?)(?=\n#|\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(told) == [alert.name for alert in ALERTS]
    assert [name for name, said in told.items() if len(said.split()) < 20] == []


def test_the_page_on_metrics_lists_what_is_recorded() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+:\w+:\w+)` \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    assert rows == [(one.name, one.unit, one.meaning) for one in RECORDED]


def _recorded_labels(expr: str) -> set[str]:
    """What is left of the labels of a recorded figure: the start of its name says it."""
    levels = {"pipeline": {"pipeline"}, "shard": {"pipeline", "shard"}}
    return set().union(*(levels[level] for level in re.findall(r"\b(\w+):fluvial_", expr)))


def _calls(alert: str) -> str:
    return f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'


def _trial(series: dict[str, str], wanted: dict[str, Any]) -> dict[str, Any]:
    given = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "1m", "input_series": given, "promql_expr_test": [wanted]}
    return {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}
