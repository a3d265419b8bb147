"""Is it fed, is it well: what is shown of feeds and workers."""

from __future__ import annotations

from dashboards.measures import BATCH_DURATION, FATES, FLOW, LABEL_DELAY, REFUSED, REPLAY
from dashboards.panels import CONSOLE, PIPELINE, Answer, Panel, Section

FED = Section(
    "Is it fed?",
    [
        Panel(
            "lines",
            "Events and labels",
            "Records read in a second. Silence is a fault of the feed, not rest.",
            FLOW,
            unit="ops",
            columns=6,
        ),
        Panel(
            "lines",
            "Lag",
            "Records in the log that are not learned from yet. It should return to nearly 0.",
            {"{{topic}}": "sum by (topic) (fluvial_lag_records{ONE})"},
            columns=6,
        ),
        Panel(
            "lines",
            "Label delay",
            "Event time from an event to its label: half of the labels, and 95 in a hundred, came within it.",
            LABEL_DELAY,
            unit="s",
            columns=6,
        ),
        Panel(
            "lines",
            "Waiting",
            "Predicted events without a label yet, and labels whose event has not come yet.",
            {
                f"{PIPELINE} events": "sum by (pipeline) (fluvial_waiting_labels{HERE})",
                f"{PIPELINE} early labels": "sum by (pipeline) (fluvial_early_labels{HERE})",
            },
            columns=6,
        ),
        Panel(
            "bars",
            "What became of events",
            "Events by how they ended: expired got no label in time, predict_only was not learned.",
            {"{{outcome}}": "sum by (outcome) (rate(fluvial_outcomes_total{HERE}[PACE]))"},
            unit="ops",
        ),
        Panel(
            "bars",
            "What became of labels",
            "Labels by how they ended: late came after the horizon, corrected said otherwise than before.",
            FATES,
            unit="ops",
        ),
        Panel(
            "bars",
            "Quarantine",
            "Records set aside because they could not be read, by stream and reason.",
            REFUSED,
            unit="ops",
        ),
    ],
)

WELL = Section(
    "Is it well?",
    [
        Panel(
            "number", "Workers", "Processes that answer.", {"workers": "count(fluvial_build_info)"}, columns=6
        ),
        Panel(
            "number",
            "Shards at work",
            "Shards that a worker owns.",
            {"owned": "sum(max by (pipeline, shard) (fluvial_shard_owned{HERE}))"},
            columns=6,
        ),
        Panel(
            "number",
            "Shards halted",
            "Shards that stand still until a person acts. The console says why.",
            {"halted": "sum(max by (pipeline, shard) (fluvial_shard_halted{HERE}))"},
            columns=6,
            answers=(Answer(0, "none", "green"),),
            link=CONSOLE,
        ),
        Panel(
            "name",
            "Build",
            "What runs.",
            {
                "fluvial {{version}}, River {{river}}, Python {{python}}": "max by (version, river, python) "
                "(fluvial_build_info)"
            },
            columns=6,
        ),
        Panel(
            "lines",
            "Batch duration",
            "Clock time to work through a batch: half of them, and 99 in a hundred, took at most this.",
            BATCH_DURATION,
            unit="s",
            columns=12,
        ),
        Panel(
            "lines",
            "Recovery would take",
            "What a worker that is lost now would cost, at most: replaying all since the newest snapshot.",
            REPLAY,
            unit="s",
            columns=12,
        ),
    ],
)
