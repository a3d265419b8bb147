"""A worker that was killed is back within seconds: real processes, killed and started again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import NamedTuple

from tests.fluvial.world import COINS, tosses
from tests.recovery.site import Site
from tests.recovery.streams import Fed
from tests.recovery.workers import Feeder, Stage, Worker, stage
from tests.waiting import wait_until

RATE = 500.0
"""Records per second that come while workers are killed and started."""


class Starts(NamedTuple):
    """Seconds from the start of each process until it owned its shard, and until its first new batch."""

    ready: tuple[float, ...]
    first_batch: tuple[float, ...]
    longest: float

    @property
    def ok(self) -> bool:
        """Whether even the slowest start was fast enough."""
        return max(self.first_batch) <= self.longest

    @property
    def figure(self) -> str:
        """The result in a line."""
        return (
            f"{len(self.ready)} starts after kill -9: shard owned after {spread(self.ready)} s,"
            f" first new batch after {spread(self.first_batch)} s"
        )


def start_again(site: Site, *, times: int, longest: float = 5.0) -> Starts:
    """Kill a worker under load and start another, ``times`` times; ``longest`` is in seconds."""
    folder = site.folder("starts")
    with stage(folder, COINS, site.store_url("sqlite", folder)) as place, Feeder(place, endless(), RATE):
        worker = place.start()
        _first_new(place, worker, 0)
        ready, first = [], []
        for _ in range(times):
            worker.kill()
            epoch = place.journaled()[1]
            worker = place.start()
            worker.wait_for("shard acquired")
            ready.append(time.monotonic() - worker.started)
            first.append(_first_new(place, worker, epoch))
    return Starts(tuple(ready), tuple(first), longest)


def _first_new(place: Stage, worker: Worker, epoch: int) -> float:
    """Seconds from a worker's start to the first batch in the journal that is newer than an epoch."""
    wait_until(lambda: place.journaled()[1] > epoch, "a new batch", 60, every_s=0.005)
    return time.monotonic() - worker.started


def endless() -> Iterator[Fed]:
    """Tosses of a coin without end."""
    return chain.from_iterable(tosses(1000, first=1000 * n) for n in count())


def spread(values: Sequence[float]) -> str:
    """Median and maximum, for people."""
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2]:.2f} (median) to {ordered[-1]:.2f} (longest)"
