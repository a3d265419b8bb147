"""Kills a worker again and again: ``python -m tests.fluvial.crash FOLDER KILLS SEED`` prints JSON.

A process of its own without threads, so that workers can be forked with everything imported: the
kills then fall on the work and not on the start of Python. The records come a few hundred at a
time, one helping before each life.
"""

import json
import os
import random
import signal
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

from fluvial.config import load
from fluvial.producing import from_file
from tests.fluvial.world import World, embedded_world

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights"
HELPING = 600


def open_world(folder: Path) -> World:
    """The flights pipeline with batches and snapshots small enough to be hit in every phase."""
    pipeline = load(EXAMPLE / "pipeline.yaml")
    small = {"batch": 150, "snapshot_every": 700, "linger": 0.002}
    return embedded_world(folder, pipeline.model_copy(update=small))


def live(folder: Path) -> None:
    """One life of a worker, until it has read everything."""
    open_world(folder).run(batch=random.choice((50, 150, 400)))


def kill_often(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Feed, fork, kill; then let a last worker finish and compare everything."""
    rng = random.Random(seed)
    records = from_file(EXAMPLE / "producer.py", kills * HELPING // 2)
    inside = 0
    for _ in range(kills):
        world = open_world(folder)
        world.feed((r.stream, r.key.decode(), r.value, r.timestamp) for r in islice(records, HELPING))
        close(world)
        inside += killed_in_mid_life(folder, rng.uniform(0.0, 0.25))
    world = open_world(folder)
    world.feed((r.stream, r.key.decode(), r.value, r.timestamp) for r in records)
    close(world)
    live(folder)
    return judge(open_world(folder), inside)


def killed_in_mid_life(folder: Path, after: float) -> bool:
    """Run a worker and kill it after its first ``after`` seconds; whether it was still at work."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            live(folder)
        finally:
            os._exit(0)
    time.sleep(after)  # not to wait for something: the moment of the kill is the experiment
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1] == signal.SIGKILL


def judge(world: World, inside: int) -> dict[str, Any]:
    """What the survivors say."""
    status, verdict = world.status(), world.verify()
    predictions = [json.loads(record.value or b"") for record in world.records("predictions")]
    said: dict[str, set[str]] = {}
    for prediction in predictions:
        said.setdefault(prediction["id"], set()).add(json.dumps(prediction, sort_keys=True))
    return {
        "kills_at_work": inside,
        "events": status["events"],
        "labels": status["labels"],
        "learned": status["outcomes"]["learned"],
        "used": status["fates"]["used"],
        "duplicate_labels": status["fates"]["duplicate"],
        "digest": status["digest"],
        "replayed": verdict.digest,
        "difference": verdict.difference,
        "predicted_events": len(said),
        "events_with_two_predictions": sum(len(variants) > 1 for variants in said.values()),
        "republished": len(predictions) - len(said),
        "snapshots": len(world.shelf.listing(0)),
    }


def close(world: World) -> None:
    """Close files before a fork: SQLite connections must not cross it."""
    world.log.close()
    world.store.close()


if __name__ == "__main__":
    print(json.dumps(kill_often(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
