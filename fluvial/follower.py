"""Follower: keeps the state of a shard warm that another worker owns, so that taking over costs little."""

from collections.abc import Iterator

import structlog

from consumers.log import LogError
from fluvial.errors import Gap
from fluvial.history import History, Past
from fluvial.journal import Batch
from fluvial.shard import Output, StepFailed
from fluvial.store import StoreUnavailable
from fluvial.timing import Timing

logger = structlog.get_logger()

REST = 30.0
"""Seconds after a failure before a follower tries again; the shard's owner is not concerned."""

FEW = 2_000
"""Records fetched at a time: what is fetched and not stepped when time is up is fetched again."""


class Follower:
    """Follows the journal of one shard a few rows at a time and publishes nothing.

    ``past`` is the state so far, None where there is none to be had; ``unpublished`` holds the
    outputs of rows that the owner had perhaps not published when it wrote the newest row.
    """

    def __init__(self, history: History, timing: Timing) -> None:
        self._history, self._timing = history, timing
        self._not_before = 0.0
        self._forget()

    def _forget(self) -> None:
        self.past: Past | None = None
        self.unpublished: dict[int, list[Output]] = {}
        self._rows: Iterator[tuple[Batch, list[Output]]] = iter(())
        self._warm = False

    def follow(self, seconds: float) -> bool:
        """Step what is new, for about so many seconds; returns whether there was anything new."""
        if self._timing.monotonic() < self._not_before:
            return False
        try:
            stepped = self._step(self._timing.monotonic() + seconds)
        except (Gap, StepFailed, LogError, StoreUnavailable) as trouble:
            logger.warning("cannot follow the journal", shard=self._history.index, why=str(trouble))
            self._forget()
            self._not_before = self._timing.monotonic() + REST
            return False
        if not stepped and not self._warm and self.past is not None:
            self._warm = True
            logger.info("standing by", shard=self._history.index, batch=self.past.batch)
        return stepped

    def _step(self, deadline: float) -> bool:
        if self.past is None:
            if not self._history.pinned():
                return False  # where its reading begins is for its first owner to say
            self.past = self._history.start()
            self._rows = self._history.walk(self.past, chunk=FEW)
        stepped = False
        for row, outputs in self._rows:
            stepped = True
            self.unpublished[row.number] = outputs
            for known in [number for number in self.unpublished if number <= row.published]:
                del self.unpublished[known]
            if self._timing.monotonic() >= deadline:
                return True
        self._rows = self._history.walk(self.past, chunk=FEW)  # the last one is at its end
        return stepped
