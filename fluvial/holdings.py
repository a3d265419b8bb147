"""Holdings: which shards a worker has in its hands, and how it comes by them and loses them.

A shard is taken when the membership gives it, recovered, and given up when the membership takes it
away, when a newer owner fences it, or when log or store fail. One that cannot go on is halted: it
stands still, people are told, and the others go on.
"""

from collections.abc import Callable
from typing import NamedTuple

import structlog

from consumers.log import LogError, Membership
from fluvial.decision import WAKING, Decision
from fluvial.fence import Fenced
from fluvial.follower import Follower
from fluvial.history import History
from fluvial.incidents import Incidents
from fluvial.keeper import Keeper
from fluvial.outputs import Outbox
from fluvial.owned import Owned
from fluvial.place import Place
from fluvial.replay import Gap
from fluvial.reporter import Reporter
from fluvial.saver import Saver
from fluvial.shard import StepFailed
from fluvial.store import Store

logger = structlog.get_logger()

RETRY = 1.0
"""Seconds before a shard that was lost or could not be taken is tried again."""

LOOK = 1.0
"""Seconds between two looks whether somebody decided about a shard that stands still."""

AGAIN = 60.0
"""Seconds after which a shard that misses records is tried again by itself: they may be back."""


class Halt(NamedTuple):
    """Why a shard stands still, when it may be tried again by itself, and which decisions were tried."""

    why: str
    again_at: float
    tried: frozenset[int]


