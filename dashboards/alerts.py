"""Alerts: what calls a person. ``docs/operating.md`` says for each what to do about it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from dashboards.measures import CALLING
from fluvial.bounds import LARGEST

MANUAL = "docs/operating.md"

LINK = "{{ $externalLabels.console }}"
"""The console's address, as Prometheus' own configuration says it."""


class Alert(NamedTuple):
    """When somebody is called: ``expr`` has held for ``lasting`` (a Prometheus duration).

    ``severity`` is page (now), ticket (today) or info (no call; shown only). ``link`` is the page of
    the console that shows it.
    """

    name: str
    severity: Literal["page", "ticket", "info"]
    expr: str
    lasting: str
    summary: str
    link: str = "/pipelines/{{ $labels.pipeline }}"

    def as_rule(self) -> dict[str, object]:
        """The alert as Prometheus reads it."""
        said = {"summary": self.summary, "manual": f"{MANUAL}#{self.name.lower()}"}
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.lasting,
            "labels": {"severity": self.severity},
            "annotations": said | {"console": f"{LINK}{self.link}"},
        }


ALERTS = (
    Alert(
        "FluvialIncidentOpen",
        "page",
        "max by (pipeline, shard, monitor, incident) (fluvial_incident_open) > 0",
        "0s",
        "{{ $labels.pipeline }} has an open incident of its monitor {{ $labels.monitor }}: "
        "{{ $labels.incident }}.",
        "/incidents/{{ $labels.incident }}",
    ),
    Alert(
        "FluvialDriftDetected",
        "info",
        "sum by (pipeline, monitor) (increase(fluvial_drift_detected_total"
        f'{{direction="worse",monitor=~"{CALLING}"}}[10m])) > 0',
        "0s",
        "The monitor {{ $labels.monitor }} says that {{ $labels.pipeline }} got worse.",
    ),
    Alert(
        "FluvialEstimatedLossHigh",
        "ticket",
        "(max by (pipeline, shard) (fluvial_estimated_loss)"
        ' - max by (pipeline, shard) (fluvial_monitor_estimate{monitor="loss"}))'
        " > clamp_min(3 * max by (pipeline, shard) (fluvial_estimated_loss_error), 0.05)"
        " and max by (pipeline, shard) (fluvial_waiting_labels) > 0",
        "15m",
        "Where labels have not come, shard {{ $labels.shard }} of {{ $labels.pipeline }} is expected to have "
        "a loss that is {{ $value | humanize }} higher than where they have.",
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
        "FluvialLabelFeedLate",
        "ticket",
        "pipeline:fluvial_late_labels:share1h > 0.05"
        " or pipeline:fluvial_label_delay_seconds:p95_1h"
        " > 2 * (pipeline:fluvial_label_delay_seconds:p95_1h offset 1d)",
        "30m",
        "The labels of {{ $labels.pipeline }} come late: after the horizon, or twice as slowly as a day ago.",
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
        "pipeline:fluvial_quarantined:share15m > 0.05",
        "15m",
        "{{ $value | humanizePercentage }} of the records of {{ $labels.pipeline }} cannot be read.",
    ),
    Alert(
        "FluvialLagGrows",
        "page",
        "sum by (pipeline) (fluvial_lag_records) > 300 * pipeline:fluvial_records:rate5m"
        " and sum by (pipeline) (deriv(fluvial_lag_records[10m])) >= 0",
        "10m",
        "{{ $labels.pipeline }} is {{ $value }} records behind and does not catch up.",
    ),
    Alert(
        "FluvialNoticesWait",
        "ticket",
        "max by (pipeline, channel) (fluvial_notice_delay_seconds) > 900",
        "5m",
        "Nobody is told of {{ $labels.pipeline }} by {{ $labels.channel }}: the oldest notice has been "
        "waiting for {{ $value | humanizeDuration }}.",
    ),
    Alert(
        "FluvialProcessingSlow",
        "ticket",
        # of a worker that catches up with a backlog all its time is asked for; FluvialLagGrows looks after it
        "(shard:fluvial_busy:share5m > 0.8 unless on (pipeline)"
        " sum by (pipeline) (fluvial_lag_records) > 300 * pipeline:fluvial_records:rate5m)"
        # what hardly ever works takes few records at a time, which costs more for each
        " or (shard:fluvial_record_seconds:mean1h > 2 * (shard:fluvial_record_seconds:mean1h offset 1d)"
        " and shard:fluvial_busy:share5m > 0.2)",
        "15m",
        "The worker of shard {{ $labels.shard }} of {{ $labels.pipeline }} has hardly any time left, "
        "or takes twice as long for a record as a day ago.",
    ),
    Alert(
        "FluvialSnapshotTooOld",
        "ticket",
        "shard:fluvial_replay_seconds:estimate > 300",
        "15m",
        "The newest snapshot of shard {{ $labels.shard }} of {{ $labels.pipeline }} is so old that "
        "a recovery would take {{ $value | humanizeDuration }}.",
    ),
    Alert(
        "FluvialRecoverySlow",
        "page",
        "max by (pipeline, shard) (fluvial_shard_recovering) == 1",
        "5m",
        "Shard {{ $labels.shard }} of {{ $labels.pipeline }} has been replayed for over five minutes.",
    ),
    Alert(
        "FluvialStateTooLarge",
        "ticket",
        f"max by (pipeline, shard) (fluvial_state_bytes) > {LARGEST // 2}",
        "0s",
        "The state of shard {{ $labels.shard }} of {{ $labels.pipeline }} takes "
        "{{ $value | humanize1024 }}B, over half of what a snapshot may.",
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
        "/",
    ),
)
