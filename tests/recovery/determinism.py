"""One journal, replayed in fresh processes that differ in all that must not matter: one digest per shard.

What differs from replay to replay: the hash seed, how many records are fetched at a time, into which
batches the journal is cut, the order of keys and the spaces in every JSON record (the log is built
anew and the journal's CRCs with it), and whether one process replays all shards or each has its own.

``python -m tests.recovery.determinism --times 20 --seed 7`` prints what came of it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from consumers.aligned import merge
from consumers.embedded import EmbeddedLog
from consumers.record import Record, TopicPartition
from fluvial.config import Pipeline, parse
from fluvial.decision import Decision
from fluvial.history import History
from fluvial.journal import Batch, Entry, Journal
from fluvial.place import place_of, ranks_of
from fluvial.replay import by_partition, range_of
from fluvial.store import Store, decision_table
from tests.fluvial.world import START, embedded_world

SHARDS = 4
EVENTS = 1_000
FILE = f"""
pipeline: faces
question: Does the coin show heads?
owner: tests
task: binary
model: >-
  (Numbers() | preprocessing.StandardScaler()) + OneHot() + Interact("mint", "face")
  | ensemble.BaggingClassifier(linear_model.LogisticRegression(), n_models=3)
id: id
fields:
  id: {{type: text, use: context}}
  mint: {{type: category}}
  face: {{type: category, missing: omit}}
  weight: {{type: number}}
  wear: {{type: number, missing: {{fill: 0}}}}
label: {{type: boolean, horizon: 100s, default: false}}
recent:
  seen: {{of: label, stat: mean, by: mint, last: 20, default: 0.5}}
slices: [mint, face]
monitor: {{warmup: 20, settle: 20, block: 2, budget: 50000, seasons: []}}
learn: per-partition
partitions: {SHARDS}
batch: 64
snapshot_every: 100000
"""
GARBAGE = (b"{", b"[]", b'{"id": ""}', b'{"id": "x", "weight": "much"}', None)


class Manner(NamedTuple):
    """How one replay is done: the most records of a batch (0: as journaled), and the rest of what varies."""

    hash_seed: int
    chunk: int
    batch: int
    shuffled: bool
    processes: int


class Determinism(NamedTuple):
    """What the replays gave: every digest of each shard, the live worker's first, and how each was made."""

    digests: dict[int, list[str]]
    manners: tuple[Manner, ...]

    @property
    def ok(self) -> bool:
        """Whether every shard has one digest, and no two shards the same."""
        one_each = all(len(set(found)) == 1 for found in self.digests.values())
        return one_each and len({found[0] for found in self.digests.values()}) == len(self.digests)

    @property
    def figure(self) -> str:
        """The result in a line."""
        counts = [len(set(found)) for found in self.digests.values()]
        wrong = [
            f"; shard {shard} differs under {self.manners[i - 1]}"
            for shard, found in self.digests.items()
            for i in range(1, len(found))
            if found[i] != found[0]
        ]
        said = f"{len(self.manners)} replays of {len(counts)} shards: {sum(counts)} digests"
        return said + "".join(wrong[:3])


def replay_often(n: int, folder: Path, seed: int) -> Determinism:
    """Let a worker learn a stream in ``folder`` and replay its journal ``n`` times, each time otherwise."""
    rng = random.Random(seed)
    digests = {shard: [digest] for shard, digest in _live(folder, rng).items()}
    manners = tuple(_manner(rng, number) for number in range(n))
    for number, manner in enumerate(manners):
        there = folder / f"replay-{number}"
        there.mkdir()
        rebuilt(folder, there, manner, random.Random(rng.random()))
        for shard, digest in _replayed(there, manner).items():
            digests[shard].append(digest)
    return Determinism(digests, manners)


