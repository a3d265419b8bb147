"""Alert rules: what calls a person. ``docs/operating.md`` says for each what to do about it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import yaml

MANUAL = "docs/operating.md"


class Alert(NamedTuple):
    """When somebody is called: ``expr`` has held for ``lasting`` (a Prometheus duration).

    ``severity`` is page (now), ticket (today) or info (no call; shown only).
    """

    name: str
    severity: Literal["page", "ticket", "info"]
    expr: str
    lasting: str
    summary: str

    def as_rule(self) -> dict[str, object]:
        """The alert as Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.lasting,
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "manual": f"{MANUAL}#{self.name.lower()}"},
        }


ALERTS = (
    Alert(
        "FluvialIncidentFiring",
        "page",
        'max by (pipeline) (fluvial_incidents{state="firing"}) > 0',
        "0s",
        "{{ $labels.pipeline }} has {{ $value }} incident(s) that nobody has acknowledged.",
    ),
    Alert(
        "FluvialDriftDetected",
        "info",
        'sum by (pipeline, monitor) (increase(fluvial_drift_detected_total{direction="worse"}[10m])) > 0',
        "0s",
        "The monitor {{ $labels.monitor }} says that {{ $labels.pipeline }} got worse.",
    ),
    Alert(
        "FluvialSuccessMissed",
        "ticket",
        "min by (pipeline, metric) (fluvial_success_met) == 0",
        "15m",
        "{{ $labels.pipeline }} misses its goal for {{ $labels.metric }}.",
    ),
    Alert(
        "FluvialEventFeedSilent",
        "page",
        "sum by (pipeline) (rate(fluvial_events_total[15m])) == 0"
        " and sum by (pipeline) (fluvial_events_total) > 0",
        "15m",
        "{{ $labels.pipeline }} has had no event for half an hour.",
    ),
    Alert(
        "FluvialLabelFeedSilent",
        "page",
        "sum by (pipeline) (rate(fluvial_labels_total[1h])) == 0"
        " and sum by (pipeline) (rate(fluvial_predictions_total[1h])) > 0"
        " and sum by (pipeline) (fluvial_labels_total) > 0",
        "30m",
        "{{ $labels.pipeline }} goes on predicting, but its labels have stopped.",
    ),
    Alert(
        "FluvialWaitingGrows",
        "ticket",
        "sum by (pipeline) (fluvial_waiting_labels) > 1000"
        " and sum by (pipeline) (fluvial_waiting_labels)"
        " > 2 * sum by (pipeline) (fluvial_waiting_labels offset 1d)",
        "30m",
        "{{ $labels.pipeline }} waits for {{ $value }} labels, over twice as many as a day ago.",
    ),
    Alert(
        "FluvialQuarantineShare",
        "ticket",
        "sum by (pipeline) (rate(fluvial_quarantined_total[15m]))"
        " / (sum by (pipeline) (rate(fluvial_events_total[15m]))"
        " + sum by (pipeline) (rate(fluvial_labels_total[15m]))) > 0.05",
        "15m",
        "{{ $value | humanizePercentage }} of the records of {{ $labels.pipeline }} cannot be read.",
    ),
    Alert(
        "FluvialLagGrows",
        "page",
        "sum by (pipeline) (fluvial_lag_records)"
        " > 300 * (sum by (pipeline) (rate(fluvial_events_total[5m]))"
        " + sum by (pipeline) (rate(fluvial_labels_total[5m])))"
        " and sum by (pipeline) (deriv(fluvial_lag_records[10m])) >= 0",
        "10m",
        "{{ $labels.pipeline }} is {{ $value }} records behind and does not catch up.",
    ),
    Alert(
        "FluvialShardHalted",
        "page",
        "max by (pipeline, shard) (fluvial_shard_halted) == 1",
        "0s",
        "Shard {{ $labels.shard }} of {{ $labels.pipeline }} stands still: it waits for a person.",
    ),
    Alert(
        "FluvialShardUnowned",
        "page",
        "max by (pipeline, shard) (max_over_time(fluvial_shard_owned[1h])) == 1"
        " unless on (pipeline, shard) max by (pipeline, shard) (fluvial_shard_owned) == 1",
        "2m",
        "No worker has shard {{ $labels.shard }} of {{ $labels.pipeline }}.",
    ),
    Alert(
        "FluvialWorkerGone",
        "page",
        'up{job="fluvial"} == 0 or absent(up{job="fluvial"})',
        "1m",
        "A worker does not answer Prometheus.",
    ),
)


def as_yaml() -> str:
    """The rules as Prometheus reads them."""
    group = {"name": "fluvial", "rules": [alert.as_rule() for alert in ALERTS]}
    return yaml.safe_dump({"groups": [group]}, sort_keys=False, width=10_000, allow_unicode=True)
