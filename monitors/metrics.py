"""Metrics: what Prometheus sees of a worker's shards, one consistent moment per scrape.

Counters are not counted here a second time: they are read from the latest ShardStatus of each
shard. So they go on where the state went on after a restart, and sums hold exactly in every scrape.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from threading import Lock
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from monitors.exposition import Place, closed, families, shard_samples, split
from monitors.series import (
    BUILD,
    INCIDENT_STATES,
    MOST_INCIDENTS,
    NOTICE_RESULTS,
    OTHER,
    REVIEW_ACTIONS,
    Distribution,
    Sample,
)
from monitors.server import MetricsServer
from monitors.status import ShardStatus

__all__ = ["Metrics", "MetricsServer"]

DURATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
SIZES = (1, 10, 100, 300, 1_000, 3_000, 10_000, 100_000)


class OpenIncident(NamedTuple):
    """An incident that waits for its end, as its series names it."""

    shard: int
    monitor: str
    id: str


class Metrics:
    """Everything a worker exports, on the registry that is passed in; safe to call while it is scraped.

    Call ``publish`` between batches, and not before a recovery has caught up with the journal: a
    status older than the last one published looks to Prometheus as if the counters had started anew.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = Lock()
        self._build: tuple[str, ...] | None = None
        self._statuses: dict[Place, ShardStatus] = {}
        self._work: dict[Place, _Work] = {}
        self._lag: dict[str, dict[tuple[str, int], int]] = {}
        self._desk: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
        self._open: dict[str, tuple[OpenIncident, ...]] = {}
        self._notices: dict[str, dict[str, tuple[int, int, int, float]]] = {}
        registry.register(_Scrape(self))

    def publish(self, status: ShardStatus) -> None:
        """Show this status of a shard from now on; the shard is this worker's."""
        with self._lock:
            self._statuses[status.pipeline, str(status.shard)] = status
            self._of(status.pipeline, status.shard).owned = True

    def drop(self, pipeline: str, shard: int) -> None:
        """Show no state of a shard that this worker no longer owns; its worker's own counts stay."""
        with self._lock:
            self._statuses.pop((pipeline, str(shard)), None)
            work = self._of(pipeline, shard)
            work.owned = work.halted = work.recovering = False

    def lag(self, pipeline: str, records: Mapping[tuple[str, int], int]) -> None:
        """Replace a pipeline's lag: topic and partition to records that are still to be read."""
        with self._lock:
            self._lag[pipeline] = dict(records)

    def desk(self, pipeline: str, incidents: Mapping[str, int], reviews: Mapping[str, int]) -> None:
        """Replace a pipeline's incidents by state and its reviews by action, all since it began."""
        folded = closed(incidents, INCIDENT_STATES, OTHER), closed(reviews, REVIEW_ACTIONS, OTHER)
        with self._lock:
            self._desk[pipeline] = folded

    def incidents(self, pipeline: str, some: Iterable[OpenIncident]) -> None:
        """Replace a pipeline's open incidents, the newest first."""
        with self._lock:
            self._open[pipeline] = tuple(dict.fromkeys(islice(some, MOST_INCIDENTS)))

    def notices(self, pipeline: str, channels: Mapping[str, tuple[int, int, int, float]]) -> None:
        """Replace how the channels do: notices sent, failed tries, notices given up, the oldest wait (s)."""
        with self._lock:
            self._notices[pipeline] = dict(channels)

    def batch(self, pipeline: str, shard: int, records: int, seconds: float) -> None:
        """Count a batch."""
        with self._lock:
            work = self._of(pipeline, shard)
            work.batches.observe(seconds)
            work.batch_records.observe(records)
            work.unsaved += records

    def packed(self, pipeline: str, shard: int, size: int) -> None:
        """Note that the state was packed into ``size`` bytes, for a snapshot that is yet to be stored."""
        with self._lock:
            work = self._of(pipeline, shard)
            work.state_bytes, work.packed = size, work.unsaved

    def snapshot(self, pipeline: str, shard: int, seconds: float, size: int, at: float) -> None:
        """Count a snapshot of ``size`` bytes that was stored at a clock time (s): what was packed last."""
        with self._lock:
            work = self._of(pipeline, shard)
            work.snapshots.observe(seconds)
            work.snapshot_bytes, work.snapshot_at = size, at
            work.unsaved -= work.packed
            work.packed = 0

    def recovering(self, pipeline: str, shard: int) -> None:
        """Note that a shard was taken and is not at work yet."""
        with self._lock:
            self._of(pipeline, shard).recovering = True

    def recovery(self, pipeline: str, shard: int, seconds: float, replayed: int = 0) -> None:
        """Count a recovery that ends with so many records after the newest snapshot."""
        with self._lock:
            work = self._of(pipeline, shard)
            work.recoveries.observe(seconds)
            work.recovering = False
            # What this worker packed before it lost the shard is another one's to count.
            work.unsaved, work.packed = replayed, 0

    def halted(self, pipeline: str, shard: int, halted: bool) -> None:
        """Note whether a shard stands still."""
        with self._lock:
            self._of(pipeline, shard).halted = halted

    def fenced(self, pipeline: str, shard: int) -> None:
        """Count a batch that was given up to the shard's new owner."""
        with self._lock:
            self._of(pipeline, shard).fenced += 1

    def build(self, info: Mapping[str, str]) -> None:
        """Say what runs: version, river, python."""
        with self._lock:
            self._build = tuple(str(info.get(name, "")) for name in BUILD)

    def samples(self) -> Iterator[Sample]:
        """All samples of this moment."""
        with self._lock:
            statuses, others = dict(self._statuses), list(self._others())
        # A status never changes, so whoever publishes the next one need not wait for all of this.
        for place, status in statuses.items():
            yield from shard_samples(place, status)
        yield from others

    def _of(self, pipeline: str, shard: int) -> "_Work":
        return self._work.setdefault((pipeline, str(shard)), _Work())

    def _others(self) -> Iterator[Sample]:
        for place, work in self._work.items():
            yield from work.samples(place)
        for pipeline, lags in self._lag.items():
            for (topic, partition), records in lags.items():
                yield Sample("fluvial_lag_records", (pipeline, topic, str(partition)), records)
        for pipeline, (incidents, reviews) in self._desk.items():
            yield from split("fluvial_incidents", (pipeline,), incidents)
            yield from split("fluvial_reviews_total", (pipeline,), reviews)
        for pipeline, some in self._open.items():
            for one in some:
                yield Sample("fluvial_incident_open", (pipeline, str(one.shard), one.monitor, one.id), 1)
        for pipeline, channels in self._notices.items():
            for channel, (sent, failed, given_up, delay) in channels.items():
                results = dict(zip(NOTICE_RESULTS, (sent, failed, given_up), strict=True))
                yield from split("fluvial_notices_total", (pipeline, channel), results)
                yield Sample("fluvial_notice_delay_seconds", (pipeline, channel), delay)
        if self._build is not None:
            yield Sample("fluvial_build_info", self._build, 1)


