"""A store filled as workers and people would have filled it."""

from __future__ import annotations

import contextlib
import math
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fluvial.incidents import Incidents, standing
from fluvial.journal import Batch, Entry, Journal
from fluvial.reviews import Request, Review, register, review
from fluvial.shelf import Shelf, Snapshot
from fluvial.store import Store, point_table, shard_table
from monitors.alarm import Alarm
from monitors.status import ShardStatus, Success

START = 1357016400.0  # 1 January 2013, 05:00 UTC
HOUR = 3600.0
EVERY = 9 * HOUR  # event time between two points

FLIGHTS: dict[str, Any] = {
    "question": "Will this flight arrive more than 15 minutes late?",
    "decision": "Whom to rebook before a tight connection breaks.",
    "owner": "Operations desk <ops@example.org>",
    "task": "binary",
    "model": "preprocessing.StandardScaler() | linear_model.LogisticRegression()",
    "cost_unit": "EUR",
    "success": {"metric": "rocauc", "at_least": 0.7, "window": 20000},
    "slices": ["origin", "carrier"],
    "fields": [
        {"name": "carrier", "type": "category", "unit": None, "description": "the airline's two-letter code"},
        {"name": "distance", "type": "number", "unit": "miles", "description": None},
    ],
    "recent": ["carrier_late", "origin_late"],
    "topics": {"events": "flights.events", "labels": "flights.labels"},
}

SCORES = {
    "model": {"rocauc": 0.7132, "logloss": 0.4531, "accuracy": 0.8102, "base_rate": 0.236, "cost": 31.2},
    "base_rate": {"rocauc": 0.5, "logloss": 0.5462, "accuracy": 0.764, "base_rate": 0.236, "cost": 35.4},
    "last_class": {"rocauc": 0.581, "logloss": 0.9321, "accuracy": 0.701, "base_rate": 0.236, "cost": 38.8},
    "rolling_rate": {
        "rocauc": 0.6402,
        "logloss": 0.4994,
        "accuracy": 0.785,
        "base_rate": 0.236,
        "cost": 33.0,
    },
}

FLIGHTS_STATUS = ShardStatus(
    pipeline="flights",
    shard=0,
    batch=337,
    events=336_776,
    labels=330_120,
    predictions=336_300,
    waiting=2_104,
    early=31,
    defaulted=4_210,
    outcomes={
        "learned": 325_940,
        "predict_only": 4_312,
        "expired": 3_944,
        "quarantined": 412,
        "duplicates": 64,
    },
    fates={
        "used": 326_042,
        "duplicate": 1_410,
        "late": 2_204,
        "corrected": 310,
        "unmatched": 61,
        "quarantined": 62,
    },
    quarantined={
        ("events", "out_of_range"): 350,
        ("events", "not_json"): 62,
        ("labels", "missing_label"): 62,
    },
    scores=SCORES,
    recent_scores=SCORES,
    slices={
        "origin": {
            "EWR": {"n": 118_032.0, "rocauc": 0.7241, "logloss": 0.47, "cost": 33.0},
            "JFK": {"n": 108_004.0, "rocauc": 0.7052, "logloss": 0.43, "cost": 30.1},
            "LGA": {"n": 104_216.0, "rocauc": 0.6987, "logloss": 0.46, "cost": 31.0},
        },
        "carrier": {
            f"C{i}": {"n": 30_000.0 - 1_500 * i, "rocauc": 0.75 - 0.01 * i, "logloss": 0.4, "cost": 30.0}
            for i in range(14)
        },
    },
    success=Success("rocauc", "at least", 0.7, 0.7132, "met"),
    cost=10_312_400.0,
    cost_unit="EUR",
    monitors={"loss": ("quiet", 0.213)},
    drifts={("loss", "worse"): 2, ("loss", "better"): 1},
    watermark=START + 340 * EVERY,
    digest="ab" * 32,
)

DEMAND: dict[str, Any] = {
    "question": "How many units will this shop sell tomorrow?",
    "decision": "What to order tonight.",
    "owner": "Supply <supply@example.org>",
    "task": "regression",
    "model": "linear_model.LinearRegression()",
    "cost_unit": "units",
    "success": {"metric": "mae", "at_most": 8.0, "window": 5000},
    "slices": [],
    "fields": [],
    "recent": [],
    "topics": {},
}

INTENT = DEMAND | {
    "question": "What does this customer want?",
    "owner": "Support",
    "task": "multiclass",
    "success": None,
}


