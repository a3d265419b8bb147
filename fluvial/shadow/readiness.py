"""Readiness: when a decision is taken up whose model has to be made first, so that nobody waits long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fluvial.decision import EXCHANGING, Decision
from fluvial.shadow.jobs import Jobs
from fluvial.shadow.recipe import recipe_of

if TYPE_CHECKING:
    from fluvial.place import Place

LITTLE = 5_000
"""Records that the owner of a shard replays at once; for more it waits until somebody else has made most."""

UNCLAIMED, PATIENCE = 8.0, 120.0
"""Seconds to wait for somebody to begin with the model where nobody computes anything, and for the model.

Then the owner makes it itself. A helper that starts has to load River, open the log and the store."""

LOOK = 0.2
"""Seconds between two looks at how far the model is."""


class Readiness:
    """Looks, for one shard, which decisions can be taken up without standing still for long.

    When a decision is taken up decides nothing but that: the journal says it, and a replay does the same.
    """

    def __init__(self, place: Place, shard: int) -> None:
        self._place, self._shard = place, shard
        self._since: dict[int, float] = {}
        self._looked = float("-inf")
        self._waits = False

    def due(self, decisions: Sequence[Decision], batch: int) -> list[Decision]:
        """Those to be taken up after a batch; behind one that waits, what exchanges the model waits too."""
        for n, decision in enumerate(decisions):
            if decision.action == "adopt" and self._holds(decision, batch):
                rest = [one for one in decisions[n + 1 :] if one.action not in EXCHANGING]
                return [*decisions[:n], *rest]
        return list(decisions)

    def _holds(self, decision: Decision, batch: int) -> bool:
        now = self._place.timing.monotonic()
        since = self._since.setdefault(decision.id, now)
        if now - self._looked >= LOOK:
            self._looked = now
            self._waits = now - since < PATIENCE and self._in_the_making(decision, batch, now - since)
        if not self._waits:
            self._since.pop(decision.id, None)
            self._looked = float("-inf")
        return self._waits

    def _in_the_making(self, decision: Decision, batch: int, waited: float) -> bool:
        store, artefacts = self._place.store, self._place.artefacts
        if store is None or artefacts is None:
            return False
        job = Jobs(store).named(model_job(decision.review, self._shard))
        if job is None or job.state in ("done", "failed"):
            return False
        if job.state == "queued":
            return waited < UNCLAIMED or Jobs(store).busy(job.pipeline)
        start = self._start(job.result or decision.args)
        return start is None or self._records(start, batch) > LITTLE

    def _start(self, args: Any) -> int | None:
        """The batch after which there is something to be replayed."""
        try:
            recipe = recipe_of(args["recipe"])
        except (KeyError, ValueError):
            return None
        assert self._place.artefacts is not None
        reached = self._place.artefacts.reached(self._shard, recipe)
        return recipe.start if reached is None else reached

    def _records(self, after: int, until: int) -> int:
        found = 0
        while after < until and found <= LITTLE:
            rows = self._place.journal.batches(self._shard, after, until, limit=50)
            if not rows:
                break
            found += sum(done.count for row in rows for done in row.ranges.values())
            after = rows[-1].number
        return found


def model_job(review: str, shard: int) -> str:
    """The name of the job that makes the model for a decision."""
    return f"model/{review}/{shard}"
