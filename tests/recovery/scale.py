"""Two workers instead of one: what that brings on Kafka, measured side by side.

The records wait in the log before the workers start, so that nobody is waited for. The journal says
when each batch was taken up: the rate is that of the time in which all workers were at work. Broker,
workers and everything else share this machine's cores, hence also the rate per CPU second.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import sqlalchemy as sa

from fluvial.store import journal_table
from tests.recovery.hatchery import Hatchery
from tests.recovery.site import Site
from tests.recovery.workers import Stage, Worker, stage
from tests.waiting import wait_until

PARTITIONS = 4
PIPELINE = """
pipeline: scale-{name}
question: How far does it scale?
owner: tests
task: binary
model: tree.HoeffdingAdaptiveTreeClassifier()
id: id
fields:
  id: {{type: text, use: context}}
  amount: {{type: number}}
  age: {{type: number}}
  speed: {{type: number}}
  level: {{type: number}}
  channel: {{type: category}}
label: {{type: boolean, field: bought, horizon: 1h}}
partitions: 4
learn: per-partition
batch: 500
"""


class Rate(NamedTuple):
    """Events per second, and per CPU second of the workers."""

    wall: float
    cpu: float


class Scale(NamedTuple):
    """Rates of one worker and of two, round by round, and the ratio wanted."""

    one: tuple[Rate, ...]
    two: tuple[Rate, ...]
    least: float

    @property
    def ratio(self) -> float:
        """How much faster two are, in the median of the rounds."""
        return statistics.median(b.wall / a.wall for a, b in zip(self.one, self.two, strict=True))

    @property
    def ratio_per_cpu(self) -> float:
        """How much faster two would be if each had a core for itself."""
        return statistics.median(2 * b.cpu / a.cpu for a, b in zip(self.one, self.two, strict=True))

    @property
    def ok(self) -> bool:
        """Whether two are as much faster as promised."""
        return self.ratio >= self.least

    @property
    def figure(self) -> str:
        """The result in a line."""
        one, two = (statistics.median(rate.wall for rate in rates) for rates in (self.one, self.two))
        return (
            f"{one:,.0f} events/s with one worker, {two:,.0f} with two: {self.ratio:.2f} times"
            f" ({self.ratio_per_cpu:.2f} times per CPU second) in the median of {len(self.one)} rounds on"
            f" {os.cpu_count()} cores that the broker shares"
        )


def compare(site: Site, *, events: int, rounds: int, least: float = 1.8) -> Scale:
    """Let one worker and then two learn from as many events, several times."""
    with closing(Hatchery()) as hatchery:
        pairs = [(_rate(site, hatchery, 1, events), _rate(site, hatchery, 2, events)) for _ in range(rounds)]
    one, two = zip(*pairs, strict=True)
    return Scale(one, two, least)


def _rate(site: Site, hatchery: Hatchery, workers: int, events: int) -> Rate:
    folder = site.folder(f"scale-{workers}")
    text = PIPELINE.format(name=uuid.uuid4().hex[:8])
    with stage(folder, text, site.store_url("sqlite", folder), site.bootstrap) as place:
        _fill(place, events)
        started = [place.start(hatchery=hatchery) for _ in range(workers)]
        with _watched(started) as used:
            wait_until(lambda: _done(place, events), "everything is learned", 300, every_s=0.25)
        begin, end, learned = _window(place)
        cpu = _between(used, begin, end)
        return Rate(learned / (end - begin), learned / cpu)


def _fill(place: Stage, events: int) -> None:
    rng, log = random.Random(1), place.open_log()
    with closing(log):
        for number in range(events):
            event = {name: round(rng.gauss(0, 1), 6) for name in ("amount", "age", "speed", "level")}
            bought = event["amount"] + 0.5 * event["age"] + rng.gauss(0, 0.5) > 0.3
            named = {"id": f"event-{number:08d}", "channel": rng.choice(("web", "shop")), "bought": bought}
            log.append(
                place.pipeline.topic("events"),
                json.dumps(event | named).encode(),
                key=b"%d" % number,
                timestamp=1_700_000_000_000 + number,
                partition=number % PARTITIONS,
            )
            if number % 5000 == 4999:
                log.flush()
        log.flush()


# ---- what the journal says


class Row(NamedTuple):
    """One batch: its shard, epoch, records, and when it was taken up."""

    shard: int
    epoch: int
    records: int
    at: float


def _rows(place: Stage) -> list[Row]:
    column = journal_table.c
    query = sa.select(column.shard, column.epoch, column.ranges, column.at)
    with place.store.read() as db:
        found = db.execute(query.order_by(column.at)).all()
    return [Row(r.shard, r.epoch, sum(done[2] for done in r.ranges.values()), r.at) for r in found]


def journaled_rate(place: Stage) -> float:
    """Records per second between the first batch in the journal and the last."""
    rows = _rows(place)
    return sum(row.records for row in rows[:-1]) / (rows[-1].at - rows[0].at)


def _done(place: Stage, events: int) -> bool:
    return sum(row.records for row in _rows(place)) >= events


def _window(place: Stage) -> tuple[float, float, int]:
    """From when every shard was at work with its last owner until the first had nothing left, and what came."""
    rows = _rows(place)
    last = {shard: max(row.epoch for row in rows if row.shard == shard) for shard in range(PARTITIONS)}
    mine = [[row.at for row in rows if (row.shard, row.epoch) == owner] for owner in last.items()]
    begin, end = max(ats[0] for ats in mine), min(ats[-1] for ats in mine)
    if end <= begin:
        raise RuntimeError("the shards were never all at work at one time: take more events")
    # A row is written when its batch begins: those from the first on until before the last were done by then.
    return begin, end, sum(row.records for row in rows if begin <= row.at < end)


# ---- CPU time


@contextmanager
def _watched(workers: list[Worker]) -> Iterator[list[tuple[float, float]]]:
    """Collects (clock time, CPU seconds of all workers) while it is open."""
    found: list[tuple[float, float]] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.05):
            found.append((time.time(), sum(cpu_seconds(worker.pid) for worker in workers)))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def _between(used: list[tuple[float, float]], begin: float, end: float) -> float:
    inside = [cpu for at, cpu in used if begin <= at <= end]
    return inside[-1] - inside[0]


def cpu_seconds(pid: int) -> float:
    """CPU seconds that a process has used, in user and in kernel code."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