class _Scrape(Collector):
    """The face of Metrics towards the client library."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return families(self._metrics.samples())

    def describe(self) -> Iterator[Metric]:
        return families(())


class _Observed:
    """A histogram that grows."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def now(self) -> Distribution:
        return Distribution(self._bounds, tuple(self._counts), self._sum)


class _Work:
    """What this worker has done for one shard since the process began."""

    def __init__(self) -> None:
        self.owned = self.halted = self.recovering = False
        self.fenced = self.unsaved = self.packed = 0
        self.snapshot_bytes: int | None = None
        self.snapshot_at: float | None = None
        self.state_bytes: int | None = None
        self.batches, self.batch_records = _Observed(DURATIONS), _Observed(SIZES)
        self.snapshots, self.recoveries = _Observed(DURATIONS), _Observed(DURATIONS)

    def samples(self, place: Place) -> Iterator[Sample]:
        yield Sample("fluvial_shard_owned", place, self.owned)
        yield Sample("fluvial_shard_halted", place, self.halted)
        yield Sample("fluvial_shard_recovering", place, self.recovering)
        yield Sample("fluvial_fenced_writes_total", place, self.fenced)
        yield Sample("fluvial_batch_duration_seconds", place, self.batches.now())
        yield Sample("fluvial_batch_records", place, self.batch_records.now())
        yield Sample("fluvial_snapshot_duration_seconds", place, self.snapshots.now())
        yield Sample("fluvial_recovery_duration_seconds", place, self.recoveries.now())
        yield from _known("fluvial_snapshot_bytes", place, self.snapshot_bytes)
        if self.owned:  # of a shard that another worker has these would be out of date
            yield Sample("fluvial_unsaved_records", place, self.unsaved)
            yield from _known("fluvial_snapshot_timestamp_seconds", place, self.snapshot_at)
            yield from _known("fluvial_state_bytes", place, self.state_bytes)


def _known(name: str, place: Place, value: float | None) -> Iterator[Sample]:
    if value is not None:
        yield Sample(name, place, value)
