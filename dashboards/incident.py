"""The dashboard "fluvial incident": what happened around the time of an incident, and what was decided?"""

from __future__ import annotations

from dashboards.board import METRICS, MONITORS, PIPELINES, SHARDS, Board
from dashboards.measures import (
    COST_PER_EVENT,
    EXPECTED_LOSS,
    FATES,
    FLOW,
    LABEL_DELAY,
    MODEL,
    PAUSED,
    REFUSED,
    SCORES,
    STATES,
    monitor_states,
    signals,
)
from dashboards.panels import CONSOLE, INCIDENT_PAGE, MONITOR, PIPELINE, Answer, Panel, Section
from dashboards.quality import LEARNING

WATCHED = 'HERE,monitor=~"$monitor"'

SEEN = Section(
    "What was seen?",
    [
        Panel(
            "states",
            "Open incidents",
            "Each open incident, for as long as it was open. A click leads to its page in the console.",
            {
                f"{MONITOR} {{{{incident}}}}": "max by (pipeline, shard, monitor, incident) "
                "(fluvial_incident_open{HERE})"
            },
            columns=12,
            answers=(Answer(1, "open", "orange"),),
            link=f"{CONSOLE}incidents",
            follow=INCIDENT_PAGE,
        ),
        Panel(
            "bars",
            "Signals",
            "What monitors reported. An input that moved just before the loss did may be what is behind it.",
            signals(WATCHED),
            columns=12,
        ),
        Panel(
            "states",
            "State of the monitors",
            "What each monitor saw. Its changes for the worse are the red marks.",
            monitor_states(WATCHED),
            columns=24,
            answers=STATES,
            rows=12,
        ),
        Panel(
            "lines",
            "Monitor estimates",
            "The level of what each monitor watches, 0 to 1; of a loss, lower is better.",
            {MONITOR: f"max by (pipeline, shard, monitor) (fluvial_monitor_estimate{{{WATCHED}}})"},
            columns=12,
        ),
        Panel(
            "lines",
            "Expected loss beside the true one",
            "Whether the loss was expected to rise before labels said so.",
            EXPECTED_LOSS,
            columns=12,
        ),
        Panel(
            "lines",
            "Model beside baselines: $metric",
            "If the baselines fell too, the question became harder; if only the model fell, it lost touch.",
            SCORES,
            columns=12,
        ),
        Panel(
            "lines",
            "Cost per event",
            "What the errors cost, divided by the events read in the same time: the harm done.",
            COST_PER_EVENT,
            columns=12,
        ),
    ],
)

CAUSE = Section(
    "World, feed, schema or model?",
    [
        Panel(
            "lines",
            "Events and labels",
            "A feed that stopped or doubled at the onset is a likelier cause than the world.",
            FLOW,
            unit="ops",
            columns=6,
        ),
        Panel(
            "bars",
            "Cannot be read",
            "Records set aside, by stream and reason: a new reason at the onset is a changed schema.",
            REFUSED,
            unit="ops",
            columns=6,
        ),
        Panel(
            "lines",
            "Label delay",
            "Event time from event to label. Labels that come later are learned later.",
            LABEL_DELAY,
            unit="s",
            columns=6,
        ),
        Panel(
            "bars",
            "What became of labels",
            "Corrected ones contradict what was learned; unmatched and early ones point to changed ids.",
            FATES,
            unit="ops",
            columns=6,
        ),
    ],
)

DECIDED = Section(
    "What was decided?",
    [
        Panel(
            "bars",
            "Decisions",
            "Decisions by action; each is a blue mark. Who decided and why is in the console.",
            {
                f"{PIPELINE} {{{{action}}}}": "max by (pipeline, action) "
                "(increase(fluvial_reviews_total{ONE}[PACE]))"
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
            "Which model each shard is at; a reset or a rollback starts the next.",
            MODEL,
        ),
    ],
)

BOARD = Board(
    "incident",
    "What happened around the time of an incident, what may have caused it, and what was decided.",
    (SEEN, CAUSE, DECIDED),
    (PIPELINES, SHARDS, MONITORS, METRICS),
)
