"""Workers come, go, die and freeze on a real Kafka while records keep coming: none is lost or learned twice.

1 -> 4 -> 1 workers, each a process of its own, half of them under a name of their own (a static
member of the group). What counts is the journal, the statuses, the predictions and a replay of
every shard afterwards.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import sqlalchemy as sa
from kafka.errors import RetriableError

from consumers.record import TopicPartition
from fluvial.history import History
from fluvial.place import partitions_of
from fluvial.shard import Published
from fluvial.store import journal_table, refusal_table
from tests.fluvial.world import COINS, World, tosses
from tests.recovery.hatchery import Hatchery
from tests.recovery.site import Site
from tests.recovery.workers import Feeder, Stage, Worker, stage
from tests.services.kafka import KafkaAdminClient  # type: ignore[attr-defined]  # without its warnings
from tests.waiting import wait_until

SLOTS = 4
PARTITIONS = 8
SESSION = 6.0
"""Seconds of silence after which the group gives a worker's shards away, unless FLUVIAL_SESSION_TIMEOUT says else."""

STEP = 10_000
"""Records read back at a time."""


class Rebalances(NamedTuple):
    """``changes`` of the group by kind, over so many events, and what was wrong afterwards."""

    learn: str
    changes: dict[str, int]
    events: int
    lost: int
    twice: int
    contradictory: int
    republished: int
    refused: int
    troubles: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every record was learned from once, in order, and every event has one prediction."""
        return not (self.lost or self.twice or self.contradictory or self.troubles)

    @property
    def figure(self) -> str:
        """The result in a line."""
        kinds = ", ".join(f"{n} {kind}" for kind, n in self.changes.items())
        found = "; ".join(self.troubles) or "order kept, every shard as replayed"
        return (
            f"{self.learn}: {sum(self.changes.values())} changes ({kinds}) over {self.events} events:"
            f" {self.lost} lost, {self.twice} learned twice, {self.contradictory} contradictory; {found};"
            f" {self.republished} predictions published again, {self.refused} writes of former owners refused"
        )


class Course(NamedTuple):
    """How much happens: ``rate`` in events per second, ``cold`` the share of workers that import first."""

    changes: int
    events: int
    rate: float
    cold: float = 0.0
    seed: int = 7


def move_often(site: Site, learn: str, course: Course, store: str) -> Rebalances:
    """Change the group's members while events come, then let a last worker finish, and compare."""
    folder = site.folder(f"rebalance-{learn}")
    text = COINS.replace("pipeline: coins", f"pipeline: coins-{uuid.uuid4().hex[:8]}")
    text = text.replace("batch: 100", "batch: 500").replace("linger: 0.005", "linger: 0.02")
    text += f"partitions: {PARTITIONS}\nlearn: {learn}\n"
    records = tosses(course.events)
    with (
        closing(Hatchery()) as hatchery,
        stage(folder, text, site.store_url(store, folder), site.bootstrap) as place,
    ):
        troupe = Troupe(place, hatchery, site.bootstrap, course)
        with Feeder(place, records, 2 * course.rate) as feeder:
            troupe.play(lambda: feeder.fed / (2 * course.events))
            wait_until(lambda: feeder.done, "everything is fed", 2 * course.events / course.rate + 60)
        _drain(place, course.events)
        troupe.leave()
        world = place.world()
        with closing(world.log):
            return _judge(world, learn, course.events, troupe)


def few_moves(site: Site, learn: str) -> Rebalances:
    """A short draw."""
    return move_often(site, learn, Course(changes=6, events=20_000, rate=800), _store(learn))


def many_moves(site: Site, learn: str) -> Rebalances:
    """As many as the promise speaks of; a third of the workers import everything first."""
    return move_often(site, learn, Course(changes=100, events=500_000, rate=900, cold=0.33), _store(learn))


def _store(learn: str) -> str:
    return "postgres" if learn == "per-partition" else "sqlite"


