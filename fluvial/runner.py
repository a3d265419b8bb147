"""Runner: the loop of one worker; the only file that sees all packages at work.

startup -> main_loop -> shutdown, as a server does it: signal handlers set ``should_exit``, the loop
reads it once a tick. The order inside a tick is what makes recovery exact: journal row, step,
publish, and only then the next row, which says what was published before it.
"""

import gc
from collections.abc import Callable
from typing import NamedTuple

import structlog

from consumers.aligned import Aligned
from consumers.log import Log, LogError, Membership, PartitionsAdded, RangeLost, Unreadable
from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.decision import Decision
from fluvial.holdings import RETRY, Holdings
from fluvial.journal import Batch, Fenced
from fluvial.outputs import Outbox
from fluvial.owned import Owned
from fluvial.place import place_of
from fluvial.reporter import Reporter
from fluvial.review_feed import ReviewFeed
from fluvial.saver import Saver, ThreadSaver
from fluvial.shard import StepFailed
from fluvial.shelf import Shelf
from fluvial.store import Store, StoreUnavailable
from fluvial.timing import SYSTEM, Timing

logger = structlog.get_logger()

DECISIONS_EVERY = 0.1
"""Seconds between two looks for decisions while no records come."""

STUCK = 5.0
"""Seconds after which a loop that does not turn is not ready for anything."""


class Work(NamedTuple):
    """One shard's next batch before it is journaled."""

    owned: Owned
    records: list[Record]
    decisions: list[Decision]


