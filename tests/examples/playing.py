"""Loads an example's producer as the product does, and plays its records through a shard."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from consumers.record import Record
from fluvial.config import load
from fluvial.shard import Shard
from monitors.status import ShardStatus

EXAMPLES = Path(__file__).parents[2] / "examples"
Produced = tuple[str, bytes, bytes, int]


def producer(name: str) -> ModuleType:
    """A fresh module from the example's producer file."""
    spec = importlib.util.spec_from_file_location(f"producer_of_{name}", EXAMPLES / name / "producer.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def produced(name: str, limit: int | None = None) -> list[Produced]:
    """The example's records in the order they come."""
    return list(producer(name).records(limit))


def played(name: str, limit: int | None = None) -> ShardStatus:
    """What a fresh shard of the example's pipeline says after its records."""
    pipeline = load(EXAMPLES / name / "pipeline.yaml")
    shard = Shard(pipeline, 0)
    offsets = {"events": 0, "labels": 0}
    for stream, key, value, timestamp in producer(name).records(limit):
        shard.step(Record(pipeline.topic(stream), 0, offsets[stream], timestamp, key, value))
        offsets[stream] += 1
    return shard.status()
