"""SIGTERM under load: the worker ends by itself, soon, and the next one has nothing to do again."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.fluvial.world import COINS
from tests.recovery.site import Site
from tests.recovery.starts import endless
from tests.recovery.workers import Feeder, Stage, Stopped, Worker, stage
from tests.waiting import wait_until

RATE = 2_000.0
"""Records per second that come while workers are stopped."""

BATCHES = 30
"""New batches of a worker before it is told to stop."""


class Stops(NamedTuple):
    """How workers ended, and how many batches the next of each had to replay."""

    stopped: tuple[Stopped, ...]
    replayed: tuple[int, ...]
    longest: float

    @property
    def ok(self) -> bool:
        """Whether all ended well and in time and left nothing to be replayed."""
        well = all(end.code == 0 and end.seconds <= self.longest for end in self.stopped)
        return well and not any(self.replayed)

    @property
    def figure(self) -> str:
        """The result in a line."""
        codes = sum(end.code == 0 for end in self.stopped)
        slowest = max(end.seconds for end in self.stopped)
        return (
            f"{len(self.stopped)} SIGTERM under load: {codes} ended with 0, the slowest after {slowest:.2f} s;"
            f" {sum(self.replayed)} batches replayed by the starts after them"
        )


def stop_often(site: Site, *, times: int, longest: float = 10.0) -> Stops:
    """Stop a worker under load ``times`` times, half of them on Kafka; ``longest`` is in seconds."""
    folder, stopped, replayed = site.folder("stops"), [], []
    for bootstrap, n in ((None, times - times // 2), (site.bootstrap, times // 2)):
        here = folder / ("kafka" if bootstrap else "embedded")
        here.mkdir()
        with stage(here, COINS, site.store_url("sqlite", here), bootstrap) as place:
            with Feeder(place, endless(), RATE):
                found = [_stop(place) for _ in range(n)]
            stopped += [end for end, _ in found]
            replayed += [batches for _, batches in found[1:]] + [_replayed(place.start())]
    return Stops(tuple(stopped), tuple(replayed), longest)


def _stop(place: Stage) -> tuple[Stopped, int]:
    """Start a worker, let it work and stop it: how it ended, and what it had to replay at its start."""
    worker = place.start(FLUVIAL_LEAVE_AT_STOP="true")
    replayed = _replayed(worker)
    batch = place.journaled()[0]
    wait_until(lambda: place.journaled()[0] >= batch + BATCHES, "new batches", 30)
    return worker.stop(), replayed


def _replayed(worker: Worker) -> int:
    said = worker.wait_for(r"shard acquired.*replayed_batches=\d+")
    return int(re.sub(r"\D*$", "", said).rpartition("=")[2])
