"""Stage: what has to be exchanged in the process while a history runs, and put back afterwards."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import structlog

import fluvial.fingerprint
import fluvial.shard
from consumers.contract import Contract
from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.follower import Follower
from fluvial.history import Past
from fluvial.journal import Entry, Journal, Tenure
from fluvial.owned import Owned
from fluvial.shard import Shard, contract_of
from fluvial.shelf import Shelf, Snapshot
from learners.scoreboard import Scoreboard
from tests.simulation.faults import Broken

if TYPE_CHECKING:
    from tests.simulation.world import World

POINT_EVERY = 7
"""Outcomes between two points of the curve: histories are short."""

_contracts: dict[tuple[int, int], tuple[Pipeline, Contract]] = {}


def _contract(pipeline: Pipeline) -> Contract:
    """A contract compiled once for the sections that all histories of a kind share."""
    key = id(pipeline.fields), id(pipeline.label)
    if key not in _contracts:
        _contracts[key] = pipeline, contract_of(pipeline)
    return _contracts[key][1]


_version = functools.cache(fluvial.fingerprint.version)


@contextmanager
def staged(world: World) -> Iterator[None]:
    """The process as a history needs it: its clocks, its watch, its faults, and nothing done twice."""
    with ExitStack() as stack:
        for patched in (
            patch.object(fluvial.fingerprint, "version", _version),
            patch.object(fluvial.shard, "contract_of", _contract),
            patch.object(Scoreboard, "EVERY", POINT_EVERY),
            patch.object(time, "time", world.timing.wall),
            patch.object(Shard, "take", _taken(world)),
            patch.object(Journal, "acquire", _acquired(world)),
            patch.object(Journal, "append", _appended(world)),
            patch.object(Journal, "report", _reported(world)),
            patch.object(Shelf, "save", _saved(world)),
            patch.object(Owned, "_begin", _begun(world)),
        ):
            stack.enter_context(patched)
        stack.enter_context(_told(world))
        yield


def _taken(world: World) -> Any:
    take = Shard.take

    def taken(shard: Shard, record: Record, *read: Any) -> Any:
        if world.faults.inside:
            if world.people.broken and record.value is not None and b"poison" in record.value:
                raise Broken("poison")
            world.faults.at("step", Broken)
        return take(shard, record, *read)

    return taken


def _acquired(world: World) -> Any:
    acquire = Journal.acquire

    def acquired(journal: Journal, shard: int, worker: str) -> Tenure:
        tenure = acquire(journal, shard, worker)
        world.watch.acquired(shard, tenure)
        world.happens(f"{worker} has shard {shard} in epoch {tenure.epoch} after batch {tenure.last_batch}")
        return tenure

    return acquired


def _reported(world: World) -> Any:
    report = Journal.report

    def reported(journal: Journal, shard: int, epoch: int, status: Mapping[str, Any]) -> None:
        world.watch.reported(shard, status)
        report(journal, shard, epoch, status)

    return reported


def _saved(world: World) -> Any:
    save = Shelf.save

    def saved(shelf: Shelf, shard: int, epoch: int, snapshot: Snapshot) -> None:
        world.watch.saving(shard, snapshot.batch)
        save(shelf, shard, epoch, snapshot)

    return saved


def _begun(world: World) -> Any:
    begin = Owned._begin

    def begun(owned: Owned, warm: Follower | None, *more: Any) -> Past:
        past = begin(owned, warm, *more)
        if warm is not None and past is warm.past:
            world.count(
                "a shard is taken warm" if past.batch else "a shard is taken warm, with nothing learned"
            )
        return past

    return begun


def _appended(world: World) -> Any:
    append = Journal.append

    def appended(journal: Journal, entries: Sequence[Entry]) -> list[int]:
        world.watch.appending(entries)
        fenced = append(journal, entries)
        world.watch.appended(entries, fenced)
        for entry in entries:
            how = "is refused" if entry.shard in fenced else "is written"
            ranges = " ".join(f"{tp}[{r.start}, {r.end})" for tp, r in entry.batch.ranges.items())
            world.happens(
                f"batch {entry.batch.number} of shard {entry.shard} {how} in epoch {entry.epoch}: {ranges} "
                f"{[(d.id, d.action, dict(d.args)) for d in entry.batch.decisions]}"
            )
        return fenced

    return appended


@contextmanager
def _told(world: World) -> Iterator[None]:
    """What workers say goes to the trace."""
    before = structlog.get_config()

    def tell(logger: object, level: str, event: dict[str, Any]) -> Any:
        said = " ".join(
            f"{name}={value}" for name, value in event.items() if name not in ("event", "pipeline")
        )
        world.happens(f"  {level}: {event['event']} {said}")
        raise structlog.DropEvent

    structlog.configure(processors=[tell], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
