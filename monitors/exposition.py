"""How a shard's status becomes samples, and samples become what Prometheus scrapes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import TypeVar

from prometheus_client.metrics_core import Metric

from monitors.alarm import DIRECTIONS
from monitors.series import OTHER, REFUSALS, SERIES, Distribution, Sample
from monitors.status import FATES, MONITOR_STATES, OUTCOMES, ShardStatus, Success

Key = TypeVar("Key")
Place = tuple[str, str]
"""Pipeline and shard, as labels."""


def closed(counts: Mapping[Key, int], keys: Sequence[Key], other: Key) -> dict[Key, int]:
    """Counts for all of ``keys``, 0 where there is none; what is outside them is ``other``'s.

    >>> closed({"a": 1, "x": 2, "y": 3}, ("a", "b"), "other")
    {'a': 1, 'b': 0, 'other': 5}
    """
    folded = {key: counts.get(key, 0) for key in keys}
    if rest := sum(n for key, n in counts.items() if key not in folded):
        folded[other] = rest
    return folded


def split(name: str, labels: tuple[str, ...], counts: Mapping[str, int]) -> Iterator[Sample]:
    """One sample for each count, its key as the last label."""
    for key, n in counts.items():
        yield Sample(name, (*labels, key), n)


def shard_samples(place: Place, status: ShardStatus) -> Iterator[Sample]:
    """Everything a status says, as samples."""
    yield from _accounts(place, status)
    yield from _quality(place, status)
    yield from _watch(place, status)
    yield Sample("fluvial_learning_paused", place, status.paused)
    yield Sample("fluvial_model_version", place, status.model_version)
    if status.watermark > 0:
        yield Sample("fluvial_watermark_timestamp_seconds", place, status.watermark)


def _accounts(place: Place, status: ShardStatus) -> Iterator[Sample]:
    yield Sample("fluvial_events_total", place, status.events)
    yield from split("fluvial_outcomes_total", place, closed(status.outcomes, OUTCOMES, OTHER))
    yield Sample("fluvial_waiting_labels", place, status.waiting)
    yield Sample("fluvial_labels_total", place, status.labels)
    yield from split("fluvial_label_fates_total", place, closed(status.fates, FATES, OTHER))
    yield Sample("fluvial_early_labels", place, status.early)
    yield Sample("fluvial_predictions_total", place, status.predictions)
    yield Sample("fluvial_defaulted_outcomes_total", place, status.defaulted)
    yield Sample("fluvial_ignored_records_total", place, status.ignored)
    for pair, n in closed(status.quarantined, REFUSALS, (OTHER, OTHER)).items():
        yield Sample("fluvial_quarantined_total", (*place, *pair), n)


def _quality(place: Place, status: ShardStatus) -> Iterator[Sample]:
    yield Sample("fluvial_label_delay_seconds", place, Distribution(*status.delays))
    for window, scores in (("all", status.scores), ("recent", status.recent_scores)):
        for predictor, metrics in scores.items():
            for metric, value in metrics.items():
                yield from _defined("fluvial_score", (*place, predictor, metric, window), value)
    yield Sample("fluvial_cost_total", (*place, status.cost_unit), status.cost)
    if status.success is not None:
        yield from _success(place, status.success)


def _success(place: Place, success: Success) -> Iterator[Sample]:
    labels = (*place, success.metric, success.goal.replace(" ", "_"))
    yield Sample("fluvial_success_level", labels, success.level)
    yield from _defined("fluvial_success_value", labels, success.value)
    if success.status in ("met", "missed"):
        yield Sample("fluvial_success_met", labels, success.status == "met")


def _defined(name: str, labels: tuple[str, ...], value: float) -> Iterator[Sample]:
    # One NaN makes every average and maximum over shards NaN; a series that is absent leaves them alone.
    if isfinite(value):
        yield Sample(name, labels, value)


def _watch(place: Place, status: ShardStatus) -> Iterator[Sample]:
    for monitor, (state, estimate) in status.monitors.items():
        yield from _defined("fluvial_monitor_estimate", (*place, monitor), estimate)
        for known in MONITOR_STATES:
            yield Sample("fluvial_monitor_state", (*place, monitor, known), state == known)
    known_drifts = tuple((monitor, way) for monitor in status.monitors for way in DIRECTIONS)
    for pair, n in closed(status.drifts, known_drifts, (OTHER, OTHER)).items():
        yield Sample("fluvial_drift_detected_total", (*place, *pair), n)
    if status.estimate is not None:
        loss, error = status.estimate
        yield from _defined("fluvial_estimated_loss", place, loss)
        yield from _defined("fluvial_estimated_loss_error", place, error)


def families(samples: Iterable[Sample]) -> Iterator[Metric]:
    """All series in declared order, each with its samples; one without samples is there all the same."""
    by_name: dict[str, list[Sample]] = {series.name: [] for series in SERIES}
    for sample in samples:
        by_name[sample.name].append(sample)
    for series in SERIES:
        yield series.family(by_name[series.name])
