"""Inventory: what a shard's model could forget one by one, told beside its snapshots."""

from typing import Any

from fluvial.config import Pipeline
from fluvial.shard import Shard
from fluvial.timing import Timing
from learners.forgetting import inventory

SHARE = 0.002
"""The share of a shard's time that looking through its model may take, which costs more than packing it."""


QUICK = 0.005
"""Seconds that it may take each time: a model that is looked through so fast is told of as it is."""


class Inventory:
    """Looks through a model as often as that costs little; in between what was found last is told again.

    What it costs is the shorter of the last two looks: one that was interrupted, or had to load something,
    does not keep the next ones away for minutes. Another model is looked through at once.
    """

    def __init__(self, pipeline: Pipeline, timing: Timing) -> None:
        self._fields, self._timing = pipeline.fields, timing
        self._told: dict[str, Any] = {}
        self._again_at = float("-inf")
        self._took = 0.0  # seconds of the look before
        self._version = 0  # of the model that was looked through

    @property
    def private(self) -> set[str]:
        """The fields of which nothing is told."""
        return {name for name, spec in self._fields.items() if spec.pii}

    def of(self, shard: Shard) -> dict[str, Any]:
        """What :func:`learners.forgetting.inventory` says, and after which ``batch`` it said so."""
        started, learner = self._timing.monotonic(), shard.state.learner
        if started >= self._again_at or learner.version != self._version:
            found = inventory(learner.model, learner.recent, self._fields, self.private)
            self._told = {**found, "batch": shard.state.batch}
            took = self._timing.monotonic() - started
            self._again_at = started + max(0.0, min(took, self._took) - QUICK) / SHARE
            self._took, self._version = took, learner.version
        return self._told
