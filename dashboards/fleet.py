"""The dashboard "fluvial fleet": which of all pipelines wants somebody?"""

from __future__ import annotations

from dashboards.board import PIPELINES, Board
from dashboards.panels import CONSOLE, INCIDENT_PAGE, PIPELINE, PIPELINE_PAGE, Answer, Panel, Section
from dashboards.quality import LEARNING, MET

CALLING = Section(
    "Who calls?",
    [
        Panel(
            "number",
            "Alerts firing",
            "Alerts of fluvial that fire now, silenced ones and those for information included.",
            {"alerts": 'count(ALERTS{alertname=~"Fluvial.+",alertstate="firing"})'},
            columns=6,
        ),
        Panel(
            "number",
            "Nobody has them",
            "Open incidents that nobody has acknowledged.",
            {PIPELINE: 'max by (pipeline) (fluvial_incidents{ONE,state="firing"})'},
            columns=6,
            answers=(Answer(0, "none", "green"),),
            link=f"{CONSOLE}incidents?state=firing",
            follow=PIPELINE_PAGE,
        ),
        Panel(
            "number",
            "Shards that stand still",
            "Shards that wait until a person acts, by pipeline.",
            {PIPELINE: "sum by (pipeline) (max by (pipeline, shard) (fluvial_shard_halted{ONE}))"},
            columns=6,
            answers=(Answer(0, "none", "green"),),
            link=CONSOLE,
        ),
        Panel(
            "number",
            "Workers",
            "Workers that answer Prometheus.",
            {"workers": 'count(up{job="fluvial"} == 1)'},
            columns=6,
        ),
        Panel(
            "states",
            "Alerts",
            "When each alert fired. Silences do not show here: who has what is in the console.",
            {
                f"{{{{alertname}}}} {PIPELINE}": "max by (alertname, pipeline) "
                '(ALERTS{alertname=~"Fluvial.+",alertstate="firing"})'
            },
            columns=12,
            answers=(Answer(1, "firing", "red"),),
        ),
        Panel(
            "states",
            "Open incidents",
            "Each open incident that a worker opened, for as long as it was open.",
            {
                f"{PIPELINE} {{{{monitor}}}} {{{{incident}}}}": "max by (pipeline, monitor, incident) "
                "(fluvial_incident_open{ONE})"
            },
            columns=12,
            answers=(Answer(1, "open", "orange"),),
            follow=INCIDENT_PAGE,
        ),
    ],
)

DOING = Section(
    "How does each do?",
    [
        Panel(
            "states",
            "Success",
            "When each pipeline met the goal its file states.",
            {PIPELINE: "min by (pipeline) (fluvial_success_met{ONE})"},
            columns=12,
            answers=MET,
            nothing="too early",
            follow=PIPELINE_PAGE,
        ),
        Panel(
            "states",
            "Learning",
            "When people let each model learn.",
            {PIPELINE: "max by (pipeline) (fluvial_learning_paused{ONE})"},
            columns=12,
            answers=LEARNING,
        ),
        Panel(
            "lines",
            "Events and labels",
            "Records read in a second, events and labels together.",
            {PIPELINE: "max by (pipeline) (pipeline:fluvial_records:rate5m{ONE})"},
            unit="ops",
            columns=6,
            follow=PIPELINE_PAGE,
        ),
        Panel(
            "lines",
            "Lag",
            "Records in the log that are not learned from yet.",
            {PIPELINE: "sum by (pipeline) (fluvial_lag_records{ONE})"},
            columns=6,
        ),
        Panel(
            "lines",
            "Cannot be read",
            "The share of records that were set aside in the last quarter of an hour.",
            {PIPELINE: "max by (pipeline) (pipeline:fluvial_quarantined:share15m{ONE})"},
            unit="percentunit",
            columns=6,
        ),
        Panel(
            "lines",
            "Too late to be learned",
            "The share of labels that came after the horizon in the last hour.",
            {PIPELINE: "max by (pipeline) (pipeline:fluvial_late_labels:share1h{ONE})"},
            unit="percentunit",
            columns=6,
        ),
    ],
)

BOARD = Board("fleet", "All pipelines at once: which of them wants somebody?", (CALLING, DOING), (PIPELINES,))
