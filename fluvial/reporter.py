"""Reporter: what a worker does, told to Prometheus and to the log in the same words."""

import time
from collections.abc import Callable, Iterable
from itertools import starmap

import structlog

from consumers.log import Log
from fluvial import reviews
from fluvial.incidents import Incidents
from fluvial.notify.outbox import standings
from fluvial.owned import Owned
from fluvial.store import Store
from fluvial.timing import SYSTEM, Timing
from monitors.metrics import Metrics, OpenIncident
from monitors.series import MOST_INCIDENTS
from monitors.status import ShardStatus

logger = structlog.get_logger()

TOLD_EVERY = 5.0
"""Seconds between two lines about a replay that takes long."""


class Reporter:
    """Tells what happens to the shards of one pipeline; ``every`` is in seconds."""

    def __init__(
        self, pipeline: str, metrics: Metrics, store: Store, *, every: float = 1.0, timing: Timing = SYSTEM
    ) -> None:
        self._pipeline, self._metrics, self._store, self._every = pipeline, metrics, store, every
        self._incidents, self._timing = Incidents(store), timing
        self._next = 0.0
        self.latest: dict[int, ShardStatus] = {}
        self.final: ShardStatus | None = None

    def due(self) -> bool:
        """Whether it is time to report again; asking restarts the wait."""
        now = self._timing.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every
        return True

    def acquired(self, owned: Owned, replayed: int, seconds: float) -> None:
        """A shard is ours and up to date."""
        self._metrics.halted(self._pipeline, owned.index, False)
        self._metrics.recovery(self._pipeline, owned.index, seconds, owned.since_snapshot)
        self.status(owned.shard.status())
        logger.info(
            "shard acquired",
            pipeline=self._pipeline,
            shard=owned.index,
            epoch=owned.epoch,
            batch=owned.shard.state.batch,
            replayed_batches=replayed,
            seconds=round(seconds, 2),
        )

    def progress(self, shard: int) -> Callable[[int, int], None]:
        """A shard was taken; what to call with (batch, last batch) while it is replayed: tells at times."""
        self._metrics.recovering(self._pipeline, shard)
        said = self._timing.monotonic()

        def tell(batch: int, last: int) -> None:
            nonlocal said
            if self._timing.monotonic() - said >= TOLD_EVERY:
                said = self._timing.monotonic()
                logger.info("replaying", pipeline=self._pipeline, shard=shard, batch=batch, last_batch=last)

        return tell

    def released(self, shard: int) -> None:
        """A shard is no longer run here."""
        self.latest.pop(shard, None)
        self._metrics.drop(self._pipeline, shard)
        self._metrics.halted(self._pipeline, shard, False)
        logger.info("shard released", pipeline=self._pipeline, shard=shard)

    def halted(self, shard: int, why: str) -> None:
        """A shard stands still until a person acts."""
        self._metrics.halted(self._pipeline, shard, True)
        logger.error("shard halted", pipeline=self._pipeline, shard=shard, why=why)

    def fenced(self, shard: int, epoch: int, what: str) -> None:
        """A write of ours was refused because the shard has a newer owner."""
        self._metrics.fenced(self._pipeline, shard)
        logger.warning("write refused", pipeline=self._pipeline, shard=shard, epoch=epoch, what=what)

    def batch(self, owned: Owned, records: int, seconds: float) -> None:
        """A batch went through, journal and deliveries included."""
        self._metrics.batch(self._pipeline, owned.index, records, seconds)

    def packed(self, owned: Owned, size: int) -> None:
        """The state was packed; a snapshot of it will be written beside the loop."""
        self._metrics.packed(self._pipeline, owned.index, size)

    def saved(self, owned: Owned, seconds: float, size: int) -> None:
        """A snapshot was written."""
        self._metrics.snapshot(self._pipeline, owned.index, seconds, size, time.time())

    def status(self, status: ShardStatus) -> None:
        """A shard's counts at this moment."""
        self.latest[status.shard] = self.final = status
        self._metrics.publish(status)

    def lag(self, log: Log, owned: Iterable[Owned]) -> None:
        """How far the log is ahead of the shards, and how the desk stands."""
        positions = {tp: at for one in owned for tp, at in one.positions.items()}
        spans = log.spans(list(positions)) if positions else {}
        lags = {(tp.topic, tp.partition): span.end - positions[tp] for tp, span in spans.items()}
        self._metrics.lag(self._pipeline, lags)
        self.desk()

    def desk(self) -> None:
        """How the desk stands: incidents and reviews."""
        incidents = {str(state): n for state, n in self._incidents.counts(self._pipeline).items()}
        self._metrics.desk(self._pipeline, incidents, reviews.counts(self._store, self._pipeline))
        still_open = self._incidents.still_open(self._pipeline, MOST_INCIDENTS)
        self._metrics.notices(self._pipeline, standings(self._store, self._pipeline))
        self._metrics.incidents(self._pipeline, starmap(OpenIncident, still_open))
