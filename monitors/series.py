"""Every Prometheus series fluvial exports, declared in one place with its unit, labels and meaning.

The sets of label values are closed: no series is ever made of what a record holds. Open incidents are
named by their ids, which come from alarms, and only so many of them.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from consumers.event import REASONS

Kind = Literal["counter", "gauge", "histogram"]


class Distribution(NamedTuple):
    """A histogram at one moment: upper bounds, a count per bucket (one more than bounds), the sum."""

    bounds: Sequence[float]
    counts: Sequence[int]
    sum: float

    def buckets(self) -> list[tuple[str, float]]:
        """Bounds as Prometheus writes them, with cumulative counts.

        >>> Distribution((1, 60), (2, 0, 1), 100.0).buckets()
        [('1.0', 2), ('60.0', 2), ('+Inf', 3)]
        """
        bounds = [*(str(float(bound)) for bound in self.bounds), "+Inf"]
        return list(zip(bounds, accumulate(self.counts or (0,)), strict=True))


class Sample(NamedTuple):
    """One value of a series, with the values of its labels in their declared order."""

    name: str
    labels: tuple[str, ...]
    value: float | Distribution


class Series(NamedTuple):
    """What is measured, in which unit (the end of the name says it), split by which labels."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str

    def family(self, samples: Iterable[Sample]) -> Metric:
        """The series with these samples, as the client library wants it."""
        if self.kind == "histogram":
            return self._histogram(samples)
        kind = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = kind(self.name, self.help, labels=self.labels)
        for sample in samples:
            assert not isinstance(sample.value, Distribution), sample
            family.add_metric(_texts(sample.labels), sample.value)
        return family

    def _histogram(self, samples: Iterable[Sample]) -> Metric:
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for sample in samples:
            assert isinstance(sample.value, Distribution), sample
            family.add_metric(_texts(sample.labels), sample.value.buckets(), sample.value.sum)
        return family


def _texts(values: Sequence[str]) -> list[str]:
    # A lone surrogate cannot be sent: it would fail the whole scrape, not only its own line.
    return [value.encode("utf-8", "replace").decode() for value in values]


OTHER = "other"
"""Stands for a label value outside its closed set, so that sums hold all the same."""

REFUSALS = tuple(
    (stream, reason) for stream in ("events", "labels") for reason in REASONS if reason != "review_refused"
)
INCIDENT_STATES = ("pending", "firing", "acknowledged", "snoozed", "resolved")
REVIEW_ACTIONS = (
    *("acknowledge", "keep_learning", "pause", "resume", "reset", "reset_part", "retrain", "adopt"),
    *("rollback", "exclude_source", "include_source"),
    *("resume_shard", "accept_gap", "resolve", "false_alarm", "snooze", "unsnooze", "reopen", "comment"),
    *("expect", "unexpect", "set_budget", "approve", "decline"),
)
NOTICE_CHANNELS = ("webhook", "mail", "grafana")
NOTICE_RESULTS = ("sent", "failed", "given_up")
BUILD = ("version", "river", "python")

PIPELINE = ("pipeline",)
SHARD = ("pipeline", "shard")
GOAL = (*SHARD, "metric", "goal")
INCIDENT = (*SHARD, "monitor", "incident")
MOST_INCIDENTS = 50
"""Open incidents of a pipeline that have a series of their own; the newest go first, all are counted."""