class Holdings:
    """The shards of one worker. ``changed`` says that the set is another one than at the last look."""

    def __init__(
        self,
        place: Place,
        store: Store,
        membership: Membership,
        outbox: Outbox,
        reporter: Reporter,
        saver: Saver,
    ) -> None:
        self._place, self._pipeline, self._journal = place, place.pipeline, place.journal
        self._membership, self._outbox, self._reporter = membership, outbox, reporter
        self._timing, self._incidents = place.timing, Incidents(store)
        self.keeper = Keeper(self, saver, reporter, place.timing, place.pipeline.snapshot_every)
        self.owned: dict[int, Owned] = {}
        self.halted: dict[int, Halt] = {}
        self.changed = False
        self.leaving: Callable[[], bool] = lambda: False
        self._followers: dict[int, Follower] = {}
        self._retry_at: dict[int, float] = {}
        self._look_at = 0.0
        self._others: dict[int, str] = {}

    def settle(self) -> None:
        """Let go of what is no longer ours, take what is, and wake what people decided about."""
        assigned = self._membership.assigned()
        if gone := [shard for shard in self.owned if shard not in assigned]:
            self._let_go(gone)
        for shard in set(self.halted) - assigned:
            del self.halted[shard]
            self._reporter.released(shard)
        for shard in sorted(assigned - set(self.owned) - set(self.halted)):
            if self._timing.monotonic() >= self._retry_at.get(shard, 0.0):
                self._acquire(shard)
        if self.halted and self._timing.monotonic() >= self._look_at:
            self._look_at = self._timing.monotonic() + LOOK
            for shard in list(self.halted):
                self._wake(shard)

    def missing(self) -> str:
        """Why this worker does not do all it should; empty where it does."""
        if self.halted:
            shard, halt = next(iter(self.halted.items()))
            return f"shard {shard} is halted: {halt.why}"
        waiting = self._membership.assigned() - set(self.owned)
        return f"shard {min(waiting)} is not recovered yet" if waiting else ""

    # ---- taking

    def _acquire(
        self, shard: int, tried: frozenset[int] = frozenset(), accept: Decision | None = None
    ) -> None:
        started = self._timing.monotonic()
        owned = None
        try:
            owned = Owned(self._place, shard)
            replayed = self._recover(owned, accept)
        except (Gap, StepFailed) as trouble:
            assert owned is not None
            self.halt(owned, str(trouble), tried, by_itself=isinstance(trouble, Gap))
            return
        except Fenced:
            assert owned is not None
            self.refuse(owned, "recover")
            return
        except LogError as error:
            # Perhaps this shard's partitions alone are in trouble: the others go on.
            logger.error("the shard cannot be taken", shard=shard, why=str(error))
            self._retry_at[shard] = self._timing.monotonic() + RETRY
            return
        if not self._still_ours(shard):
            return
        owned.published = owned.shard.state.batch
        self.owned[shard] = owned
        self.changed = True
        self._reporter.acquired(owned, replayed, self._timing.monotonic() - started)

    def _recover(self, owned: Owned, accept: Decision | None) -> int:
        shard = owned.index
        still_ours = lambda: self._still_ours(shard)  # noqa: E731
        warm = self._followers.pop(shard, None)
        replayed = 0
        try:
            progress = self._reporter.progress(shard)
            replayed = owned.recover(self._outbox, still_ours, warm=warm, progress=progress)
        except (Gap, StepFailed):
            if accept is None:
                raise
            owned.accept(accept, still_ours)
        self._outbox.deliver()
        if owned.saved_batch < 0 or accept is not None:
            self.keeper.pin(owned)
        self._journal.halt(shard, owned.epoch, None)
        self._incidents.went_on(self._pipeline.pipeline, shard)
        return replayed

    def _still_ours(self, shard: int) -> bool:
        self._membership.tick({})
        return not self.leaving() and shard in self._membership.assigned()

    def _wake(self, shard: int) -> None:
        """Try a halted shard again where a person decided so, or where time may have mended it."""
        halt = self.halted[shard]
        fresh = [d for d in self._journal.pending(shard) if d.action in WAKING and d.id not in halt.tried]
        if not fresh and self._timing.monotonic() < halt.again_at:
            return
        accept = next((decision for decision in fresh if decision.action == "accept_gap"), None)
        del self.halted[shard]
        self._acquire(shard, halt.tried | {decision.id for decision in fresh}, accept)

    # ---- losing

    def halt(
        self, owned: Owned, why: str, tried: frozenset[int] = frozenset(), *, by_itself: bool = False
    ) -> None:
        """Let the shard stand still until a person decides; ``by_itself`` it is tried again later too."""
        self._drop(owned.index)
        again = self._timing.monotonic() + AGAIN if by_itself else float("inf")
        self.halted[owned.index] = Halt(why, again, tried)
        try:
            self._journal.halt(owned.index, owned.epoch, why)
            self._incidents.stands_still(self._pipeline.pipeline, owned.index, why)
        except Fenced:
            del self.halted[owned.index]
        self._reporter.halted(owned.index, why)

    def refuse(self, owned: Owned, what: str) -> None:
        """Note that a newer owner is there, and give the shard up without writing anything for it."""
        self._journal.refused(owned.index, "write", owned.epoch, self._place.worker, what)
        self._reporter.fenced(owned.index, owned.epoch, what)
        self.give_up([owned.index])

    def give_up(self, shards: list[int]) -> None:
        """Drop shards without writing anything for them; while they are assigned, try again."""
        for shard in shards:
            self._drop(shard)
            self._retry_at[shard] = self._timing.monotonic() + RETRY

    def _drop(self, shard: int) -> None:
        self.owned.pop(shard, None)
        self.changed = True
        self._reporter.released(shard)

    def _let_go(self, shards: list[int]) -> None:
        self.keeper.save_now([self.owned[shard] for shard in shards])
        self.give_up([shard for shard in shards if shard in self.owned])

    # ---- standing by

    def stand_by(self, seconds: float) -> None:
        """Follow the shards that others own, for about so many seconds, so that they can be taken fast."""
        for shard in sorted(set(range(self._pipeline.shards)) - set(self.owned) - set(self.halted)):
            follower = self._followers.get(shard)
            if follower is None:
                follower = self._followers[shard] = Follower(History(self._place, shard))
            follower.follow(seconds)

    def say_who_owns(self) -> None:
        """Tell, once for each owner, for whom this worker waits."""
        for shard in set(range(self._pipeline.shards)) - set(self.owned) - set(self.halted):
            holder = self._membership.holder(shard)
            if holder is not None and self._others.get(shard) != holder:
                self._others[shard] = holder
                logger.info("waiting: the shard is owned", shard=shard, owner=holder)
