"""Follower: keeps the state of a shard warm that another worker owns, so that taking over costs little."""

import time

import structlog

from consumers.log import LogError
from fluvial.history import History, Past
from fluvial.replay import Gap
from fluvial.shard import Output, StepFailed
from fluvial.store import StoreUnavailable

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

    def __init__(self, history: History) -> None:
        self._history = history
        self.past: Past | None = None
        self.unpublished: dict[int, list[Output]] = {}
        self._warm = False
        self._not_before = 0.0

    def follow(self, seconds: float) -> bool:
        """Step what is new, one row or about so many seconds; returns whether there was anything new."""
        if time.monotonic() < self._not_before:
            return False
        try:
            stepped = self._step(time.monotonic() + seconds)
        except (Gap, StepFailed, LogError, StoreUnavailable) as trouble:
            logger.warning("cannot follow the journal", shard=self._history.index, why=str(trouble))
            self.past, self.unpublished = None, {}
            self._warm, self._not_before = False, time.monotonic() + REST
            return False
        if not stepped and not self._warm and self.past is not None:
            self._warm = True
            logger.info("standing by", shard=self._history.index, batch=self.past.batch)
        return stepped

    def _step(self, deadline: float) -> bool:
        if self.past is None:
            self.past = self._history.start()
        stepped = False
        # One row at least: loading a large state, or fetching from a slow log, can take all of the time.
        on = lambda: not stepped or time.monotonic() < deadline  # noqa: E731
        for row, outputs in self._history.walk(self.past, still_ours=on, chunk=FEW):
            stepped = True
            self.unpublished[row.number] = outputs
            for known in [number for number in self.unpublished if number <= row.published]:
                del self.unpublished[known]
        return stepped
