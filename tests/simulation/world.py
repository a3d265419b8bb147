"""World: one history: its log, its store, its workers, and everything that happens to them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import sqlalchemy as sa

from consumers.record import TopicPartition
from fluvial import reviews
from fluvial.journal import Journal
from fluvial.place import Place, place_of
from fluvial.reporter import Reporter
from fluvial.runner import Runner
from fluvial.saver import DirectSaver
from fluvial.shelf import Shelf
from fluvial.store import Store, cursor_table, shard_table
from fluvial.wiring import create_topics
from tests.simulation import shape as shapes
from tests.simulation.clock import SimTiming
from tests.simulation.damage import Damage
from tests.simulation.faults import Crash, Faults
from tests.simulation.group import Group, SimMembership
from tests.simulation.memory import Broker, MemoryLog
from tests.simulation.people import People
from tests.simulation.saver import LateSaver
from tests.simulation.store import FaultyStore, clear, rows
from tests.simulation.stream import stream
from tests.simulation.watch import Watch

KEY = b"k" * 32

DEEPEST = 2
"""So many workers can stand still inside a call while the next one goes on."""


class Silent:
    """Metrics that nobody reads."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


class Worker:
    """A worker of the history; ``busy`` while it is inside a tick."""

    def __init__(self, name: str, runner: Runner) -> None:
        self.name, self.runner, self.busy = name, runner, False


