"""Recorded: figures that several alerts and panels ask for, computed by Prometheus ahead."""

from __future__ import annotations

from typing import NamedTuple


class Recorded(NamedTuple):
    """A figure under a name with colons: what it is split by, of what, over which time."""

    name: str
    expr: str
    unit: str
    meaning: str

    def as_rule(self) -> dict[str, object]:
        """The rule as Prometheus reads it."""
        return {"record": self.name, "expr": self.expr}


RECORDED = (
    Recorded(
        "pipeline:fluvial_records:rate5m",
        "sum by (pipeline) (rate(fluvial_events_total[5m]))"
        " + sum by (pipeline) (rate(fluvial_labels_total[5m]))",
        "records a second",
        "Events and labels read.",
    ),
    Recorded(
        "pipeline:fluvial_quarantined:share15m",
        "sum by (pipeline) (rate(fluvial_quarantined_total[15m]))"
        " / (sum by (pipeline) (rate(fluvial_events_total[15m]))"
        " + sum by (pipeline) (rate(fluvial_labels_total[15m])))",
        "1",
        "The share of all records that could not be read.",
    ),
    Recorded(
        "pipeline:fluvial_late_labels:share1h",
        'sum by (pipeline) (rate(fluvial_label_fates_total{fate="late"}[1h]))'
        " / sum by (pipeline) (rate(fluvial_labels_total[1h]))",
        "1",
        "The share of labels that came after the horizon and were not learned.",
    ),
    Recorded(
        "pipeline:fluvial_label_delay_seconds:p95_1h",
        "histogram_quantile(0.95, sum by (pipeline, le) (rate(fluvial_label_delay_seconds_bucket[1h])))",
        "seconds of event time",
        "95 in a hundred labels came within it.",
    ),
    Recorded(
        "shard:fluvial_record_seconds:mean",
        "sum by (pipeline, shard) (fluvial_batch_duration_seconds_sum)"
        " / sum by (pipeline, shard) (fluvial_batch_records_sum)",
        "seconds",
        "Clock time per record since the worker started, journal and deliveries included.",
    ),
    Recorded(
        "shard:fluvial_record_seconds:mean1h",
        "sum by (pipeline, shard) (rate(fluvial_batch_duration_seconds_sum[1h]))"
        " / sum by (pipeline, shard) (rate(fluvial_batch_records_sum[1h]))",
        "seconds",
        "Clock time per record in the last hour, journal and deliveries included.",
    ),
    Recorded(
        # shards that a worker takes in one go all tell how long the whole of it took: no sum over them
        "shard:fluvial_busy:share5m",
        "max by (pipeline, shard) (rate(fluvial_batch_duration_seconds_sum[5m]))",
        "1",
        "The share of clock time in which the worker of this shard was at its batches.",
    ),
    Recorded(
        "shard:fluvial_replay_seconds:estimate",
        "max by (pipeline, shard) (fluvial_unsaved_records) * shard:fluvial_record_seconds:mean",
        "seconds",
        "How long a recovery would take now, at the pace of the stream; a replay is rather faster.",
    ),
)
