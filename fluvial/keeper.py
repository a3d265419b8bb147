"""Keeper: when snapshots of a worker's shards are made, and what becomes of them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import structlog

from fluvial.errors import SnapshotError
from fluvial.fence import Fenced
from fluvial.owned import Owned
from fluvial.reporter import Reporter
from fluvial.saver import Saved, Saver
from fluvial.timing import Timing

logger = structlog.get_logger()

SHARE = 0.05
"""The share of a shard's time that packing snapshots may take."""


class Owner(Protocol):
    """Who has the shards, and gives one up that turns out to have a newer owner."""

    owned: dict[int, Owned]

    def refuse(self, owned: Owned, what: str) -> None: ...


class Keeper:
    """Makes a snapshot of a shard after every ``every`` records, as long as it costs the stream little."""

    def __init__(self, owner: Owner, saver: Saver, reporter: Reporter, timing: Timing, every: int) -> None:
        self._owner, self._saver, self._reporter = owner, saver, reporter
        self._timing, self._every = timing, every

    @property
    def _owned(self) -> Mapping[int, Owned]:
        return self._owner.owned

    def look_after(self) -> None:
        """Hear of the snapshots under way, and start those that are due."""
        self._take_note(self._saver.finished())
        for owned in list(self._owned.values()):
            rested = self._timing.monotonic() - owned.saved_at >= owned.save_cost / SHARE
            if owned.since_snapshot >= self._every and rested and not owned.saving:
                self._save(owned)

    def save_now(self, some: Iterable[Owned]) -> None:
        """Save what a restart would have to replay of these shards, and wait until it is stored."""
        for owned in some:
            if owned.unsaved:
                self._save(owned)
        self._take_note(self._saver.wait())

    def pin(self, owned: Owned) -> None:
        """Store the first snapshot: it pins where all ranges begin. Raises Fenced, StoreError."""
        self._save(owned)
        results = self._saver.wait()
        self._take_note(results)
        owned.saving = False
        for saved in results:
            if (saved.shard, saved.epoch) == (owned.index, owned.epoch) and saved.error is not None:
                if isinstance(saved.error, SnapshotError):
                    logger.error("no snapshot", shard=saved.shard, why=str(saved.error))
                else:
                    raise saved.error

    def _save(self, owned: Owned) -> None:
        """Pack the state now and let it be sealed and stored beside the loop."""
        started = self._timing.monotonic()
        try:
            job = owned.job()
        except SnapshotError as error:
            # The journal is enough to go on; the next attempt comes after as many records again.
            logger.error("no snapshot", shard=owned.index, why=str(error))
            owned.since_snapshot = 0
            return
        owned.saved_at = self._timing.monotonic()
        owned.save_cost = owned.saved_at - started
        owned.saving = True
        self._reporter.packed(owned, len(job.packed))
        self._saver.submit(job)

    def _take_note(self, results: Iterable[Saved]) -> None:
        for saved in results:
            owned = self._owned.get(saved.shard)
            if owned is None or owned.epoch != saved.epoch:
                continue
            owned.saving = False
            match saved.error:
                case None:
                    self._reporter.saved(owned, owned.save_cost + saved.seconds, saved.size)
                case Fenced():
                    self._owner.refuse(owned, "snapshot")
                case error:
                    owned.saved_batch = -1
                    logger.error("no snapshot", shard=saved.shard, why=str(error))