def alarm(at: float, *, before: float = 0.182, after: float = 0.247, direction: Any = "worse") -> Alarm:
    """An alarm of the loss monitor, five points after its onset."""
    onset = START + at * EVERY
    return Alarm("loss", direction, onset + 5 * EVERY, onset, 200_000, before, after, 9_600, 4_800)


def fill(store: Store) -> None:
    """Flights with two incidents and decisions, demand on three shards, intent without a worker."""
    register(store, "flights", 1, FLIGHTS)
    register(store, "demand", 3, DEMAND)
    register(store, "intent", 1, INTENT)
    report(store, FLIGHTS_STATUS)
    for shard, (value, status) in enumerate([(7.1, "met"), (9.4, "missed"), (7.7, "met")]):
        report(store, demand_status(shard, value, status))
    draw(store, "flights")
    Incidents(store).record("flights", 0, [("1a2b3c4d5e6f", alarm(90, before=0.171, after=0.224))])
    decide(
        store,
        incident="1a2b3c4d5e6f",
        action="acknowledge",
        who="Ana",
        reason="Looking at the snow of the 9th.",
    )
    decide(store, incident="1a2b3c4d5e6f", action="resolve", who="Ana", reason="The snow is over.")
    Incidents(store).record("flights", 0, [("0f1e2d3c4b5a", alarm(255))])


PART = "carrier=<script>alert(1)</script>\u202e\x1b[31m"
"""A value that came from an event and wants to be more."""


def watched(store: Store) -> None:
    """Flights with thirty monitors: a drift that four of them report, and what else moved at that time."""
    fields = {f"field:{name}": ("quiet", 0.1 + n / 100) for n, name in enumerate("abcdefghijklmnopqr")}
    others = ("prediction", "confidence", "labels:truth", "labels:delay", "labels:share", "feed:rate")
    monitors = {"loss": ("alarm", 0.247), "loss:carrier": ("alarm", 0.41), "loss:origin": ("quiet", 0.2)}
    monitors |= {"estimated_loss": ("suspected", 0.238), **dict.fromkeys(others, ("quiet", 0.3)), **fields}
    monitors |= {"field:distance": ("alarm", 0.31), "feed:lateness": ("warming", math.nan)}
    drifts = FLIGHTS_STATUS.drifts | {("field:distance", "changed"): 3, ("loss:carrier", "worse"): 1}
    report(store, FLIGHTS_STATUS, monitors=monitors, drifts=drifts, estimate=(0.238, 0.012))
    sure = {"low": 0.041, "high": 0.089, "score": 6.21, "needed": 4.53, "dependence": 3.0, "season": 0.021}
    because = f"The share of missing values in distance rose 9 h before, most where {PART}."
    loss = alarm(255)._replace(**sure)
    carrier = loss._replace(monitor="loss:carrier", part=PART, before=0.19, after=0.41, n_after=380)
    named = {
        "b1": alarm(254)._replace(
            monitor="field:distance", direction="changed", severity="info", part="missing", after=0.31
        ),
        "b2": alarm(256)._replace(monitor="confidence", direction="worse", severity="info"),
        "b3": carrier._replace(cause="schema", because=because),
        "b4": alarm(257)._replace(monitor="estimated_loss"),
        "b5": loss._replace(time=loss.time + 9 * EVERY, phase="worse", after=0.29),
        "b6": loss._replace(
            time=loss.time + 20 * EVERY,
            phase="eased",
            direction="better",
            severity="info",
            before=0.29,
            after=0.2,
        ),
    }
    Incidents(store).record("flights", 0, list(named.items()))


def demand_status(shard: int, value: float, status: str) -> ShardStatus:
    """A shard of the demand pipeline."""
    scores = {
        "model": {"mae": value, "rmse": value + 2, "r2": 0.5},
        "mean": {"mae": 9.0, "rmse": 12.0, "r2": 0.0},
    }
    outcomes = {
        "learned": 1_000 * (shard + 1),
        "predict_only": 0,
        "expired": 0,
        "quarantined": 0,
        "duplicates": 0,
    }
    return ShardStatus(
        pipeline="demand",
        shard=shard,
        batch=12,
        events=outcomes["learned"] + 50,
        waiting=50,
        outcomes=outcomes,
        scores=scores,
        recent_scores=scores,
        success=Success("mae", "at most", 8.0, value, status),
        monitors={"loss": ("warming", math.nan)},
        watermark=START + 30 * EVERY,
    )