class Runner:
    """Runs the shards that ``membership`` gives this worker until ``should_exit`` is set.

    ``drained`` lets a run end by itself: it is asked whenever nothing is left to read. ``saver``
    makes what stores snapshots; ``timing`` are the clocks.
    """

    def __init__(  # noqa: PLR0913 - each is one thing that a caller may want to be another
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
        saver: Callable[[Shelf, bytes], Saver] = ThreadSaver,
        timing: Timing = SYSTEM,
    ) -> None:
        self._pipeline, self._log, self._membership = pipeline, log, membership
        self._reporter, self._drained, self._timing = reporter, drained, timing
        place = place_of(pipeline, log, store, key, worker=worker, timing=timing)
        self._journal = place.journal
        self._outbox = Outbox(pipeline, log, store)
        self._reviews = ReviewFeed(pipeline, log, store, key)
        self._saver = saver(place.shelf, key)
        self._holdings = Holdings(place, store, membership, self._outbox, reporter, self._saver)
        self._holdings.leaving = lambda: self.should_exit
        self._ready_since: dict[int, float] = {}
        self._decisions_at = 0.0
        self._aligned: Aligned | None = None
        self._trouble = "nothing was read yet"
        self._turned_at = timing.monotonic()
        self.should_exit = False

    @property
    def owned(self) -> dict[int, Owned]:
        """The shards this worker owns now, by index."""
        return self._holdings.owned

    def trouble(self) -> str:
        """Why this worker is not ready; empty where it is. May be asked from any thread."""
        if self.should_exit:
            return "it is being stopped"
        still = self._timing.monotonic() - self._turned_at
        if not self._trouble and still > STUCK:
            return f"the loop has not turned for {still:.0f} s"
        return self._trouble

    def run(self) -> None:
        """Work until told to stop, then leave everything so that nothing is done again.

        After an error that nobody expected nothing is written any more: memory may be ahead of what
        was published, and a snapshot says that all before it was.
        """
        gc.freeze()  # what the worker is made of stays: a collection that walked through it took 0.1 s
        try:
            while not self.should_exit:
                self._tick_safely()
            self._save_all()
        finally:
            self._close()
            gc.unfreeze()

    def _tick_safely(self) -> None:
        try:
            self.tick()
        except (LogError, StoreUnavailable) as error:
            # Memory may be ahead of what is known to be written: give the shards up and recover them.
            logger.error("shards given up until the log and the store answer", why=str(error))
            self._trouble = str(error)
            self._holdings.give_up_all()
            self._pause(RETRY)
        else:
            self._trouble = self._holdings.missing()
            self._alive()

    def _alive(self) -> None:
        """Tell that the loop turns, however long a batch takes: the group must not think that it hangs."""
        self._turned_at = self._timing.monotonic()
        self._membership.tick({})

    def tick(self) -> None:
        """One turn: settle ownership, read, journal, step, publish, report."""
        self._membership.tick({tp: at for o in self.owned.values() for tp, at in o.positions.items()})
        self._holdings.settle()
        if self._holdings.changed:
            self._reopen()
        if self._aligned is None:
            self._stand_by()
            return
        self._read()
        work = self._collect()
        if work:
            self._process(work)
        elif self._drained() and not any(self._ready(owned) for owned in self.owned.values()):
            self.should_exit = True
        self._look_after()

    def _stand_by(self) -> None:
        self._holdings.say_who_owns()
        if self._pipeline.standby == "warm":
            self._holdings.stand_by(0.2)
        if self._holdings.halted:
            self._look_after()
        self._pause(0.05)

    def _reopen(self) -> None:
        """Read for what is at work now. Whose topics are others is looked at once the reader holds them."""
        self._open()
        while self._aligned is not None and (misled := self._holdings.misled()):
            logger.error("topics were made anew: shards are taken again", shards=misled)
            self._holdings.let_go(misled)
            self._open()

    def _open(self) -> None:
        self._holdings.changed = False
        if self._aligned is not None:
            self._aligned.close()
            self._aligned = None
        self._ready_since.clear()
        if self.owned:
            positions = {tp: at for owned in self.owned.values() for tp, at in owned.positions.items()}
            ranks = next(iter(self.owned.values())).ranks
            tail = self._log.tail(positions)
            self._aligned = Aligned(tail, positions, ranks, clock=self._timing.monotonic)

    # ---- a batch

    def _read(self) -> None:
        assert self._aligned is not None
        waiting = any(self._ready(owned) for owned in self.owned.values())
        try:
            self._aligned.poll(min(self._pipeline.linger, 0.005) if waiting else DECISIONS_EVERY)
        except (RangeLost, PartitionsAdded) as error:
            # Taking the shards again shows which of them cannot go on, and why; the others do. What they
            # have learned is kept: the records before the missing ones may be gone as well.
            logger.error("the log is not as it was: shards are taken again", why=str(error))
            self._holdings.let_go([owned.index for owned in self._concerned(error)])
            self._reopen()
        except Unreadable as error:
            concerned = self._concerned(error)
            self._holdings.keeper.save_now(concerned)
            for owned in concerned:
                if owned.index in self.owned:
                    self._holdings.halt(owned, str(error), by_itself=True)
            self._reopen()

    def _concerned(self, error: LogError) -> list[Owned]:
        """The shards that an error is about: all of them where it names none of their partitions."""
        every = list(self.owned.values())
        return [owned for owned in every if error.partitions & set(owned.partitions)] or every

    def _ready(self, owned: Owned) -> int:
        return self._aligned.ready(owned.partitions) if self._aligned else 0

    def _collect(self) -> list[Work]:
        now = self._timing.monotonic()
        look = now - self._decisions_at >= DECISIONS_EVERY
        if look:
            self._decisions_at = now
        work = []
        for owned in self.owned.values():
            records = self._due(owned, now)
            decisions = owned.due(self._journal.pending(owned.index)) if records or look else []
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
        started = self._timing.monotonic()
        entries = [item.owned.entry(item.records, item.decisions, self._alive) for item in work]
        fenced = set(self._journal.append(entries))
        for item in work:  # at once: what comes next can fail, and then nobody would know of it
            if item.owned.index in fenced:
                self._holdings.refuse(item.owned, "journal")
        for item, entry in zip(work, entries, strict=True):
            if item.owned.index not in fenced:
                self._advance(item, entry.batch)
        self._outbox.deliver()
        for item, entry in zip(work, entries, strict=True):
            if item.owned.index in self.owned:
                item.owned.published = entry.batch.number
                seconds = self._timing.monotonic() - started
                self._reporter.batch(item.owned, len(item.records), seconds)

    def _advance(self, item: Work, batch: Batch) -> None:
        try:
            item.owned.advance(batch, item.records, self._outbox, self._alive)
        except StepFailed as failure:
            self._holdings.halt(item.owned, str(failure))

    # ---- between batches

    def _look_after(self) -> None:
        self._holdings.keeper.look_after()
        if self._reporter.due():
            if self._holdings.has(0):  # one worker of many is enough for what concerns the whole pipeline
                self._outbox.announce()
                self._reviews.take_in()
            self._report()

    def _report(self) -> None:
        for owned in list(self.owned.values()):
            status = owned.shard.status()
            try:
                self._journal.report(owned.index, owned.epoch, status.as_json())
            except Fenced:
                self._holdings.refuse(owned, "status")
            else:
                self._reporter.status(status)
        self._reporter.lag(self._log, self.owned.values())

    def _pause(self, seconds: float) -> None:
        """Let time pass while there is nothing to do; a signal ends it within a twentieth of a second."""
        deadline = self._timing.monotonic() + seconds
        while not self.should_exit and self._timing.monotonic() < deadline:
            self._alive()
            self._timing.sleep(min(0.05, seconds))

    def _close(self) -> None:
        if self._aligned is not None:
            self._aligned.close()
        self._saver.close()
        self._membership.close()

    def _save_all(self) -> None:
        try:
            self._leave()
        except (LogError, StoreUnavailable) as error:
            logger.error("stopped without a last snapshot; the next start replays", why=str(error))

    def _leave(self) -> None:
        if self._holdings.has(0):
            self._outbox.announce()
        if self.owned:
            self._report()
        self._holdings.keeper.save_now(list(self.owned.values()))
