"""Runner: the loop of one worker; the only file that sees all packages at work.

startup -> main_loop -> shutdown, as a server does it: signal handlers set ``should_exit``, the loop
reads it once a tick. The order inside a tick is what makes recovery exact: journal row, step,
publish, and only then the next row, which says what was published before it.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from consumers.aligned import Aligned
from consumers.log import Log, LogError, Membership, RangeLost
from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.decision import Decision
from fluvial.journal import Batch, Fenced, Journal
from fluvial.outputs import Outbox
from fluvial.owned import Owned
from fluvial.replay import Gap
from fluvial.reporter import Reporter
from fluvial.review_feed import ReviewFeed
from fluvial.shard import StepFailed
from fluvial.snapshot import SnapshotError
from fluvial.store import Store, StoreUnavailable

logger = structlog.get_logger()

RETRY = 1.0
"""Seconds before a shard that was lost or could not be taken is tried again."""

DECISIONS_EVERY = 0.1
"""Seconds between two looks for decisions while no records come."""


class Work(NamedTuple):
    """One shard's next batch before it is journaled."""

    owned: Owned
    records: list[Record]
    decisions: list[Decision]


class Runner:
    """Runs the shards that ``membership`` gives this worker until ``should_exit`` is set.

    ``drained`` lets a run end by itself: it is asked whenever nothing is left to read.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        log: Log,
        store: Store,
        membership: Membership,
        reporter: Reporter,
        *,
        worker: str,
        key: bytes,
        drained: Callable[[], bool] = lambda: False,
    ) -> None:
        self._pipeline, self._log, self._membership = pipeline, log, membership
        self._reporter, self._worker, self._key, self._drained = reporter, worker, key, drained
        self._journal = Journal(store, pipeline.pipeline)
        self._outbox = Outbox(pipeline, log, store)
        self._reviews = ReviewFeed(pipeline, log, store, key)
        self._owned: dict[int, Owned] = {}
        self._halted: dict[int, str] = {}
        self._retry_at: dict[int, float] = {}
        self._others: dict[int, str] = {}
        self._ready_since: dict[int, float] = {}
        self._decisions_at = 0.0
        self._aligned: Aligned | None = None
        self.should_exit = False

    @property
    def owned(self) -> dict[int, Owned]:
        """The shards this worker owns now, by index."""
        return self._owned

    def run(self) -> None:
        """Work until told to stop, then leave everything so that nothing is done again.

        After an error that nobody expected nothing is written any more: memory may be ahead of what
        was published, and a snapshot says that all before it was.
        """
        try:
            while not self.should_exit:
                self._tick_safely()
            self._save_all()
        finally:
            self._close()

    def _tick_safely(self) -> None:
        try:
            self.tick()
        except (LogError, StoreUnavailable) as error:
            # Memory may be ahead of what is known to be written: give the shards up and recover them.
            logger.error("shards given up until the log and the store answer", why=str(error))
            self._give_up(list(self._owned))
            self._pause(RETRY)

    def tick(self) -> None:
        """One turn: settle ownership, read, journal, step, publish, report."""
        self._membership.tick({tp: at for o in self._owned.values() for tp, at in o.positions.items()})
        self._settle_ownership()
        if self._aligned is None:
            self._say_who_owns()
            self._pause(0.05)
            return
        self._read()
        work = self._collect()
        if work:
            self._process(work)
        elif self._drained() and not any(self._ready(owned) for owned in self._owned.values()):
            self.should_exit = True
        self._look_after()

    # ---- ownership

    def _settle_ownership(self) -> None:
        assigned = self._membership.assigned()
        if gone := [shard for shard in self._owned if shard not in assigned]:
            self._let_go(gone)
        for shard in sorted(assigned - set(self._owned) - set(self._halted)):
            if time.monotonic() >= self._retry_at.get(shard, 0.0):
                self._acquire(shard)
        for shard in set(self._halted) - assigned:
            del self._halted[shard]
            self._reporter.released(shard)

    def _say_who_owns(self) -> None:
        """Tell, once for each owner, for whom this worker waits."""
        for shard in set(range(self._pipeline.shards)) - set(self._owned) - set(self._halted):
            holder = self._membership.holder(shard)
            if holder is not None and self._others.get(shard) != holder:
                self._others[shard] = holder
                logger.info("waiting: the shard is owned", shard=shard, owner=holder)

    def _acquire(self, shard: int) -> None:
        started = time.monotonic()
        owned = Owned(self._pipeline, shard, self._log, self._journal, self._worker)
        try:
            replayed = owned.recover(self._outbox, self._key, lambda: self._still_ours(shard))
            self._outbox.deliver()
            self._journal.halt(shard, owned.epoch, None)
        except (Gap, StepFailed) as trouble:
            self._halt(owned, str(trouble))
            return
        except Fenced:
            self._refused(owned, "recover")
            return
        if not self._still_ours(shard):
            return
        self._owned[shard] = owned
        self._reopen()
        self._reporter.acquired(owned, replayed, time.monotonic() - started)

    def _still_ours(self, shard: int) -> bool:
        self._membership.tick({})
        return not self.should_exit and shard in self._membership.assigned()

    def _halt(self, owned: Owned, why: str) -> None:
        self._owned.pop(owned.index, None)
        self._halted[owned.index] = why
        try:
            self._journal.halt(owned.index, owned.epoch, why)
        except Fenced:
            del self._halted[owned.index]
        self._reporter.released(owned.index)
        self._reporter.halted(owned.index, why)
        self._reopen()

    def _refused(self, owned: Owned, what: str) -> None:
        self._journal.fenced(owned.index, owned.epoch, self._worker, what)
        self._reporter.fenced(owned.index, owned.epoch, what)
        self._give_up([owned.index])

    def _give_up(self, shards: list[int]) -> None:
        """Drop shards without writing anything for them; while they are assigned, try again."""
        for shard in shards:
            self._owned.pop(shard, None)
            self._ready_since.pop(shard, None)
            self._retry_at[shard] = time.monotonic() + RETRY
            self._reporter.released(shard)
        self._reopen()

    def _let_go(self, shards: list[int]) -> None:
        for shard in shards:
            self._save(self._owned[shard])
        self._give_up([shard for shard in shards if shard in self._owned])

    def _reopen(self) -> None:
        if self._aligned is not None:
            self._aligned.close()
            self._aligned = None
        self._ready_since.clear()
        if self._owned:
            positions = {tp: at for owned in self._owned.values() for tp, at in owned.positions.items()}
            ranks = next(iter(self._owned.values())).ranks
            self._aligned = Aligned(self._log.tail(positions), positions, ranks)

    # ---- a batch

    def _read(self) -> None:
        assert self._aligned is not None
        waiting = any(self._ready(owned) for owned in self._owned.values())
        try:
            self._aligned.poll(min(self._pipeline.linger, 0.005) if waiting else DECISIONS_EVERY)
        except RangeLost as lost:
            self._halt_where_lost(str(lost))

    def _halt_where_lost(self, said: str) -> None:
        for owned in list(self._owned.values()):
            spans = self._log.spans(owned.partitions)
            if any(not s.begin <= owned.positions[tp] <= s.end for tp, s in spans.items()):
                self._halt(owned, said)

    def _ready(self, owned: Owned) -> int:
        return self._aligned.ready(owned.partitions) if self._aligned else 0

    def _collect(self) -> list[Work]:
        now = time.monotonic()
        look = now - self._decisions_at >= DECISIONS_EVERY
        if look:
            self._decisions_at = now
        work = []
        for owned in self._owned.values():
            records = self._due(owned, now)
            decisions = self._journal.pending(owned.index) if records or look else []
            if records or decisions:
                work.append(Work(owned, records, decisions))
        return work

    def _due(self, owned: Owned, now: float) -> list[Record]:
        """A full batch, or what there is once the oldest of it has waited for the linger time."""
        ready = self._ready(owned)
        if not ready or self._aligned is None:
            self._ready_since.pop(owned.index, None)
            return []
        since = self._ready_since.setdefault(owned.index, now)
        if ready < self._pipeline.batch and now - since < self._pipeline.linger:
            return []
        del self._ready_since[owned.index]
        return self._aligned.take(owned.partitions, self._pipeline.batch)

    def _process(self, work: list[Work]) -> None:
        started = time.monotonic()
        entries = [item.owned.entry(item.records, item.decisions) for item in work]
        fenced = set(self._journal.append(entries))
        for item, entry in zip(work, entries, strict=True):
            if item.owned.index not in fenced:
                self._advance(item, entry.batch)
        self._outbox.deliver()
        for item, entry in zip(work, entries, strict=True):
            if item.owned.index in fenced:
                self._refused(item.owned, "journal")
            elif item.owned.index in self._owned:
                item.owned.published = entry.batch.number
                self._reporter.batch(item.owned, len(item.records), time.monotonic() - started)

    def _advance(self, item: Work, batch: Batch) -> None:
        try:
            item.owned.advance(batch, item.records, self._outbox)
        except StepFailed as failure:
            self._halt(item.owned, str(failure))

    # ---- between batches

    def _look_after(self) -> None:
        for owned in list(self._owned.values()):
            if owned.since_snapshot >= self._pipeline.snapshot_every:
                self._save(owned)
        if self._reporter.due():
            self._outbox.announce()
            if 0 in self._owned:
                self._reviews.take_in()
            self._report()

    def _report(self) -> None:
        for owned in list(self._owned.values()):
            status = owned.shard.status()
            try:
                self._journal.report(owned.index, owned.epoch, status.as_json())
            except Fenced:
                self._refused(owned, "status")
            else:
                self._reporter.status(status)
        self._reporter.lag(self._log, self._owned.values())

    def _save(self, owned: Owned) -> None:
        try:
            seconds, size = owned.save(self._key)
        except Fenced:
            self._refused(owned, "snapshot")
        except SnapshotError as error:
            # The journal is enough to go on; the next attempt comes after as many records again.
            logger.error("no snapshot", shard=owned.index, why=str(error))
            owned.since_snapshot = 0
        else:
            self._reporter.saved(owned, seconds, size)

    def _pause(self, seconds: float) -> None:
        """Let time pass while there is nothing to do; a signal ends it within a twentieth of a second."""
        deadline = time.monotonic() + seconds
        while not self.should_exit and time.monotonic() < deadline:
            self._membership.tick({})
            time.sleep(min(0.05, seconds))

    def _close(self) -> None:
        if self._aligned is not None:
            self._aligned.close()
        self._membership.close()

    def _save_all(self) -> None:
        try:
            self._leave()
        except (LogError, StoreUnavailable) as error:
            logger.error("stopped without a last snapshot; the next start replays", why=str(error))

    def _leave(self) -> None:
        if self._owned:
            self._outbox.announce()
            self._report()
        for owned in list(self._owned.values()):
            if owned.unsaved:
                self._save(owned)
