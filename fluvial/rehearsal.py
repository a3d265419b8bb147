"""Rehearsal: what a new definition would have predicted, beside what the running one did; nothing is written.

The old side is what was published, which is there whatever libraries made it. Where the store has the
old pipeline file and the libraries are the same, the old definition is replayed as well.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import sqlalchemy as sa

from consumers.record import Record
from fluvial.backtest import Run, beside_of
from fluvial.beside import Beside
from fluvial.changes import Change, another_stream, changes
from fluvial.config import Pipeline
from fluvial.earlier import NotHere, definition_named, pipeline_of
from fluvial.errors import ConfigError, SnapshotError
from fluvial.evidence import alarm_of, stored
from fluvial.fingerprint import definition
from fluvial.history import History
from fluvial.incidents import is_drift
from fluvial.journal import Batch, Definition
from fluvial.place import Place
from fluvial.shelf import Kept
from fluvial.store import Store, alarm_table
from fluvial.tail import Tail
from fluvial.telling import Told
from learners.prediction import Prediction
from learners.scoring import Forecast
from learners.task import task_named
from monitors.alarm import Alarm

Progress = Callable[[int, int], None]


class Rebuild(NamedTuple):
    """What a worker with the new definition would do first: step ``batches`` rows after batch ``start``.

    ``seconds`` are measured on this machine. ``lost`` is the last batch whose records are gone where
    they would be needed: then the shard would stand still.
    """

    start: int
    batches: int
    records: int
    seconds: float
    lost: int


class Rehearsal(NamedTuple):
    """One shard: the published predictions held beside new ones; both definitions' runs where possible.

    ``alarms`` are those of the old definition and of the new one; ``not_replayed`` says why the old
    one could not run here.
    """

    shard: int
    running: Definition | None
    running_name: str
    changes: list[Change]
    tail: Beside
    runs: Beside | None
    not_replayed: str | None
    alarms: tuple[list[Alarm], list[Alarm]]
    rebuild: Rebuild
    unusable: list[Kept]
    kept: int

    @property
    def identical(self) -> bool:
        """Whether nothing that was predicted would have been predicted otherwise."""
        sides = [self.tail, *([self.runs] if self.runs else [])]
        same = all(side.differ == 0 and side.alone == [0, 0] for side in sides)
        ran, runs = ([stored(alarm) for alarm in some] for some in self.alarms)  # undefined equals undefined
        return same and ran == runs and not self.rebuild.lost


def rehearse(
    place: Place, store: Store, shard: int, events: int, *, progress: Progress = lambda batch, last: None
) -> Rehearsal:
    """Replay a shard under the present definition and compare. Raises ConfigError, Gap, StepFailed."""
    last, _ = place.journal.reached(shard)
    (row,) = place.journal.batches(shard, last - 1, last)
    running = definition_named(place.journal, row.definition)
    differ = changes(running, place.pipeline) if running else []
    if (why_not := another_stream(differ)) is not None:
        raise ConfigError(why_not)
    history = History(place._replace(key=None), shard)
    since = gone = history.replayable_after()
    old_pipeline, why = _old(place, row.definition)
    past = History(place, shard).from_here(since) if since and old_pipeline is None else None
    if past is not None:  # without the first records a snapshot of our own is where it can begin
        since = past.batch
    state = past.shard.state if past else None
    new = Run("the new definition", place.pipeline, place, shard, since=since, state=state)
    old = Run("the running definition", old_pipeline, place, shard, since=since) if old_pipeline else None
    watch = _Watch(place, shard, events, new, old)
    for number in watch.rows(history.read(since, last)):
        progress(number, last)
    kept = place.shelf.listing(shard)
    old_alarms = old.alarms if old else _raised(store, place, shard)
    return Rehearsal(
        shard,
        running,
        row.definition,
        differ,
        watch.tail,
        watch.runs,
        why,
        (old_alarms, new.alarms),
        _rebuild(place, shard, last, gone, watch),
        [one for one in kept if one.definition != definition(place.pipeline)],
        len(kept),
    )


class _Watch:
    """Steps the new run, and the old one beside it, and compares with what was published."""

    def __init__(self, place: Place, shard: int, events: int, new: Run, old: Run | None) -> None:
        self._new, self._old = new, old
        self._published = Tail(place, shard, events)
        self.tail = Beside(task_named(new.pipeline.task, new.pipeline.cost), [(0, 0, "model")], events)
        self.runs = beside_of(old, new) if old else None
        self._pairs: dict[str, tuple[Forecast, Forecast]] = {}
        self.seconds, self.batches, self.records = 0.0, 0, 0

    def rows(self, rows: Iterator[tuple[Batch, list[Record]]]) -> Iterator[int]:
        """Step all rows; yields their numbers."""
        while (found := self._timed(rows)) is not None:
            row, records = found
            told = self._new.shard.told()
            if self._old and self.runs:
                self._old.step(row, records)
                self.runs.take(self._old.shard.told(), told)
            self._compare(row, told)
            yield row.number

    def _timed(self, rows: Iterator[tuple[Batch, list[Record]]]) -> tuple[Batch, list[Record]] | None:
        """The next row, stepped by the new run: what a rebuild does, and how long it takes."""
        started = time.perf_counter()
        found = next(rows, None)
        if found is not None:
            self._new.step(*found)
            self.batches += 1
            self.records += len(found[1])
        self.seconds += time.perf_counter() - started
        return found

    def _compare(self, row: Batch, told: Told) -> None:
        published = self._published.forecasts(row)
        if published is not None:
            for prediction in told.predictions:
                self._pair(prediction, published.pop(prediction.id, None))
            self.tail.alone[0] += len(published)
        for outcome in told.outcomes:
            if (pair := self._pairs.pop(outcome.id, None)) is not None:
                self.tail.judged(pair[:1], pair[1:], outcome.truth)

    def _pair(self, prediction: Prediction, published: Forecast | None) -> None:
        if published is None:
            self.tail.alone[1] += 1
            return
        self.tail.predicted(prediction.id, published, prediction.forecast)
        self._pairs[prediction.id] = (published, prediction.forecast)


def _old(place: Place, name: str) -> tuple[Pipeline | None, str | None]:
    """The pipeline of the running definition where it can run here beside another one, or why not."""
    if name == definition(place.pipeline):
        return None, None
    try:
        return pipeline_of(place.journal, name), None
    except NotHere as why:
        return None, str(why)


def _raised(store: Store, place: Place, shard: int) -> list[Alarm]:
    """The alarms that were raised in the course of time, as the desk has them."""
    column = alarm_table.c
    query = sa.select(column.evidence).where(
        column.pipeline == place.pipeline.pipeline, column.shard == shard
    )
    with store.read() as db:
        found = list(db.execute(query.order_by(column.time)).scalars())
    return [alarm_of(said) for said in found if is_drift(said["monitor"])]


def _rebuild(place: Place, shard: int, last: int, gone: int, watch: _Watch) -> Rebuild:
    start = _usable(place, shard)
    share = min(1.0, (last - start) / max(watch.batches, 1))
    lost = gone if start < gone else 0
    return Rebuild(start, last - start, round(watch.records * share), watch.seconds * share, lost)


def _usable(place: Place, shard: int) -> int:
    """The batch of the newest snapshot that the new definition can go on from; 0 without one."""
    history = History(place, shard)
    for kept in place.shelf.listing(shard):
        try:
            history.opened(kept)
        except SnapshotError:
            continue
        return kept.batch
    return 0
