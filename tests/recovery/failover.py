"""A worker dies: how long until there is a new batch, by the standby beside it or by itself come back.

The model is a text classifier with a vocabulary of a few million words, so that its state has a
size: loading it is what a warm standby saves.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from itertools import count
from typing import NamedTuple

from fluvial.history import History
from fluvial.secrets import load_key
from fluvial.snapshot import pack
from tests.recovery.hatchery import Hatchery
from tests.recovery.site import Site
from tests.recovery.starts import spread
from tests.recovery.streams import START, Fed
from tests.recovery.workers import Feeder, Stage, Worker, stage
from tests.waiting import wait_until

PIPELINE = """
pipeline: texts-{name}
question: Is it spam?
owner: tests
task: binary
model: feature_extraction.BagOfWords(on="text") | linear_model.LogisticRegression()
id: id
fields:
  id: {{type: text, use: context}}
  text: {{type: text, max_length: 20000}}
label: {{type: boolean, field: spam, horizon: 1h}}
batch: 200
snapshot_every: {every}
standby: {standby}
"""
SNAPSHOT_EVERY = 200

WORDS = 400
"""New words in each of the events that make the model large; a word costs about 21 bytes of state."""

RATE = 50.0
"""Small events per second that come all the time."""

SESSION = float(os.environ.get("FLUVIAL_SESSION_TIMEOUT") or 6.0)
"""Seconds of silence after which Kafka gives a worker's shards away."""


class Failovers(NamedTuple):
    """Seconds until the first new batch, of which ``taking`` for the shard alone; ``size`` of the state in MB."""

    seconds: tuple[float, ...]
    taking: tuple[float, ...]
    replayed: tuple[int, ...]
    size: float
    longest: float

    @property
    def ok(self) -> bool:
        """Whether even the slowest was fast enough."""
        return max(self.seconds) <= self.longest

    @property
    def figure(self) -> str:
        """The result in a line."""
        return (
            f"{len(self.seconds)} times with a state of {self.size:.0f} MB: first new batch after"
            f" {spread(self.seconds)} s, of which taking the shard {spread(self.taking)} s;"
            f" at most {max(self.replayed)} batches replayed"
        )


def fail_over(
    site: Site, *, times: int, megabytes: float, warm: bool = True, margin: float = 2.0
) -> Failovers:
    """Kill the owner beside a standby; the standby has the session timeout and ``margin`` seconds."""
    with closing(Hatchery()) as hatchery, _stage(site, "warm" if warm else "cold") as place:
        owner = _grown(place, hatchery, megabytes)
        found = []
        with Feeder(place, _small(), RATE):
            for _ in range(times):
                standby = place.start(hatchery=hatchery)
                standby.wait_for("standing by.*batch=[1-9]" if warm else "waiting", 180)
                at, epoch = time.monotonic(), place.journaled()[1]
                owner.kill()
                found.append((_first_new(place, epoch, at), *_taken(standby)))
                owner = standby
        return _failovers(place, found, SESSION + margin)


def come_back(
    site: Site, *, times: int, megabytes: float, longest: float = 1.5, imported: bool = True
) -> Failovers:
    """Kill a worker that has a name and start it again under that name; seconds from its start.

    ``imported`` says whether it starts in a process that has everything imported.
    """
    with closing(Hatchery()) as hatchery, _stage(site, "warm") as place:
        owner = _grown(place, hatchery, megabytes)
        found = []
        with Feeder(place, _small(), RATE):
            for _ in range(times):
                epoch = place.journaled()[1]
                owner.kill()
                owner = place.start("static", hatchery=hatchery if imported else None)
                found.append((_first_new(place, epoch, owner.started), *_taken(owner)))
        return _failovers(place, found, longest)


def _stage(site: Site, standby: str) -> AbstractContextManager[Stage]:
    folder = site.folder("failover")
    text = PIPELINE.format(name=uuid.uuid4().hex[:8], standby=standby, every=SNAPSHOT_EVERY)
    return stage(folder, text, site.store_url("sqlite", folder), site.bootstrap)


def _failovers(place: Stage, found: list[tuple[float, float, int]], longest: float) -> Failovers:
    world = place.world()
    with closing(world.log):
        state = History(world.place(load_key(place.folder / "key")), 0).start().shard.state
    seconds, taking, replayed = zip(*found, strict=True)
    return Failovers(seconds, taking, replayed, len(pack(state)) / 1e6, longest)


def _grown(place: Stage, hatchery: Hatchery, megabytes: float) -> Worker:
    """A worker whose model has learned so many words that its state has about that size."""
    events = int(megabytes * 1e6 / 21 / WORDS)
    _feed(place, _large(events))
    worker = place.start("static", hatchery=hatchery)
    world = place.world()
    with closing(world.log):
        wait_until(lambda: place.journaled()[0] > 0, "the first batch", 60)
        wait_until(lambda: world.status()["events"] >= events, "the vocabulary is learned", 300, every_s=0.2)
        learned = place.journaled()[0]
        _feed(place, (_event(f"after-{n}", "w1", events + n) for n in range(2 * SNAPSHOT_EVERY)))
        wait_until(lambda: world.shelf.listing(0)[0].batch >= learned, "a snapshot of it all is stored", 60)
    return worker


def _feed(place: Stage, records: Iterator[Fed]) -> None:
    with closing(place.open_log()) as log:
        for number, (stream, key, value, at) in enumerate(records, start=1):
            log.append(place.pipeline.topic(stream), value, key=key.encode(), timestamp=at)
            if number % 200 == 0:
                log.flush()
        log.flush()


def _large(events: int) -> Iterator[Fed]:
    rng = random.Random(2)
    for number in range(events):
        text = " ".join(f"w{rng.getrandbits(32):x}" for _ in range(WORDS))
        yield _event(f"large-{number}", text, number)


def _small() -> Iterator[Fed]:
    rng = random.Random(1)
    for number in count():
        yield _event(
            f"small-{uuid.UUID(int=rng.getrandbits(128))}", f"w{rng.randrange(1000):x}", 100_000 + number
        )


def _event(name: str, text: str, number: int) -> Fed:
    event = {"id": name, "text": text, "spam": number % 2 == 0}
    return "events", name, json.dumps(event).encode(), START + number * 10


def _first_new(place: Stage, epoch: int, since: float) -> float:
    """Seconds until the journal has a batch that is newer than an epoch."""
    wait_until(lambda: place.journaled()[1] > epoch, "a new batch", 120, every_s=0.005)
    return time.monotonic() - since


def _taken(worker: Worker) -> tuple[float, int]:
    """How long it took to take the shard, and how many batches were replayed for it."""
    said = worker.wait_for(r"shard acquired.*")
    found = dict(re.findall(r"(\w+)=([\d.]+)", said))
    return float(found["seconds"]), int(found["replayed_batches"])
