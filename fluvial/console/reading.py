"""Reading pipelines: a few queries per page, however many shards and incidents there are."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial import minutes, rate, tuning
from fluvial.console import standings, totals
from fluvial.console.models import (
    ModelChoice,
    PipelineDetail,
    PipelineSummary,
    PointView,
    ShardRow,
    Tally,
)
from fluvial.console.phrases import sound
from fluvial.incidents import HALT
from fluvial.lifecycle import state_in_sql
from fluvial.options import choices
from fluvial.reviews import NoSuchPipeline
from fluvial.store import Store, incident_table, pipeline_table, point_table, shard_table

MOST_POINTS = 5000
"""The most points that one answer carries."""


class Span(NamedTuple):
    """Which points: of one shard or all, between two event times, the newest ``limit`` of them."""

    since: float | None = None
    until: float | None = None
    shard: int | None = None
    limit: int = MOST_POINTS


class _Course(NamedTuple):
    """A pipeline's row, its shards' rows, the statuses that were reported, its incidents."""

    row: Any
    shards: list[Any]
    statuses: list[totals.Status]
    incidents: Tally


def summaries(store: Store) -> list[PipelineSummary]:
    """All pipelines by name."""
    return fleet(store)[0]


def fleet(store: Store) -> tuple[list[PipelineSummary], dict[str, Tally]]:
    """All pipelines by name, and the incidents of each."""
    with store.read() as db:
        courses = _courses(db)
    found = [PipelineSummary(**_summary(course)) for course in courses]
    return found, {course.row.pipeline: course.incidents for course in courses}


def detail(store: Store, name: str) -> PipelineDetail:
    """One pipeline, without ``watching``: most who ask do not show it. Raises NoSuchPipeline."""
    with store.read() as db:
        course = next(iter(_courses(db, name)), None)
        standing, models = _standing(db, name), choices(db, name)
    if course is None:
        raise NoSuchPipeline(f"no pipeline is called {name!r} here")
    facts, statuses = course.row.facts, course.statuses
    return PipelineDetail(
        **_summary(course),
        decision=facts.get("decision", ""),
        model=facts.get("model", ""),
        window=(facts.get("success") or {}).get("window"),
        cost=sum(status["cost"] or 0.0 for status in statuses),
        cost_unit=facts.get("cost_unit", ""),
        accounting=totals.accounting(statuses),
        quarantine=totals.quarantine(statuses),
        recent=totals.scores(statuses, "recent_scores"),
        scores=totals.scores(statuses, "scores"),
        slices=totals.slices(statuses),
        monitors=standings.monitors(statuses),
        estimate=standings.estimate(statuses),
        shard_rows=[_shard(row, standing.get(row.shard)) for row in course.shards],
        models=[ModelChoice(**choice._asdict()) for choice in models],
        facts=sound(facts),
    )


def whole(store: Store, name: str) -> PipelineDetail:
    """The same, and by what it is watched. Raises NoSuchPipeline."""
    found = detail(store, name)
    with store.read() as db:
        watching = tuning.combined(found.facts.get("monitor") or {}, minutes.tuned(db, name))
    watched = standings.watched(watching, rate.of(store, name))
    return found.model_copy(update={"watching": watched})


def tally(store: Store) -> Tally:
    """How many incidents of all pipelines are in each state."""
    return total(tallies(store))


def tallies(store: Store) -> dict[str, Tally]:
    """How many incidents of each pipeline are in each state; those without any are left out."""
    with store.read() as db:
        return _tallies(db)


def total(of: Mapping[str, Tally]) -> Tally:
    """Tallies as one."""
    return Tally(**{name: sum(getattr(one, name) for one in of.values()) for name in Tally.model_fields})


def points(store: Store, name: str, span: Span) -> list[PointView]:
    """Points of the quality curve, the oldest first."""
    column = point_table.c
    query = sa.select(point_table).where(column.pipeline == name)
    if span.shard is not None:
        query = query.where(column.shard == span.shard)
    if span.since is not None:
        query = query.where(column.time >= span.since)
    if span.until is not None:
        query = query.where(column.time <= span.until)
    newest = query.order_by(column.time.desc(), column.shard, column.sequence.desc()).limit(span.limit)
    with store.read() as db:
        rows = db.execute(newest).all()
    return [PointView(shard=r.shard, sequence=r.sequence, time=r.time, **r.data) for r in reversed(rows)]


def _courses(db: sa.Connection, name: str | None = None) -> list[_Course]:
    pipelines = sa.select(pipeline_table).order_by(pipeline_table.c.pipeline)
    shards = sa.select(shard_table).order_by(shard_table.c.pipeline, shard_table.c.shard)
    if name is not None:
        pipelines = pipelines.where(pipeline_table.c.pipeline == name)
        shards = shards.where(shard_table.c.pipeline == name)
    of: dict[str, list[Any]] = {}
    for row in db.execute(shards):
        of.setdefault(row.pipeline, []).append(row)
    tallies = _tallies(db, name)
    return [
        _Course(
            row, rows, [shard.status for shard in rows if shard.status], tallies.get(row.pipeline, Tally())
        )
        for row in db.execute(pipelines)
        for rows in [of.get(row.pipeline, [])]
    ]


def _standing(db: sa.Connection, pipeline: str) -> dict[int, str]:
    """The open incident of each shard that stands still."""
    column = incident_table.c
    query = sa.select(column.shard, column.id).where(column.pipeline == pipeline, column.monitor == HALT)
    rows = db.execute(query.where(column.resolved_at.is_(None))).all()
    return {row.shard: row.id for row in rows}


def _tallies(db: sa.Connection, name: str | None = None) -> dict[str, Tally]:
    column = incident_table.c
    state = state_in_sql(time.time()).label("state")
    query = sa.select(column.pipeline, state, sa.func.count()).group_by(column.pipeline, state)
    if name is not None:
        query = query.where(column.pipeline == name)
    found: dict[str, dict[str, int]] = {}
    for pipeline, in_state, n in db.execute(query):
        found.setdefault(pipeline, {})[in_state] = n
    return {pipeline: Tally(**counts) for pipeline, counts in found.items()}


def _summary(course: _Course) -> dict[str, Any]:
    row, statuses, facts = course.row, course.statuses, course.row.facts
    return {
        "name": row.pipeline,
        "question": facts.get("question", ""),
        "owner": facts.get("owner", ""),
        "task": facts.get("task", ""),
        "events": sum(status["events"] for status in statuses),
        "waiting": sum(status["waiting"] for status in statuses),
        "has_goal": bool(facts.get("success")),
        "success": totals.success(statuses),
        "paused": row.paused,
        "paused_by": row.paused_by,
        "took_up": all(status["paused"] == row.paused for status in statuses),
        "incidents": course.incidents,
        "halted": sum(shard.halted is not None for shard in course.shards),
        "shards": row.shards,
        "watermark": max((status["watermark"] or 0.0 for status in statuses), default=0.0) or None,
        "status_at": _silent_since(course.shards),
    }


def _silent_since(shards: Sequence[Any]) -> float | None:
    return min((shard.status_at for shard in shards if shard.status_at is not None), default=None)


def _shard(row: Any, incident: str | None) -> ShardRow:
    status = row.status or {}
    return ShardRow(
        shard=row.shard,
        epoch=row.epoch,
        owner=row.owner,
        batch=row.last_batch,
        halted=row.halted,
        incident=incident if row.halted else None,
        paused=status.get("paused", False),
        model_version=status.get("model_version", 1),
        monitors={name: state for name, (state, _) in status.get("monitors", {}).items()},
        watermark=status.get("watermark") or None,
        status_at=row.status_at,
    )
