"""Is it good, does it drift: what is shown of a model."""

from __future__ import annotations

from dashboards.measures import (
    COST,
    COST_PER_EVENT,
    EXPECTED_LOSS,
    MODEL,
    PAUSED,
    SCORES,
    STATES,
    monitor_states,
    signals,
)
from dashboards.panels import CONSOLE, MONITOR, PIPELINE, SHARD, Answer, Panel, Section

MET = (Answer(1, "met", "green"), Answer(0, "missed", "red"))
LEARNING = (Answer(0, "learning", "green"), Answer(1, "paused", "orange"))

GOOD = Section(
    "Is it good?",
    [
        Panel(
            "number",
            "Success",
            "Whether each pipeline meets the goal its file states.",
            {PIPELINE: "min by (pipeline) (fluvial_success_met{HERE})"},
            columns=6,
            answers=MET,
            nothing="too early",
        ),
        Panel(
            "number",
            "Cost in this time span",
            "What the model's errors have cost, in the unit of the pipeline file.",
            {COST: "sum by (pipeline, unit) (increase(fluvial_cost_total{HERE}[$__range]))"},
            columns=6,
        ),
        Panel(
            "number",
            "Learning",
            "Whether people let the model learn. A pause goes on until somebody resumes it.",
            {PIPELINE: "max by (pipeline) (fluvial_learning_paused{HERE})"},
            columns=6,
            answers=LEARNING,
            link=CONSOLE,
        ),
        Panel(
            "number",
            "Stream time",
            "The time of the newest record: long ago while a backlog is worked off.",
            {PIPELINE: "1000 * max by (pipeline) (fluvial_watermark_timestamp_seconds{HERE})"},
            unit="dateTimeAsIso",
            columns=6,
        ),
        Panel(
            "lines",
            "The goal",
            "The metric that judges the pipeline over its window, and the level it should keep to.",
            {
                f"{SHARD} {{{{metric}}}}": "max by (pipeline, shard, metric) (fluvial_success_value{HERE})",
                f"{PIPELINE} {{{{goal}}}}": "max by (pipeline, metric, goal) (fluvial_success_level{HERE})",
            },
        ),
        Panel(
            "lines",
            "Model beside baselines: $metric",
            "The score over the recent outcomes, beside what naive baselines reach on the same ones.",
            SCORES,
        ),
        Panel(
            "lines",
            "Cost per event",
            "What the errors cost, divided by the events read in the same time.",
            COST_PER_EVENT,
        ),
    ],
)

DRIFTING = Section(
    "Does it drift?",
    [
        Panel(
            "states",
            "State of the monitors",
            "What each monitor sees. Only some call a person: the loss and what keeps it from being known.",
            monitor_states("HERE"),
            columns=24,
            answers=STATES,
            rows=12,
        ),
        Panel(
            "lines",
            "Monitor estimates",
            "The present level of what each monitor watches, 0 to 1; of a loss, lower is better.",
            {MONITOR: "max by (pipeline, shard, monitor) (fluvial_monitor_estimate{HERE})"},
        ),
        Panel(
            "lines",
            "Expected loss beside the true one",
            "What the loss is where labels came, and what it is expected to be where they have not.",
            EXPECTED_LOSS,
        ),
        Panel(
            "bars",
            "Signals",
            "Lasting changes that monitors reported: worse, better, or changed where neither is meant.",
            signals("HERE"),
        ),
        Panel(
            "bars",
            "Incidents",
            "Incidents by state. Firing ones wait for somebody to acknowledge them in the console.",
            {"{{state}}": "sum by (state) (max by (pipeline, state) (fluvial_incidents{ONE}))"},
            link=f"{CONSOLE}incidents",
        ),
        Panel(
            "bars",
            "Reviews",
            "What people decided, by action.",
            {
                "{{action}}": "sum by (action) "
                "(max by (pipeline, action) (increase(fluvial_reviews_total{ONE}[PACE])))"
            },
            link=CONSOLE,
        ),
        Panel(
            "states",
            "Learning paused",
            "When learning was on and when a person had paused it.",
            PAUSED,
            answers=LEARNING,
        ),
        Panel(
            "lines",
            "Model",
            "Which model each shard is at; a reset starts the next.",
            MODEL,
        ),
    ],
)
