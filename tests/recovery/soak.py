"""A worker for hours at four fifths of what it can do: memory, open files and series must not grow."""

from __future__ import annotations

import os
import statistics
import time
import urllib.request
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fluvial.place import partitions_of
from tests.fluvial.world import COINS, tosses
from tests.recovery.scale import journaled_rate
from tests.recovery.site import Site
from tests.recovery.streams import Fed
from tests.recovery.workers import Feeder, Stage, Worker, stage
from tests.waiting import wait_until

SHARE = 0.8
"""Of the rate that the worker reaches on a backlog."""

BACKLOG = 20_000
"""Events on which that rate is measured."""

WARM_UP = 0.25
"""The share of the time in which caches and ledgers fill up."""

FILES = 3
"""Open files more or fewer are no trend: connections come and go."""

HOUR = 3600.0


class Sample(NamedTuple):
    """What a worker holds at one moment: seconds since the start, bytes, and counts."""

    at: float
    memory: int
    files: int
    series: int


class Soak(NamedTuple):
    """Samples after the warm-up, and the rates (records per second) that they were taken at."""

    seconds: float
    top: float
    rate: float
    lag: int
    samples: tuple[Sample, ...]
    steepest: float

    @property
    def slope(self) -> float:
        """Growth of memory per hour as a share of its mean."""
        fitted = statistics.linear_regression([s.at for s in self.samples], [s.memory for s in self.samples])
        return fitted.slope * HOUR / statistics.mean(s.memory for s in self.samples)

    @property
    def ok(self) -> bool:
        """Whether nothing grows."""
        files = [sample.files for sample in self.samples]
        series = {sample.series for sample in self.samples}
        return self.slope < self.steepest and max(files) - min(files) <= FILES and len(series) == 1

    @property
    def figure(self) -> str:
        """The result in a line."""
        files = [sample.files for sample in self.samples]
        series = sorted({sample.series for sample in self.samples})
        memory = statistics.mean(sample.memory for sample in self.samples) / 1e6
        return (
            f"{self.seconds / HOUR:.2f} h at {self.rate:,.0f} records/s ({SHARE:.0%} of {self.top:,.0f}):"
            f" {memory:.0f} MB, {100 * self.slope:+.2f} % per hour; {min(files)} to {max(files)} open files;"
            f" {' to '.join(map(str, series))} series; {self.lag} records behind at the end"
        )


def soak(site: Site, *, hours: float, steepest: float = 0.01, every: float | None = None) -> Soak:
    """Run a worker at a steady rate; ``every`` so many seconds it is looked at, 500 times by default."""
    folder, seconds = site.folder("soak"), hours * HOUR
    text = COINS.replace("pipeline: coins", f"pipeline: soak-{uuid.uuid4().hex[:8]}").replace(
        "batch: 100", "batch: 1000"
    )
    with stage(folder, text, site.store_url("sqlite", folder), site.bootstrap) as place:
        records = tosses(1 << 60)
        _fill(place, islice(records, 2 * BACKLOG))
        worker = place.start(metrics_port=0)
        wait_until(lambda: _behind(place) == 0, "the backlog is learned", 300, every_s=0.2)
        top = journaled_rate(place)
        address = worker.wait_for(r"http://\S+/metrics")
        with Feeder(place, records, SHARE * top) as feeder:
            samples = list(_samples(worker, address, seconds, every or seconds / 500))
            lag, rate = _behind(place), feeder.fed / seconds
        return Soak(seconds, top, rate, lag, tuple(s for s in samples if s.at > WARM_UP * seconds), steepest)


def _fill(place: Stage, records: Iterator[Fed]) -> None:
    log = place.open_log()
    try:
        for number, (stream, key, value, at) in enumerate(records, start=1):
            log.append(place.pipeline.topic(stream), value, key=key.encode(), timestamp=at)
            if number % 5000 == 0:
                log.flush()
        log.flush()
    finally:
        log.close()


def _behind(place: Stage) -> int:
    """How many records are in the log that the worker has not told of."""
    world = place.world()
    try:
        spans = world.log.spans(partitions_of(world.pipeline, 0))
        status = world.status() if place.journaled()[0] else {}
        told = int(status.get("events", 0)) + int(status.get("labels", 0))
        return sum(span.end for span in spans.values()) - told
    finally:
        world.log.close()


def _samples(worker: Worker, address: str, seconds: float, every: float) -> Iterator[Sample]:
    started = time.monotonic()
    while (at := time.monotonic() - started) < seconds:
        yield Sample(at, _memory(worker.pid), len(os.listdir(f"/proc/{worker.pid}/fd")), _series(address))
        time.sleep(every)  # the pace of a measurement, not a wait for something


def _memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"process {pid} has no memory: it has ended")


def _series(address: str) -> int:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return sum(not line.startswith(b"#") for line in answer.read().splitlines())
