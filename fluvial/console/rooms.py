"""Rooms: what stands behind a pipeline's page: its quarantine, its labels, its models, its settings."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field

from fluvial.config import as_yaml
from fluvial.console import reading, standings, totals
from fluvial.console.evidence import Text
from fluvial.console.models import Accounting, MonitorRow, PipelineDetail, Refusals, Slice
from fluvial.console.phrases import sound
from fluvial.console.reading import Span
from fluvial.console.samples import Sample, Samples
from fluvial.journal import Journal
from fluvial.store import Store, shard_table, snapshot_table

KEPT = 200
"""Snapshots listed."""


class Quarantine(BaseModel):
    """What was refused: how much for which reason, and the newest records."""

    pipeline: Text
    total: int
    events: int = Field(description="events that came in all")
    labels: int = Field(description="labels that came in all")
    refusals: list[Refusals]
    samples: list[Sample] = Field(description="the newest in the quarantine topic, private fields removed")
    unread: Text = Field(description="why there are no samples, where the topic could not be read")


class Delay(BaseModel):
    """Labels that took longer than the row before says, and at most so long."""

    upto: float | None = Field(description="seconds; null: longer than every row before")
    n: int


class Labels(BaseModel):
    """Where every label is, and how long they take."""

    pipeline: Text
    accounting: Accounting
    delays: list[Delay] = Field(description="labels that met their event, by event time between the two")
    mean_delay: float | None = Field(description="seconds")
    within: dict[str, float | None] = Field(description="share of labels: seconds within which they came")
    source: Text = Field(description="the field that names an event's source; empty where there is none")
    sources: list[Slice] = Field(description="the model by source, where the source is one of the slices")
    monitors: list[MonitorRow] = Field(description="those that watch labels")
    waiting: list[tuple[float, int]] = Field(description="event time and predictions that waited then")


class Definition(BaseModel):
    """What a worker ran: a pipeline file and the versions of what it was run with."""

    definition: Text
    at: float = Field(description="when a worker first ran it, a clock time")
    model: Text
    libraries: dict[Text, Text]
    shards: list[int] = Field(description="shards whose newest snapshot it made")


class SnapshotRow(BaseModel):
    """A model that is kept."""

    shard: int
    batch: int
    at: float = Field(description="when it was stored, a clock time")
    size: int = Field(description="bytes")
    digest: Text
    definition: Text


class Models(BaseModel):
    """The model that runs, those that are kept, and what made them."""

    pipeline: Text
    expression: Text
    versions: dict[int, int] = Field(
        description="shard: number of its model, from 1; a reset or rollback adds 1"
    )
    definitions: list[Definition] = Field(description="the newest first")
    snapshots: list[SnapshotRow] = Field(description="the newest of each shard first")


class Effective(BaseModel):
    """What a pipeline runs with: its file without what is as by default."""

    pipeline: Text
    definition: Text = Field(description="empty: no worker has run it since definitions are kept")
    at: float | None
    libraries: dict[Text, Text]
    config: dict[str, Any]
    text: str = Field(description="the same as YAML")


def quarantine(found: PipelineDetail, samples: Samples) -> Quarantine:
    """What a pipeline refused."""
    newest, unread = samples.newest(
        found.facts.get("topics", {}).get("quarantine") or f"{found.name}.quarantine"
    )
    return Quarantine(
        pipeline=found.name,
        total=sum(row.count for row in found.quarantine),
        events=found.accounting.events,
        labels=found.accounting.labels,
        refusals=found.quarantine,
        samples=newest,
        unread=unread,
    )


def labels(store: Store, found: PipelineDetail) -> Labels:
    """Where a pipeline's labels are."""
    statuses = _statuses(store, found.name)
    delays, total = _delays(statuses)
    n = sum(one.n for one in delays)
    source = str(effective(store, found).config.get("source") or "")
    return Labels(
        pipeline=found.name,
        accounting=found.accounting,
        delays=delays,
        mean_delay=total / n if n else None,
        within={f"{share:.0%}": _within(delays, share) for share in (0.5, 0.9, 0.99)},
        source=source,
        sources=[row for row in found.slices if row.field == source],
        monitors=[row for row in standings.monitors(statuses) if row.monitor.startswith("labels:")],
        waiting=[(one.time, one.waiting) for one in reading.points(store, found.name, Span(limit=400))],
    )


def models(store: Store, found: PipelineDetail) -> Models:
    """A pipeline's models."""
    snapshots = _snapshots(store, found.name)
    newest = {row.shard: row.definition for row in reversed(snapshots)}
    return Models(
        pipeline=found.name,
        expression=found.model,
        versions={row.shard: row.model_version for row in found.shard_rows},
        definitions=[
            Definition(
                definition=one.name,
                at=one.at,
                model=str(one.config.get("model", "")).strip(),
                libraries=one.libraries,
                shards=[shard for shard, made in sorted(newest.items()) if made == one.name],
            )
            for one in reversed(Journal(store, found.name).definitions())
        ],
        snapshots=snapshots,
    )


def effective(store: Store, found: PipelineDetail) -> Effective:
    """What a pipeline runs with; of one that no worker has run since definitions are kept, its facts."""
    known = Journal(store, found.name).definitions()
    facts = {"pipeline": found.name, **{key: value for key, value in found.facts.items() if value}}
    config = sound(known[-1].config) if known else facts
    return Effective(
        pipeline=found.name,
        definition=known[-1].name if known else "",
        at=known[-1].at if known else None,
        libraries=known[-1].libraries if known else {},
        config=config,
        text=as_yaml(config),
    )


def _statuses(store: Store, name: str) -> list[totals.Status]:
    query = sa.select(shard_table.c.status).where(shard_table.c.pipeline == name)
    with store.read() as db:
        return [status for status in db.execute(query.order_by(shard_table.c.shard)).scalars() if status]


def _delays(statuses: Sequence[totals.Status]) -> tuple[list[Delay], float]:
    """The delays of all shards as one histogram, and their sum; shards of another version are left out."""
    found = [status["delays"] for status in statuses if status.get("delays") and status["delays"][0]]
    if not found:
        return [], 0.0
    bounds = found[0][0]
    alike = [one for one in found if one[0] == bounds]
    counts = [sum(column) for column in zip(*(one[1] for one in alike), strict=True)]
    rows = [Delay(upto=upto, n=n) for upto, n in zip([*bounds, None], counts, strict=True)]
    return rows, sum(one[2] for one in alike)


def _within(delays: Sequence[Delay], share: float) -> float | None:
    """The bound within which at least this share came; None without labels, or beyond the last bound."""
    needed, so_far = share * sum(one.n for one in delays), 0
    for one in delays:
        so_far += one.n
        if so_far and so_far >= needed:
            return one.upto
    return None


def _snapshots(store: Store, name: str) -> list[SnapshotRow]:
    column = snapshot_table.c
    shown = (column.shard, column.batch, column.at, column.size, column.digest, column.definition)
    query = sa.select(*shown).where(column.pipeline == name)
    with store.read() as db:
        rows = db.execute(query.order_by(column.shard, column.batch.desc()).limit(KEPT)).all()
    return [SnapshotRow(**row._mapping) for row in rows]
