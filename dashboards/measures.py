"""Measures: what more than one dashboard asks of Prometheus, by how the answers are called."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.panels import MONITOR, PIPELINE, SHARD, Answer

Queries = Mapping[str, str]

COST = "{{pipeline}}, {{unit}}"
SIGNAL = f"{PIPELINE} {{{{monitor}}}} {{{{direction}}}}"


def quantiles(histogram: str, names: Mapping[float, str]) -> Queries:
    """Shares of what a histogram counted lately, each with its name."""
    counted = f"sum by (pipeline, le) (rate({histogram}_bucket{{HERE}}[PACE]))"
    return {f"{PIPELINE} {name}": f"histogram_quantile({share}, {counted})" for share, name in names.items()}


FLOW: Queries = {
    f"{PIPELINE} events": "sum by (pipeline) (rate(fluvial_events_total{HERE}[PACE]))",
    f"{PIPELINE} labels": "sum by (pipeline) (rate(fluvial_labels_total{HERE}[PACE]))",
}
LABEL_DELAY = quantiles("fluvial_label_delay_seconds", {0.5: "half", 0.95: "95 %"})
FATES: Queries = {"{{fate}}": "sum by (fate) (rate(fluvial_label_fates_total{HERE}[PACE]))"}
REFUSED: Queries = {
    "{{stream}}: {{reason}}": "sum by (stream, reason) (rate(fluvial_quarantined_total{HERE}[PACE]))"
}

SCORES: Queries = {
    f"{SHARD} {{{{predictor}}}}": "max by (pipeline, shard, predictor) "
    '(fluvial_score{HERE,metric="$metric",window="recent"})'
}
COST_PER_EVENT: Queries = {
    COST: "sum by (pipeline, unit) (rate(fluvial_cost_total{HERE}[PACE]))"
    " / on (pipeline) group_left () sum by (pipeline) (rate(fluvial_events_total{HERE}[PACE]))"
}

STATES = (
    Answer(0, "quiet", "green"),
    Answer(1, "warming", "blue"),
    Answer(2, "suspected", "orange"),
    Answer(3, "alarm", "red"),
)
"""The states of a monitor as :func:`monitor_states` counts them."""

CALLING = "loss(:.+)?|estimated_loss|labels:.+|feed:(silence|quarantine)"
"""The monitors that call somebody by themselves, as a regular expression of Prometheus."""


def monitor_states(where: str) -> Queries:
    """One line for each monitor: its state as one number."""
    series = f"max by (pipeline, shard, monitor) (fluvial_monitor_state{{{where},state=STATE}})"
    weighed = [(one.value, series.replace("STATE", f'"{one.text}"')) for one in STATES if one.value]
    return {MONITOR: " + ".join(f"{weight} * {one}" for weight, one in weighed)}


def signals(where: str) -> Queries:
    """What monitors reported lately, by direction."""
    said = f"increase(fluvial_drift_detected_total{{{where}}}[PACE])"
    return {
        f"{PIPELINE} {{{{monitor}}}} {{{{direction}}}}": f"sum by (pipeline, monitor, direction) ({said})"
    }


EXPECTED_LOSS: Queries = {
    f"{SHARD} by the labels": 'max by (pipeline, shard) (fluvial_monitor_estimate{HERE,monitor="loss"})',
    f"{SHARD} expected": "max by (pipeline, shard) (fluvial_estimated_loss{HERE})",
    f"{SHARD} expected ones were off by": "max by (pipeline, shard) (fluvial_estimated_loss_error{HERE})",
}

PAUSED: Queries = {SHARD: "max by (pipeline, shard) (fluvial_learning_paused{HERE})"}
MODEL: Queries = {SHARD: "max by (pipeline, shard) (fluvial_model_version{HERE})"}

BATCH_DURATION = quantiles("fluvial_batch_duration_seconds", {0.5: "half", 0.99: "99 %"})
REPLAY: Queries = {SHARD: "max by (pipeline, shard) (shard:fluvial_replay_seconds:estimate{HERE})"}
