"""A small world for tests of the loop: a pipeline, a log, a store, and a worker on them."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from consumers.embedded import EmbeddedLog
from consumers.log import Log
from consumers.record import Record, TopicPartition
from fluvial import reviews
from fluvial.config import Pipeline, parse
from fluvial.journal import Journal
from fluvial.place import Place, place_of
from fluvial.reporter import Reporter
from fluvial.runner import Runner
from fluvial.shelf import Shelf
from fluvial.store import Store, shard_table, snapshot_table
from fluvial.timing import SYSTEM, Timing
from fluvial.verify import Verdict, verify
from fluvial.wiring import create_topics, facts
from monitors.metrics import Metrics

KEY = b"k" * 32

COINS = """
pipeline: coins
question: Does the coin show heads?
owner: tests
task: binary
model: Select("weight", "wear") | preprocessing.StandardScaler() | linear_model.LogisticRegression()
id: id
fields:
  id: {type: text, use: context}
  mint: {type: category, use: context}
  weight: {type: number}
  wear: {type: number}
label: {type: boolean, horizon: 1h}
recent:
  mint_rate: {of: label, stat: mean, by: mint, last: 20, default: 0.5}
monitor: {warmup: 500, settle: 500, block: 10, seasons: []}
batch: 100
linger: 0.005
snapshot_every: 1000
"""

START = 1_700_000_000_000


def coins(**changes: object) -> Pipeline:
    """The pipeline of the tests, with keys of its file replaced."""
    text = COINS
    for key in changes:
        text = "\n".join(line for line in text.splitlines() if not line.startswith(f"{key}:"))
    return parse(text + "\n" + "\n".join(f"{key}: {json.dumps(value)}" for key, value in changes.items()))


def tosses(
    n: int, *, seed: int = 1, flip_after: int | None = None, first: int = 0
) -> Iterator[tuple[str, str, bytes, int]]:
    """Events and, ten later, their labels: (stream, id, value, timestamp in ms).

    From ``flip_after`` on the truth is turned round: a drift that a monitor must find.
    """
    rng = random.Random(seed)
    due: list[tuple[str, bytes]] = []
    for i in range(first, first + n):
        weight, wear = rng.gauss(0, 1), rng.gauss(0, 1)
        truth = weight + 0.3 * rng.gauss(0, 1) > 0
        if flip_after is not None and i >= flip_after:
            truth = not truth
        at, name = START + i * 1000, f"coin-{i}"
        event = {"id": name, "mint": "AB"[i % 2], "weight": weight, "wear": wear}
        yield "events", name, json.dumps(event).encode(), at
        due.append((name, json.dumps({"id": name, "label": truth}).encode()))
        if len(due) > 10:
            late, value = due.pop(0)
            yield "labels", late, value, at
    for name, value in due:
        yield "labels", name, value, START + (first + n) * 1000


class Sole:
    """A membership of one: every shard is ours."""

    trouble = ""

    def __init__(self, shards: int) -> None:
        self.shards: frozenset[int] = frozenset(range(shards))

    def assigned(self) -> frozenset[int]:
        return self.shards

    def holder(self, shard: int) -> str | None:
        return None

    def tick(self, positions: Any) -> None:
        pass

    def close(self) -> None:
        pass


class World:
    """One pipeline on one log and one store; workers come and go."""

    def __init__(self, pipeline: Pipeline, log: Log, store: Store) -> None:
        self.pipeline, self.log, self.store = pipeline, log, store
        self.journal, self.shelf = Journal(store, pipeline.pipeline), Shelf(store, pipeline.pipeline)
        self.registry = CollectorRegistry()
        create_topics(pipeline, log)
        reviews.register(store, pipeline.pipeline, pipeline.shards, facts(pipeline))

    def feed(self, records: Iterator[tuple[str, str, bytes, int]]) -> None:
        """Put records into the topics, all in one flush."""
        for stream, key, value, at in records:
            self.log.append(self.pipeline.topic(stream), value, key=key.encode(), timestamp=at)
        self.log.flush()

    def worker(
        self, *, drained: Callable[[Runner], bool] | None = None, timing: Timing = SYSTEM, **changes: Any
    ) -> Runner:
        """A worker; by default it ends when nothing is left to read."""
        pipeline = self.pipeline.model_copy(update=changes)
        self.registry = CollectorRegistry()  # that of the newest worker
        reporter = Reporter(pipeline.pipeline, Metrics(self.registry), self.store, every=0.05)
        done = drained or self.at_end
        runner = Runner(
            pipeline, self.log, self.store, Sole(pipeline.shards), reporter,
            worker="tester", key=KEY, drained=lambda: done(runner), timing=timing,
        )  # fmt: skip
        return runner

    def run(self, **changes: Any) -> Runner:
        """Run a worker until everything is learned and every decision taken up."""
        runner = self.worker(**changes)
        runner.run()
        return runner

    def at_end(self, runner: Runner) -> bool:
        """Whether the worker owns all shards, has read everything and no decision waits."""
        if len(runner.owned) < self.pipeline.shards:
            return False
        behind = any(
            span.end > owned.positions[tp]
            for owned in runner.owned.values()
            for tp, span in self.log.spans(owned.partitions).items()
        )
        return not behind and not any(self.journal.pending(shard) for shard in runner.owned)

    def status(self, shard: int = 0) -> dict[str, Any]:
        """What the worker last told the desk."""
        with self.store.read() as db:
            query = sa.select(shard_table.c.status).where(shard_table.c.shard == shard)
            return dict(db.execute(query).scalar_one())

    def owner(self, shard: int = 0) -> Any:
        """The shard's row in the store: epoch, owner, last_batch, topic_ids, halted."""
        with self.store.read() as db:
            return db.execute(sa.select(shard_table).where(shard_table.c.shard == shard)).one()

    def spoil(self, shard: int = 0, *, keep: Sequence[int] = ()) -> None:
        """Make the snapshots of a shard unusable, but for those of some batches: their last byte is lost."""
        column = snapshot_table.c
        with self.store.write() as db:
            rows = db.execute(sa.select(snapshot_table).where(column.shard == shard)).all()
            for row in rows:
                if row.batch not in keep:
                    this = sa.update(snapshot_table).where(column.shard == shard, column.batch == row.batch)
                    db.execute(this.values(body=row.body[:-1]))

    def trim(self, role: str, before: int, partition: int = 0) -> None:
        """Let retention take the records of an input topic before an offset."""
        self.log.trim(TopicPartition(self.pipeline.topic(role), partition), before)  # type: ignore[attr-defined]

    def delete(self, role: str) -> None:
        """Delete a topic; whoever wrote to it in this process forgets it too."""
        self.log.delete(self.pipeline.topic(role))  # type: ignore[attr-defined]
        self.log._topics.clear()  # type: ignore[attr-defined]

    def halted(self, shard: int = 0) -> str | None:
        """Why a shard stands still, if it does."""
        with self.store.read() as db:
            query = sa.select(shard_table.c.halted).where(shard_table.c.shard == shard)
            return db.execute(query).scalar_one()

    def verify(self, shard: int = 0) -> Verdict:
        """Replay the journal from nothing and compare."""
        return verify(self.place(), shard)

    def place(self, key: bytes | None = KEY, worker: str = "tester") -> Place:
        """Where a shard is worked on in this world."""
        return place_of(self.pipeline, self.log, self.store, key, worker=worker)

    def records(self, role: str) -> list[Record]:
        """Everything in one of the pipeline's topics, partition after partition."""
        topic = self.pipeline.topic(role)
        info = self.log.describe([topic])[topic]
        spans = self.log.spans([TopicPartition(topic, index) for index in range(info.partitions)])
        return [record for tp, span in spans.items() for record in self.log.fetch(tp, span.begin, span.end)]

    def decide(self, action: Any, who: str = "ann", **subject: Any) -> reviews.Review:
        """Take a review on the pipeline, or on an incident."""
        if "incident" not in subject:
            subject = {"pipeline": self.pipeline.pipeline} | subject
        return reviews.review(self.store, reviews.Request(action=action, who=who, **subject), "cli")


def embedded_world(folder: Path, pipeline: Pipeline, store_url: str | None = None) -> World:
    """A world on the embedded log in ``folder``, with a SQLite store unless told otherwise."""
    return World(
        pipeline,
        EmbeddedLog(folder / "log.db"),
        Store(store_url or f"sqlite:///{folder / 'store.db'}", key=lambda: KEY),
    )