class Troupe:
    """The workers of a stage, and what is done to them."""

    def __init__(self, place: Stage, hatchery: Hatchery, bootstrap: str, course: Course) -> None:
        self._place, self._hatchery, self._course = place, hatchery, course
        self._bootstrap, self._rng = bootstrap, random.Random(course.seed)
        self._running: dict[int, Worker] = {}
        self._frozen: dict[int, threading.Timer] = {}
        self.changes: Counter[str] = Counter()
        self.troubles: list[str] = []

    def play(self, progress: Callable[[], float]) -> None:
        """1 -> 4 -> 1: all changes, each when its share of the events was fed."""
        admin = KafkaAdminClient(bootstrap_servers=self._bootstrap)
        try:
            for number, change in enumerate(self._plan(), start=1):
                due = number / (self._course.changes + 2)
                wait_until(lambda due=due: progress() >= due, "the next change is due", 600)  # type: ignore[misc]
                change()
                self._settle(admin)
        finally:
            admin.close()
            for timer in list(self._frozen.values()):  # each leaves when it is done
                timer.join()

    def leave(self) -> None:
        """Everybody leaves in order; that is no change any more."""
        changes = self.changes.copy()
        while self._running:
            self._stop()
        self.changes = changes

    def _plan(self) -> Iterator[Callable[[], None]]:
        """Joins up to four, then everything in turn that is possible, then down to one."""
        n = self._course.changes
        deck = deque([self._freeze, self._kill, self._join, self._stop, self._join])
        for number in range(n):
            if number < min(SLOTS, n // 2):
                yield self._join
            elif n - number < min(SLOTS, n // 2) and len(self._running) > 1:
                yield self._rng.choice((self._stop, self._kill))
            else:
                while not self._possible(deck[0]):
                    deck.rotate(-1)
                yield deck[0]
                deck.rotate(-1)
                if self._rng.random() < 0.5:
                    deck.rotate(-1)

    def _possible(self, change: Callable[[], None]) -> bool:
        if change == self._join:
            return len(self._running) < SLOTS
        return len(self._running) > 1 and not (change == self._freeze and self._frozen)

    def _settle(self, admin: Any) -> None:
        """Let the group take note of a worker that came: what hits nobody is no change."""
        group = f"fluvial.{self._place.pipeline.pipeline}"

        def there() -> bool:
            try:
                members = admin.describe_groups([group])[group]["members"]
            except RetriableError:  # the very first member brings the coordinator to life
                return False
            return len(members) >= len(self._running)

        wait_until(there, "the group has all its members", 60, every_s=0.1)

    # ---- changes

    def _join(self) -> None:
        slot = self._rng.choice([slot for slot in range(SLOTS) if slot not in self._running])
        name = f"w{slot}" if self._rng.random() < 0.5 else ""
        cold = self._rng.random() < self._course.cold
        self._running[slot] = self._place.start(
            name, hatchery=None if cold else self._hatchery, FLUVIAL_LEAVE_AT_STOP="true"
        )
        self.changes["join"] += 1

    def _stop(self) -> None:
        worker = self._running.pop(self._awake())
        end = worker.stop()
        if end.code:
            self.troubles.append(f"a worker that was told to stop ended with {end.code}")
        self.changes["leave"] += 1

    def _kill(self) -> None:
        self._running.pop(self._awake()).kill()
        self.changes["kill -9"] += 1

    def _freeze(self) -> None:
        """SIGSTOP for longer than the session, then SIGCONT: it goes, and comes again as a zombie."""
        slot = self._awake()
        self._running[slot].freeze()

        def thaw() -> None:
            self._running[slot].thaw()
            del self._frozen[slot]

        timer = threading.Timer(SESSION + self._rng.uniform(2, 5), thaw)
        self._frozen[slot] = timer
        timer.start()
        self.changes["SIGSTOP and SIGCONT"] += 1

    def _awake(self) -> int:
        """Somebody who runs and is not frozen; waits for the thaw where all others are gone."""
        for timer in list(self._frozen.values()):
            if len(self._running) - len(self._frozen) < 1:
                timer.join()
        awake = [slot for slot in self._running if slot not in self._frozen]
        owners = [slot for slot in awake if self._place.owns(self._running[slot])]
        slot = self._rng.choice(owners if owners and self._rng.random() < 0.5 else awake)
        if not self._running[slot].alive():
            raise RuntimeError(f"a worker has ended:\n{self._running[slot].said()[-3000:]}")
        return slot


def _drain(place: Stage, events: int) -> None:
    world = place.world()
    with closing(world.log):
        shards = range(world.pipeline.shards)

        def learned() -> int:
            statuses = [world.status(shard) for shard in shards if place.journaled(shard)[0]]
            return sum(status["events"] + status["labels"] for status in statuses)

        while (seen := learned()) != 2 * events:  # a busy machine may take long, but not stand still
            more = f"more than {seen} records are learned"
            wait_until(lambda seen=seen: learned() > seen, more, 120, every_s=0.5)  # type: ignore[misc]


# ---- what is left


def _judge(world: World, learn: str, events: int, troupe: Troupe) -> Rebalances:
    statuses = [world.status(shard) for shard in range(world.pipeline.shards)]
    said, published = _predictions(world)
    learned = sum(status["outcomes"]["learned"] for status in statuses)
    with world.store.read() as db:
        writes = sa.select(sa.func.count()).where(refusal_table.c.kind == "write")
        refused = db.execute(writes).scalar_one()
    return Rebalances(
        learn,
        dict(troupe.changes),
        events,
        lost=max(0, events - learned) + max(0, events - len(said)),
        twice=max(0, sum(status["labels"] for status in statuses) - events) + max(0, learned - events),
        contradictory=sum(len(variants) > 1 for variants in said.values()),
        republished=published - sum(len(variants) for variants in said.values()),
        refused=refused,
        troubles=(*troupe.troubles, *_troubles(world, said)),
    )


def _predictions(world: World) -> tuple[dict[str, set[bytes]], int]:
    """Hashes of what was predicted for each event, and how many predictions there are."""
    said: dict[str, set[bytes]] = {}
    published = 0
    topic = world.pipeline.topic("predictions")
    partitions = [TopicPartition(topic, index) for index in range(PARTITIONS)]
    for tp, span in world.log.spans(partitions).items():
        for start in range(span.begin, span.end, STEP):
            for record in world.log.fetch(tp, start, min(span.end, start + STEP)):
                value = record.value or b""
                said.setdefault(json.loads(value)["id"], set()).add(_hash(value))
                published += 1
    return said, published


def _troubles(world: World, said: Mapping[str, set[bytes]]) -> Iterator[str]:
    for shard in range(world.pipeline.shards):
        yield from _out_of_order(world, shard)
        yield from _unlike_its_replay(world, shard, said)
    if (difference := world.verify(0).difference) is not None:  # what people would ask
        yield f"shard 0: {difference}"


def _unlike_its_replay(world: World, shard: int, said: Mapping[str, set[bytes]]) -> Iterator[str]:
    """Replay a shard from nothing: every prediction has to be the published one, and the digest the same."""
    history = History(world.place(key=None), shard)
    past = history.start()
    for row, outputs in history.walk(past):
        for output in outputs:
            if isinstance(output, Published) and output.role == "predictions":
                name = json.loads(output.value)["id"]
                if _hash(output.value) not in said.get(name, ()):
                    yield f"shard {shard}: batch {row.number} gives another prediction of {name} when replayed"
    if past.shard.state.digest.hex() != world.status(shard)["digest"]:
        yield f"shard {shard}: its replay gives another digest"


def _hash(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=12).digest()


def _out_of_order(world: World, shard: int) -> Iterator[str]:
    """Where the journal does not go through a partition record by record from its first to its last."""
    column = journal_table.c
    query = sa.select(column.batch, column.ranges).where(
        column.pipeline == world.pipeline.pipeline, column.shard == shard
    )
    reached: dict[str, int] = {}
    counted: Counter[str] = Counter()
    with world.store.read() as db:
        for number, (batch, ranges) in enumerate(db.execute(query.order_by(column.batch)), start=1):
            if batch != number:
                yield f"shard {shard}: batch {batch} stands where {number} should"
            for name, (start, end, count, _crc) in ranges.items():
                if start != reached.get(name, 0):
                    yield f"{name}: batch {batch} begins at {start}, not at {reached.get(name, 0)}"
                reached[name] = end
                counted[name] += count
    for tp, span in world.log.spans(partitions_of(world.pipeline, shard)).items():
        if (reached.get(str(tp), 0), counted[str(tp)]) != (span.end, span.end):
            yield f"{tp}: {counted[str(tp)]} records up to {reached.get(str(tp))} are in the journal, of {span.end}"
