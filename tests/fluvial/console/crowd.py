"""A store as large as a busy desk has: thousands of incidents, a hundred shards with thirty monitors each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fluvial.evidence import stored
from fluvial.reviews import register
from fluvial.store import Store, alarm_table, incident_table, point_table, shard_table
from tests.fluvial.console.fleet import EVERY, FLIGHTS, FLIGHTS_STATUS, START, alarm

OPENED = 1_767_000_000.0
"""When the first of them opened, a clock time."""


def crowd(store: Store, *, incidents: int = 10_000, pipelines: int = 5, shards: int = 20) -> None:
    """Fill an empty store; one incident in ten is open, one in a hundred waits for a person."""
    names = [f"flights-{n}" for n in range(pipelines)]
    for name in names:
        register(store, name, shards, FLIGHTS)
    chance = random.Random(3)
    with store.write() as db:
        for name in names:
            db.execute(shard_table.insert(), [_shard(name, shard) for shard in range(shards)])
            db.execute(point_table.insert(), list(_points(name, shards, chance)))
        for start in range(0, incidents, 1_000):
            numbers = range(start, min(start + 1_000, incidents))
            db.execute(incident_table.insert(), [_incident(n, names[n % pipelines]) for n in numbers])
            db.execute(alarm_table.insert(), [_alarm(n, names[n % pipelines]) for n in numbers])


def _shard(pipeline: str, shard: int) -> dict[str, Any]:
    fields = {
        f"field:{name}": ("quiet", 0.1 + n / 100) for n, name in enumerate("abcdefghijklmnopqrstuvwxyz")
    }
    monitors = {
        "loss": ("quiet", 0.213),
        "confidence": ("quiet", 0.8),
        "feed:rate": ("quiet", 38.0),
        **fields,
    }
    status = replace(FLIGHTS_STATUS, pipeline=pipeline, shard=shard, monitors=monitors).as_json()
    row = {"pipeline": pipeline, "shard": shard, "epoch": 1, "owner": f"worker-{shard}", "last_batch": 337}
    return row | {"topic_ids": {}, "status": status, "status_at": OPENED}


def _points(pipeline: str, shards: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(1, 101):
        for shard in range(shards):
            loss, area = 0.43 + chance.gauss(0, 0.01), 0.71 + chance.gauss(0, 0.005)
            data = {"loss": {"model": loss, "base_rate": 0.54}, "waiting": 2_000, "estimates": {"loss": loss}}
            data |= {"recent": {"model": {"rocauc": area}, "base_rate": {"rocauc": 0.5}}}
            place = {"pipeline": pipeline, "shard": shard, "sequence": number}
            yield {**place, "time": START + number * EVERY + shard, "data": data}


def _incident(n: int, pipeline: str) -> dict[str, Any]:
    opened = OPENED + 60.0 * n
    row: dict[str, Any] = {"id": f"{n:012x}", "pipeline": pipeline, "shard": n % 20, "monitor": "loss"}
    row |= {"opened_at": opened, "last_time": START + n, "alarms": 1, "version": 3, "announced": 3}
    row |= {"fires_at": opened, "fingerprint": "loss", "noticed": 3}
    taken, over = n % 100 != 0, n % 10 != 0
    row |= {"acknowledged_by": "Ana" if taken else None, "acknowledged_at": opened + 9 if taken else None}
    row |= {"resolved_by": "Ana" if over else None, "resolved_at": opened + 99 if over else None}
    return row | {"verdict": "resolve" if over else None}


def _alarm(n: int, pipeline: str) -> dict[str, Any]:
    said = alarm(100 + n % 1_000)
    row = {"id": f"{n:012x}", "incident": f"{n:012x}", "pipeline": pipeline, "shard": n % 20}
    return row | {"evidence": stored(said), "time": said.time, "at": OPENED + 60.0 * n}