class World:
    """Everything of one history. ``note`` is told what happens, in one line each time."""

    def __init__(self, seed: int, store: Store, note: Callable[[str], None] = lambda said: None) -> None:
        self.seed, self.store, self.note = seed, store, note
        self.shape = shapes.draw(seed)
        self.rng = random.Random(f"world {seed}")
        self.pipeline = self.shape.pipeline
        self.timing = SimTiming(self.shape.look)
        self.faults = Faults(seed, self.shape.appetite, self.stalled)
        self.faults.note = self.happens
        self.broker, self.group = Broker(), Group(self.pipeline.shards, self.rng, self.shape.prompt)
        self.journal, self.shelf = (
            Journal(store, self.pipeline.pipeline),
            Shelf(store, self.pipeline.pipeline),
        )
        self.counts: Counter[str] = Counter()
        self.workers: list[Worker] = []
        self.turning: list[Worker] = []
        self.ghosts: list[str] = []
        self.depth = self.born = self.acts = 0
        clear(store)
        create_topics(self.pipeline, MemoryLog(self.broker))
        reviews.register(store, self.pipeline.pipeline, self.pipeline.shards, {})
        self.watch, self.damage, self.people = Watch(self), Damage(self), People(self)
        self.key, self.reviews = KEY, TopicPartition(self.pipeline.topic("reviews"), 0)
        self.coming = stream(self.rng, self.shape)[::-1]

    def happens(self, said: str) -> None:
        """Tell the trace, indented by how deep the history is inside of calls."""
        self.note("  " * self.depth + said)

    def count(self, what: str) -> None:
        """One more of what the draw's figures tell."""
        self.counts[what] += 1

    def place(self) -> Place:
        """Where the shards are worked on, without any faults."""
        return place_of(self.pipeline, MemoryLog(self.broker), self.store, KEY, timing=self.timing)

    # ---- workers

    def start(self) -> Worker:
        """A worker comes, with habits of its own."""
        self.born += 1
        name, habits = f"w{self.born}", shapes.habits(self.rng)
        self.happens(f"{name} starts with {habits}")
        pipeline = self.pipeline.model_copy(update=habits)
        store = FaultyStore(self.store, self.faults)
        log = MemoryLog(self.broker, self.faults, self.timing)
        reporter = Reporter(
            pipeline.pipeline, Silent(), store, every=self.shape.report_every, timing=self.timing  # type: ignore[arg-type]
        )  # fmt: skip
        late = lambda shelf, key: LateSaver(shelf, key, self.rng, self.faults)  # noqa: E731
        runner = Runner(
            pipeline, log, store, SimMembership(self.group, name), reporter,  # type: ignore[arg-type]
            worker=name, key=KEY, timing=self.timing, saver=late if self.shape.late_saver else DirectSaver,
        )  # fmt: skip
        worker = Worker(name, runner)
        self.workers.append(worker)
        return worker

    def tick(self, worker: Worker, turn: Callable[[Runner], None] = Runner._tick_safely) -> None:
        """One turn of a worker's loop, in which it may crash or stand still while others go on."""
        inside, self.faults.inside = self.faults.inside, True
        worker.busy = True
        acts = self.acts
        self.turning.append(worker)
        self.count("turns of a worker")
        try:
            turn(worker.runner)
        except Crash:
            self.bury(worker)
        finally:
            self.faults.inside, worker.busy = inside, False
            self.turning.pop()
        self.watch.after_tick(worker, fair=acts == self.acts)

    def stop(self, worker: Worker) -> None:
        """A worker is told to stop and ends cleanly, if nothing comes between."""
        self.count("a worker is told to stop")
        self.happens(f"{worker.name} is told to stop")
        worker.runner.should_exit = True
        self.tick(worker, Runner.run)
        if worker in self.workers:
            self.workers.remove(worker)

    def bury(self, worker: Worker) -> None:
        """A worker is gone at once; the group does not know yet."""
        self.count("a worker dies")
        self.happens(f"{worker.name} is dead")
        self.workers.remove(worker)
        self.ghosts.append(worker.name)

    def stalled(self) -> None:
        """The world goes on while a worker stands still inside of a call."""
        if self.depth >= DEEPEST:
            return
        inside, self.faults.inside = self.faults.inside, False
        name = self.turning[-1].name
        self.depth += 1
        self.timing.sleep(self.rng.choice((0.0, 1.5, 70.0)))
        if self.rng.random() < 0.5:
            self.start()
            self.group.oust(name)
        for _ in range(self.rng.choice((1, 4, 15))):
            self.act()
        self.group.back(name)
        self.depth -= 1
        self.faults.inside = inside

    # ---- what happens

    def live(self) -> None:
        """The troubled part of the history."""
        for _ in range(self.rng.randint(1, self.shape.workers)):
            self.start()
        for _ in range(self.shape.actions):
            self.act()

    def act(self) -> None:
        """One thing happens."""
        self.acts += 1
        if self.ghosts and self.rng.random() < 0.2:
            self.group.leave(self.ghosts.pop())
        self._action()()

    def _action(self) -> Callable[[], None]:
        chance = self.rng.random()
        if chance < self.shape.damage:
            return self.damage.strike
        actions = (
            (0.25, self.produce),
            (0.05, self.people.decide),
            (0.03, self.people.mend),
            (0.03, self._wait),
            (0.03, self._change_workers),
            (0.03, self.group.shuffle),
            (0.01, self.damage.spoil_snapshot),
        )
        chance = self.rng.random()
        for share, action in actions:
            chance -= share
            if chance < 0:
                return action
        return self._some_tick

    def _some_tick(self) -> None:
        idle = [worker for worker in self.workers if not worker.busy]
        if not idle:
            self.start()
            return
        # Who only stands by has its turn more seldom: little happens to it.
        weights = [8 if self.group.view.get(worker.name) else 1 for worker in idle]
        (worker,) = self.rng.choices(idle, weights)
        for _ in range(self.rng.choice((1, 2, 4))):
            before = self.counts["a row is written"]
            if worker in self.workers and not worker.busy:
                self.tick(worker)
            if before == self.counts["a row is written"]:
                break

    def _wait(self) -> None:
        seconds = self.rng.choice((0.2, 1.1, 5.0, 70.0))
        self.happens(f"{seconds} s pass")
        self.timing.sleep(seconds)
        if self.rng.random() < 0.2:
            self.timing.jump(self.rng.uniform(-1e6, 1e6))

    def _change_workers(self) -> None:
        idle = [worker for worker in self.workers if not worker.busy]
        if not idle or (len(self.workers) < self.shape.workers and self.rng.random() < 0.6):
            self.start()
        elif self.rng.random() < 0.5:
            self.stop(self.rng.choice(idle))
        else:
            self.bury(self.rng.choice(idle))

    def produce(self) -> None:
        """A helping of records comes, unless a topic is away or was cut and nobody has noticed."""
        for _ in range(self.rng.choice((1, 3, 8))):
            if self.coming and not self.damage.in_the_way():
                self.broker.put([self.coming.pop()])

    # ---- the end

    def finish(self) -> bool:
        """Heal everything and let one worker finish; whether it did within a bounded number of turns."""
        self.happens("everything heals")
        self.faults.heal()
        self.group.prompt = 1.0
        worker = self._last_worker()
        limit = 150 + 3 * len(self.coming) + 3 * self.shape.records
        rest = 0.5
        for _ in range(limit):
            before = self._reached(worker)
            self.produce()
            self.tick(worker)
            if self._done(worker):
                return True
            if self._reached(worker) != before:
                rest = 0.5
            else:
                self.timing.sleep(rest)
                rest = min(1.5 * rest, 100.0)
                self.damage.mend()
                self.people.mend(surely=True)
        return False

    def _reached(self, worker: Worker) -> int:
        return sum(owned.shard.state.batch for owned in worker.runner.owned.values())

    def _last_worker(self) -> Worker:
        survivor = self.rng.choice(self.workers) if self.workers and self.rng.random() < 0.6 else None
        for worker in [worker for worker in self.workers if worker is not survivor]:
            (self.stop if self.rng.random() < 0.5 else self.bury)(worker)
        for ghost in self.ghosts:
            self.group.leave(ghost)
        return survivor or self.start()

    def _done(self, worker: Worker) -> bool:
        owned = worker.runner.owned
        if self.coming or len(owned) < self.pipeline.shards or worker.runner.trouble():
            return False
        ends = {tp: self.broker.partition(tp).end for one in owned.values() for tp in one.partitions}
        behind = any(one.positions[tp] != ends[tp] for one in owned.values() for tp in one.partitions)
        # One that lost its shards while it stood still learns of it when it next writes something.
        stale = any(not self.journal.holds(shard, one.epoch) for shard, one in owned.items())
        return (
            not behind
            and not stale
            and not any(self.journal.pending(shard) for shard in owned)
            and self._reviews_taken()
        )

    def _reviews_taken(self) -> bool:
        column = cursor_table.c
        query = sa.select(column.offset).where(column.topic == self.reviews.topic)
        return not self.people.written or rows(self.store, query) == [
            (self.broker.partition(self.reviews).end,)
        ]

    # ---- what others ask

    def topic_ids(self, shard: int) -> dict[str, str]:
        """The ids of the topics that a shard has learned from."""
        column = shard_table.c
        found = rows(self.store, sa.select(column.topic_ids).where(column.shard == shard))
        return dict(found[0].topic_ids) if found else {}

    def trouble(self) -> str:
        """What the last worker says of itself, and what has not been done."""
        said = [f"{w.name}: {w.runner.trouble()}, owns {sorted(w.runner.owned)}" for w in self.workers]
        left = {str(tp): (self.watch.position(tp), self.broker.partition(tp).end) for tp in self.partitions()}
        return f"{said}, {len(self.coming)} records to come, read and end {left}"

    def every(self, worker: Worker) -> int:
        """After how many records a worker makes a snapshot."""
        return worker.runner._pipeline.snapshot_every

    def said(self, role: str) -> frozenset[bytes]:
        """What was published to the topic of that role; what was said twice counts once."""
        parts = self.broker.topics[self.pipeline.topic(role)].partitions
        return frozenset(record.value or b"" for part in parts for record in part.records)

    def first_said(self, role: str) -> dict[bytes, tuple[int, int]]:
        """In which partition and at which offset each value was published first."""
        found: dict[bytes, tuple[int, int]] = {}
        for part in self.broker.topics[self.pipeline.topic(role)].partitions:
            for record in part.records:
                found.setdefault(record.value or b"", (record.partition, record.offset))
        return found

    def partitions(self) -> list[TopicPartition]:
        """All partitions of the input topics."""
        return [
            TopicPartition(t, i) for t in self.pipeline.input_topics for i in range(self.pipeline.partitions)
        ]