def report(store: Store, status: ShardStatus, **changes: Any) -> None:
    """Report a status as the shard's newest owner."""
    journal = Journal(store, status.pipeline)
    epoch = journal.acquire(status.shard, f"worker-{status.shard + 1}").epoch
    journal.report(status.shard, epoch, replace(status, **changes).as_json())


def draw(
    store: Store, pipeline: str, count: int = 340, *, metric: str = "rocauc", scale: float = 1.0
) -> None:
    """A quality curve that gets better, with a spell of worse from point 255 on."""
    chance = random.Random(7)
    rows = [_point(pipeline, number, chance) for number in range(1, count + 1)]
    for row in rows if metric != "rocauc" else ():
        row["data"]["recent"]["model"] = {metric: scale * row["data"]["loss"]["model"] * 2}
    with store.write() as db:
        db.execute(point_table.insert(), rows)


def _point(pipeline: str, number: int, chance: random.Random) -> dict[str, Any]:
    spell = 0.09 if 255 <= number < 290 else 0.05 if 90 <= number < 110 else 0.0
    loss = 0.43 + 0.12 * math.exp(-number / 25) + spell + chance.gauss(0, 0.012)
    base = 0.54 + 0.03 * math.sin(number / 20) + chance.gauss(0, 0.012)
    recent = 0.715 - 0.05 * math.exp(-number / 40) - spell / 2 + chance.gauss(0, 0.003)
    data = {
        "loss": {"model": loss, "base_rate": base, "rolling_rate": base - 0.04},
        "recent": {
            "model": {"rocauc": recent if number > 1 else None, "logloss": loss},
            "base_rate": {"rocauc": 0.5, "logloss": base},
            "rolling_rate": {"rocauc": 0.64 + chance.gauss(0, 0.004), "logloss": base},
        },
        "waiting": 2000,
        "estimates": {"loss": loss / 2.3},
    }
    return {
        "pipeline": pipeline,
        "shard": 0,
        "sequence": number,
        "time": START + number * EVERY,
        "data": data,
    }


GONE = "demand.events:1 holds offsets 1200 to 5000, not 900 to 1100; the journal needs these records"
LOSS = {
    "after": 8,
    "batches": 4,
    "records": 1_260,
    "positions": {"demand.events:1": 1_200, "demand.labels:1": 640},
    "skipped": {"demand.events:1": [1_100, 1_200]},
}


def halt(
    store: Store, shard: int = 1, why: str = GONE, loss: dict[str, Any] | None = LOSS, *, retried: bool = True
) -> str:
    """Let a shard of the demand pipeline stand still; returns its incident."""
    journal = Journal(store, "demand")
    journal.halt(shard, journal.acquire(shard, f"worker-{shard + 1}").epoch, why)
    Incidents(store).stands_still("demand", shard, why, gives_up=loss, retried=retried)
    with store.read() as db:
        return standing(db, "demand", shard) or ""


def run_again(store: Store, shard: int = 1) -> None:
    """Let a shard of the demand pipeline run again."""
    journal = Journal(store, "demand")
    journal.halt(shard, journal.acquire(shard, f"worker-{shard + 1}").epoch, None)
    Incidents(store).went_on("demand", shard)


def keep_models(store: Store, pipeline: str, shard: int, *batches: int) -> None:
    """Store snapshots of a shard."""
    epoch = Journal(store, pipeline).acquire(shard, f"worker-{shard + 1}").epoch
    for batch in batches:
        Shelf(store, pipeline).save(shard, epoch, Snapshot(batch, {}, "", "", b""))


def decide(store: Store, **wish: Any) -> Review:
    """Take a review on another way than the console."""
    return review(store, Request(**wish), "cli")


def take_up(store: Store, pipeline: str, shard: int, batch: int, **said: Any) -> None:
    """Let a shard take up its decisions in an ordinary batch; ``said`` is what the journal says of them."""
    journal = Journal(store, pipeline)
    with store.write() as db:
        db.execute(shard_table.update().values(last_batch=batch - 1))
    epoch = journal.acquire(shard, "worker").epoch
    taken = [one._replace(args={**one.args, **said}) for one in journal.pending(shard)]
    assert journal.append([Entry(shard, epoch, Batch(batch, {}, taken, 0))]) == []


@contextlib.contextmanager
def locked(store: Store) -> Iterator[None]:
    """Hold the store's write lock, as another process could."""
    with contextlib.closing(sqlite3.connect(str(store.url.database))) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