SERIES = (
    # The shard's state: these go on where the state went on, also after a restart or on another worker.
    Series("fluvial_events_total", "counter", SHARD, "Events read; always outcomes plus waiting."),
    Series(
        "fluvial_outcomes_total",
        "counter",
        (*SHARD, "outcome"),
        "What finally became of events: learned, predict_only (learning was paused), expired, "
        "quarantined or duplicates.",
    ),
    Series("fluvial_waiting_labels", "gauge", SHARD, "Predicted events whose label has not come yet."),
    Series("fluvial_labels_total", "counter", SHARD, "Labels read; always fates plus early."),
    Series(
        "fluvial_label_fates_total",
        "counter",
        (*SHARD, "fate"),
        "What finally became of labels: used, duplicate, late, corrected, unmatched or quarantined.",
    ),
    Series("fluvial_early_labels", "gauge", SHARD, "Labels whose event has not come yet."),
    Series("fluvial_predictions_total", "counter", SHARD, "Predictions made."),
    Series(
        "fluvial_defaulted_outcomes_total",
        "counter",
        SHARD,
        "Outcomes that took the default label because none came within the horizon.",
    ),
    Series("fluvial_ignored_records_total", "counter", SHARD, "Records without a value (tombstones)."),
    Series(
        "fluvial_quarantined_total",
        "counter",
        (*SHARD, "stream", "reason"),
        "Records set aside because they could not be read, by stream (events, labels) and reason.",
    ),
    Series(
        "fluvial_label_delay_seconds",
        "histogram",
        SHARD,
        "Event time between an event and its label.",
    ),
    Series(
        "fluvial_score",
        "gauge",
        (*SHARD, "predictor", "metric", "window"),
        "Prequential score of the model and of each naive baseline, over all outcomes or the recent "
        "ones; absent while undefined.",
    ),
    Series("fluvial_success_value", "gauge", GOAL, "The metric that judges the pipeline."),
    Series("fluvial_success_level", "gauge", GOAL, "The level which that metric should keep to."),
    Series(
        "fluvial_success_met",
        "gauge",
        GOAL,
        "1 while the pipeline meets its goal, 0 while it misses it; absent while it is too early to say.",
    ),
    Series("fluvial_cost_total", "counter", (*SHARD, "unit"), "What errors have cost, in the user's unit."),
    Series(
        "fluvial_monitor_estimate",
        "gauge",
        (*SHARD, "monitor"),
        "The present level of the quantity a monitor watches, 0 to 1.",
    ),
    Series(
        "fluvial_monitor_state",
        "gauge",
        (*SHARD, "monitor", "state"),
        "1 for the state a monitor is in: warming, quiet, suspected or alarm.",
    ),
    Series(
        "fluvial_drift_detected_total",
        "counter",
        (*SHARD, "monitor", "direction"),
        "Lasting changes a monitor has reported: worse, better, or changed where neither is meant.",
    ),
    Series(
        "fluvial_estimated_loss",
        "gauge",
        SHARD,
        "The loss expected of the newest predictions before their labels come, mean, 0 to 1; absent where "
        "nothing is estimated.",
    ),
    Series(
        "fluvial_estimated_loss_error",
        "gauge",
        SHARD,
        "How far such estimates were from what labels said later, mean, 0 to 1; absent before any came.",
    ),
    Series("fluvial_learning_paused", "gauge", SHARD, "1 while a person has paused learning."),
    Series(
        "fluvial_watermark_timestamp_seconds",
        "gauge",
        SHARD,
        "Stream time: the newest record timestamp, seconds since 1970 UTC; absent before there is one.",
    ),
    Series("fluvial_model_version", "gauge", SHARD, "Which model the shard is at; a reset starts the next."),
    # What this worker does for a shard: these start at 0 with the process.
    Series("fluvial_shard_owned", "gauge", SHARD, "1 while this worker owns the shard, then 0."),
    Series("fluvial_shard_halted", "gauge", SHARD, "1 while it stands still until a person acts."),
    Series(
        "fluvial_fenced_writes_total",
        "counter",
        SHARD,
        "Batches given up because another worker owned the shard by then.",
    ),
    Series("fluvial_batch_duration_seconds", "histogram", SHARD, "Clock time to work through a batch."),
    Series("fluvial_batch_records", "histogram", SHARD, "Records in a batch."),
    Series("fluvial_snapshot_duration_seconds", "histogram", SHARD, "Clock time to write a snapshot."),
    Series("fluvial_snapshot_bytes", "gauge", SHARD, "Size of the latest snapshot; absent before the first."),
    Series(
        "fluvial_snapshot_timestamp_seconds",
        "gauge",
        SHARD,
        "When this worker last stored a snapshot, clock time since 1970 UTC; absent before the first.",
    ),
    Series(
        "fluvial_state_bytes",
        "gauge",
        SHARD,
        "Size of the state as it was last packed, not compressed; absent before the first time.",
    ),
    Series(
        "fluvial_unsaved_records",
        "gauge",
        SHARD,
        "Records learned since the newest snapshot that is stored: what a recovery would replay.",
    ),
    Series(
        "fluvial_shard_recovering",
        "gauge",
        SHARD,
        "1 while this worker has taken the shard and still replays what the journal holds.",
    ),
    Series(
        "fluvial_recovery_duration_seconds",
        "histogram",
        SHARD,
        "Clock time from taking a shard to its first new batch: snapshot and replay.",
    ),
    # What concerns a whole pipeline, or the process.
    Series(
        "fluvial_lag_records",
        "gauge",
        (*PIPELINE, "topic", "partition"),
        "Records in the log that are not learned from yet.",
    ),
    Series("fluvial_incidents", "gauge", (*PIPELINE, "state"), "Incidents by state."),
    Series(
        "fluvial_incident_open",
        "gauge",
        INCIDENT,
        "1 for each of the newest open incidents that a worker opened; absent while it is pending or "
        "expected, and once it is resolved.",
    ),
    Series("fluvial_reviews_total", "counter", (*PIPELINE, "action"), "Reviews taken, by action."),
    Series(
        "fluvial_notices_total",
        "counter",
        (*PIPELINE, "channel", "result"),
        "Notices to people by channel (webhook, mail, grafana): sent, tries that failed, given up.",
    ),
    Series(
        "fluvial_notice_delay_seconds",
        "gauge",
        (*PIPELINE, "channel"),
        "How long the oldest notice has been waiting to be sent; 0 where none waits.",
    ),
    Series("fluvial_build_info", "gauge", BUILD, "1, labelled with what runs."),
)