def stream(rng: random.Random, first: int, n: int) -> Iterator[tuple[str, str, bytes | None, int]]:
    """Events that turn round, labels that come late, early, twice, corrected and never, and garbage."""
    events, due = [], list[tuple[int, str, bool]]()
    for i in range(first, first + n):
        weight, face = rng.gauss(0, 1), rng.choice(["worn", "fair", "fresh"])
        truth = (weight + (face == "worn") > 0.3) != (i > 0.4 * EVENTS)
        event = {
            "id": f"coin-{i}",
            "mint": rng.choice("ABCDEF"),
            "face": face,
            "weight": weight,
            "wear": rng.random(),
        }
        events.append(
            {key: held for key, held in event.items() if key not in ("face", "wear") or rng.random() < 0.9}
        )
        came = i + rng.choice([-2, 0, 5, 60, 130])
        due += [
            (came + 5 * again, f"coin-{i}", truth != (again == 2))
            for again in range(rng.choice([0, 1, 1, 1, 1, 1, 2, 3]))
        ]
    for i, event in enumerate(events, start=first):
        for moment, name, truth in [one for one in due if one[0] <= i]:
            due.remove((moment, name, truth))
            yield "labels", name, json.dumps({"id": name, "label": truth}).encode(), i
        for _ in range(1 + (rng.random() < 0.05)):
            yield "events", str(event["id"]), json.dumps(event).encode(), i
        if rng.random() < 0.03:
            yield rng.choice(["events", "labels"]), str(event["id"]), rng.choice(GARBAGE), i


