"""Holdings: which shards a worker has in its hands, and how it comes by them and loses them.

A shard is taken when the membership gives it, recovered, and given up when the membership takes it
away, when a newer owner fences it, or when log or store fail. One that cannot go on is halted: it
stands still, people are told, and the others go on.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import structlog

from consumers.log import LogError, Membership
from fluvial.arrival import Arrival
from fluvial.decision import WAKING, Decision
from fluvial.errors import Gap
from fluvial.fence import Fenced
from fluvial.follower import Follower
from fluvial.history import History
from fluvial.incidents import Incidents
from fluvial.keeper import Keeper
from fluvial.outputs import Outbox
from fluvial.owned import Owned
from fluvial.place import Place
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


SLICE = 0.2
"""Seconds for which a shard is replayed before the shards that are at work get their turn again."""


class Halt(NamedTuple):
    """Why a shard stands still, in which epoch it came to that, and when it may be tried again by itself."""

    why: str
    epoch: int
    again_at: float


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
        self._coming: dict[int, Arrival] = {}
        self.changed = False
        self.leaving: Callable[[], bool] = lambda: False
        self._followers: dict[int, Follower] = {}
        self._retry_at: dict[int, float] = {}
        self._refused: dict[int, str] = {}
        self._look_at = 0.0
        self._others: dict[int, str] = {}

    def settle(self) -> None:
        """Let go of what is no longer ours, take what is, and wake what people decided about."""
        assigned = self._membership.assigned()
        self._give_back(assigned)
        taken = {*self.owned, *self.halted, *self._coming}
        for shard in sorted(assigned - taken):
            if self._timing.monotonic() >= self._retry_at.get(shard, 0.0):
                self._guarded(shard, partial(self._take, shard))
        done = [shard for shard in list(self._coming) if self._guarded(shard, partial(self._go_on, shard))]
        if done:
            # Not guarded: what one delivery fails to deliver may be any shard's.
            self._outbox.deliver()
            for shard in done:
                self._guarded(shard, partial(self._arrived, self._coming[shard]))
        if self.owned or self._coming:
            self._followers.clear()
        if self.halted and self._timing.monotonic() >= self._look_at:
            self._look_at = self._timing.monotonic() + LOOK
            for shard in list(self.halted):
                self._wake(shard)

    def _give_back(self, assigned: frozenset[int]) -> None:
        if gone := [shard for shard in self.owned if shard not in assigned]:
            self.let_go(gone)
        for shard in {*self._coming, *self.halted} - assigned:
            self._coming.pop(shard, None)
            self.halted.pop(shard, None)
            self._reporter.released(shard)

    def has(self, shard: int) -> bool:
        """Whether a shard is in our hands, at work or standing still."""
        return shard in self.owned or shard in self.halted

    def missing(self) -> str:
        """Why this worker does not do all it should; empty where it does."""
        if trouble := self._membership.trouble:
            return trouble
        if self.halted:
            shard, halt = next(iter(self.halted.items()))
            return f"shard {shard} is halted: {halt.why}"
        waiting = self._membership.assigned() - set(self.owned)
        if why := next((self._refused[shard] for shard in sorted(waiting) if shard in self._refused), ""):
            return why
        return f"shard {min(waiting)} is not recovered yet" if waiting else ""

    # ---- taking

    def _take(self, shard: int, tried: Sequence[Decision] = (), accept: Decision | None = None) -> None:
        started = self._timing.monotonic()
        self._coming[shard] = Arrival(
            Owned(self._place, shard),
            self._outbox,
            started=started,
            warm=self._followers.pop(shard, None),
            accept=accept,
            tried=tried,
            progress=self._reporter.progress(shard),
        )

    def _go_on(self, shard: int) -> bool:
        """Replay a shard that is on its way, for a moment while others are at work; whether it is done."""
        arrival = self._coming[shard]
        deadline = self._timing.monotonic() + SLICE

        def pause() -> bool:
            self._membership.tick({})
            gone = self.leaving() or shard not in self._membership.assigned()
            return gone or (bool(self.owned) and self._timing.monotonic() >= deadline)

        return arrival.go_on(pause)

    def _arrived(self, arrival: Arrival) -> None:
        """Put a shard to work whose outputs are all delivered."""
        owned = arrival.owned
        owned.published = owned.shard.state.batch
        if owned.saved_batch < 0 or arrival.accepted:
            self.keeper.pin(owned)
        self._journal.halt(owned.index, owned.epoch, None)
        self._incidents.went_on(self._pipeline.pipeline, owned.index, epoch=owned.epoch)
        del self._coming[owned.index]
        self._refused.pop(owned.index, None)
        self.owned[owned.index] = owned
        self.changed = True
        seconds = self._timing.monotonic() - arrival.started
        self._reporter.acquired(owned, arrival.replayed, seconds)

    def _guarded(self, shard: int, act: Callable[[], bool | None]) -> bool:
        """Let one shard's trouble be its own: halt it, give it up or try again later; what ``act`` said."""
        try:
            return bool(act())
        except (Gap, StepFailed) as trouble:
            arrival = self._coming.pop(shard)
            self.halt(arrival.owned, str(trouble), arrival.tried, by_itself=isinstance(trouble, Gap))
        except Fenced:
            self.refuse(self._coming.pop(shard).owned, "recover")
        except LogError as error:
            # Perhaps this shard's partitions alone are in trouble: the others go on.
            logger.error("the shard cannot be taken", shard=shard, why=str(error))
            self._coming.pop(shard, None)
            self._refused[shard] = f"shard {shard} cannot be taken: {error}"
            self._retry_at[shard] = self._timing.monotonic() + RETRY
        return False

    def _wake(self, shard: int) -> None:
        """Try a halted shard again where a person decided so, or where time may have mended it."""
        halt = self.halted[shard]
        if not self._journal.holds(shard, halt.epoch):
            del self.halted[shard]  # somebody else had it meanwhile and may have mended it
            return
        waking = [decision for decision in self._journal.pending(shard) if decision.action in WAKING]
        fresh = [decision for decision in waking if "tried" not in decision.args]
        if not fresh and self._timing.monotonic() < halt.again_at:
            return
        # One that could not help before (a topic was missing) stays accepted.
        accept = next((decision for decision in waking if decision.action == "accept_gap"), None)
        self._guarded(shard, partial(self._take, shard, fresh, accept))
        del self.halted[shard]

    # ---- losing

    def halt(
        self, owned: Owned, why: str, tried: Sequence[Decision] = (), *, by_itself: bool = False
    ) -> None:
        """Let the shard stand still until a person decides; ``by_itself`` it is tried again later too."""
        self._drop(owned.index)
        try:
            self._journal.halt(owned.index, owned.epoch, why)
            self._journal.tried(owned.index, owned.epoch, tried, why)
            self._incidents.stands_still(
                self._pipeline.pipeline,
                owned.index,
                why,
                gives_up=owned.loss(),
                retried=by_itself,
                epoch=owned.epoch,
            )
        except Fenced:
            self.refuse(owned, "halt")
            return
        again = self._timing.monotonic() + AGAIN if by_itself else float("inf")
        self.halted[owned.index] = Halt(why, owned.epoch, again)
        self._reporter.halted(owned.index, why)

    def refuse(self, owned: Owned, what: str) -> None:
        """Note that a newer owner is there, and give the shard up without writing anything for it."""
        self._journal.refused(owned.index, "write", owned.epoch, self._place.worker, what)
        self._reporter.fenced(owned.index, owned.epoch, what)
        self.give_up([owned.index])

    def give_up(self, shards: list[int]) -> None:
        """Drop shards without writing anything for them; while they are assigned, try again."""
        for shard in shards:
            self._coming.pop(shard, None)
            self._drop(shard)
            self._retry_at[shard] = self._timing.monotonic() + RETRY

    def give_up_all(self) -> None:
        """Drop everything without writing: memory may be ahead of what is known to be written."""
        self.give_up([*self.owned, *self._coming])

    def _drop(self, shard: int) -> None:
        self.owned.pop(shard, None)
        self.changed = True
        self._reporter.released(shard)

    def let_go(self, shards: list[int]) -> None:
        """Drop shards whose state is sound and published, and keep it in snapshots."""
        self.keeper.save_now([self.owned[shard] for shard in shards])
        self.give_up([shard for shard in shards if shard in self.owned])

    def misled(self) -> list[int]:
        """The shards at work whose topics are not those that they learn from. Raises LogError.

        A reader takes whatever topic has the name: one that was made anew just before it was opened, and
        that holds as many records again, would be learned from as if nothing had happened.
        """
        named = sorted({name for owned in self.owned.values() for name in owned.topics})
        found = self._place.log.describe(named)
        ids = {name: info.id for name, info in found.items()}
        return [
            shard
            for shard, owned in self.owned.items()
            if any(ids.get(name) != topic_id for name, topic_id in owned.topics.items())
        ]

    # ---- standing by

    def stand_by(self, seconds: float) -> None:
        """Follow the shards that others own, for about so many seconds, so that they can be taken fast."""
        for shard in sorted(set(range(self._pipeline.shards)) - set(self.owned) - set(self.halted)):
            follower = self._followers.get(shard)
            if follower is None:
                follower = self._followers[shard] = Follower(History(self._place, shard), self._timing)
            follower.follow(seconds)

    def say_who_owns(self) -> None:
        """Tell, once for each owner, for whom this worker waits."""
        for shard in set(range(self._pipeline.shards)) - set(self.owned) - set(self.halted):
            holder = self._membership.holder(shard)
            if holder is not None and self._others.get(shard) != holder:
                self._others[shard] = holder
                logger.info("waiting: the shard is owned", shard=shard, owner=holder)