def _live(folder: Path, rng: random.Random) -> dict[int, str]:
    """What a worker learns, with decisions on the way: digest by shard."""
    world = embedded_world(folder, parse(FILE))
    with closing(world.log), closing(world.store):
        for first, decided in (
            (0, "pause"),
            (EVENTS // 4, "resume"),
            (EVENTS // 2, "rollback"),
            (EVENTS * 3 // 4, "reset"),
        ):
            for kind, name, value, second in stream(rng, first, EVENTS // 4):
                at = START + second * 1000
                world.log.append(f"faces.{kind}", value, key=name.encode(), timestamp=at)
            world.log.flush()
            world.run()
            rows = [
                {"pipeline": "faces", "shard": shard, "action": decided, "review": "r", "args": {"batch": 2}}
                for shard in range(SHARDS)
            ]
            with world.store.write() as db:
                db.execute(sa.insert(decision_table).values(rows))
        world.run()
        return {shard: world.status(shard)["digest"] for shard in range(SHARDS)}


def _manner(rng: random.Random, number: int) -> Manner:
    """A draw; what is drawn alternately is sure to come in a few draws too."""
    seed = rng.randrange(2**32)
    chunk, batch = rng.choice([0, 50, 1_000, 20_000]), rng.choice([1, 7, 30]) if number % 2 else 0
    return Manner(seed, chunk, batch, shuffled=number % 4 > 1, processes=SHARDS if number % 3 else 1)


# ---- the same journal in another shape


def rebuilt(source: Path, target: Path, manner: Manner, rng: random.Random) -> None:
    """Build log and journal of ``source`` anew in ``target``: the same records, cut and spelled otherwise."""
    pipeline = parse(FILE)
    with ExitStack() as stack:
        old, new = (
            stack.enter_context(closing(EmbeddedLog(folder / "log.db"))) for folder in (source, target)
        )
        here, there = (
            stack.enter_context(closing(Store(f"sqlite:///{folder / 'store.db'}")))
            for folder in (source, target)
        )
        for topic in pipeline.input_topics:
            new.create(topic, SHARDS)
            for partition in range(SHARDS):
                tp = TopicPartition(topic, partition)
                span = old.spans([tp])[tp]
                for record in old.fetch(tp, span.begin, span.end):
                    value = _spelled(record.value, rng) if manner.shuffled else record.value
                    new.append(topic, value, key=record.key, timestamp=record.timestamp, partition=partition)
        new.flush()
        for shard in range(SHARDS):
            _journal_anew(new, Journal(here, "faces"), Journal(there, "faces"), shard, manner.batch, pipeline)


def _spelled(value: bytes | None, rng: random.Random) -> bytes | None:
    """A JSON object with its keys in another order and other spaces; anything else as it is."""
    try:
        held = json.loads(value or b"")
    except ValueError:
        return value
    if not isinstance(held, dict):
        return value
    keys = rng.sample(sorted(held), len(held))
    return json.dumps({key: held[key] for key in keys}, indent=rng.choice([None, 1])).encode()


def _journal_anew(
    log: EmbeddedLog, old: Journal, new: Journal, shard: int, most: int, pipeline: Pipeline
) -> None:
    """Write a shard's journal once more, each row cut into rows of at most ``most`` records (0: uncut)."""
    epoch = new.acquire(shard, "anew").epoch
    renumbered = {0: 0}
    number = 0
    for row in old.batches(shard, 0):
        records = {tp: log.fetch(tp, done.start, done.end) for tp, done in row.ranges.items()}
        merged = merge(records, ranks_of(pipeline))
        starts = {tp: done.start for tp, done in row.ranges.items()}
        decisions = [_renumbered(decision, renumbered) for decision in row.decisions]
        for part in _cut(merged, most):
            number += 1
            ranges = {tp: range_of(found, starts[tp]) for tp, found in by_partition(part).items()}
            starts |= {tp: done.end for tp, done in ranges.items()}
            batch = Batch(number, ranges, decisions, number - 1, row.definition)
            assert new.append([Entry(shard, epoch, batch)]) == []
            decisions = []
        renumbered[row.number] = number


def _cut(records: list[Record], most: int) -> Iterator[list[Record]]:
    step = most or max(len(records), 1)
    yield from (records[at : at + step] for at in range(0, max(len(records), 1), step))


def _renumbered(decision: Decision, numbers: dict[int, int]) -> Decision:
    if decision.action != "rollback":
        return decision
    return decision._replace(args={**decision.args, "batch": numbers[int(decision.args["batch"])]})


# ---- the replay


def _replayed(folder: Path, manner: Manner) -> dict[int, str]:
    """Replay in fresh processes; digest by shard."""
    each = SHARDS // manner.processes
    parts = [range(first, first + each) for first in range(0, SHARDS, each)]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.recovery.determinism", "replay", str(folder), str(manner.chunk), *map(str, part)],
            env=os.environ | {"PYTHONHASHSEED": str(manner.hash_seed)}, stdout=subprocess.PIPE, text=True,
        )
        for part in parts
    ]  # fmt: skip
    said = [process.communicate()[0] for process in started]
    if failed := [process.returncode for process in started if process.returncode]:
        raise RuntimeError(f"{len(failed)} of {len(started)} replays of {folder} ended with {failed[0]}")
    return {int(shard): digest for one in said for shard, digest in json.loads(one).items()}


def replay_here(folder: Path, chunk: int, shards: Sequence[int]) -> dict[int, str]:
    """Replay shards from nothing in this process; digest by shard."""
    digests = {}
    with (
        closing(EmbeddedLog(folder / "log.db")) as log,
        closing(Store(f"sqlite:///{folder / 'store.db'}")) as store,
    ):
        for shard in shards:
            history = History(place_of(parse(FILE), log, store, None), shard)
            past = history.beginning()
            for _ in history.walk(past, chunk=chunk):
                pass
            digests[shard] = past.shard.state.digest.hex()
    return digests


def main() -> int:
    """Replay often, or, as one of those replays, once."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    if sys.argv[1:2] == ["replay"]:
        folder, chunk, *shards = sys.argv[2:]
        print(json.dumps(replay_here(Path(folder), int(chunk), [int(shard) for shard in shards])))
        return 0
    parser = argparse.ArgumentParser(prog="python -m tests.recovery.determinism", description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = replay_often(asked.times, Path(folder), asked.seed)
    print(found.figure)
    return int(not found.ok)


if __name__ == "__main__":
    sys.exit(main())
