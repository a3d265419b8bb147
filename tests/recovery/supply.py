"""Supply: what comes in while faults come down: records, and people's reviews."""

import json
import random
from itertools import cycle

from fluvial.reviews import history
from fluvial.signing import of_store, signed
from fluvial.store import StoreUnavailable
from tests.fluvial.world import KEY, START, World, tosses
from tests.recovery.at_work import AtWork
from tests.waiting import wait_until

HELPING = 400
"""Events that come at a time, each with its label."""

ACTIONS = ("pause", "resume", "reset", "keep_learning")


class Supply:
    """Feeds a world, and decides on it; a review is repeated under its id until it is known to be taken."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self._rng = world, rng
        self.events = 0
        self.reviews: dict[str, str] = {}
        self._actions = cycle(ACTIONS)

    def feed(self) -> None:
        """One helping more, and a review that another tool has signed and put into the topic."""
        name = f"topic-{self.events // HELPING}"
        message = {"id": name, "action": "reset", "who": "tool", "pipeline": self.world.pipeline.pipeline}
        sealed = json.dumps(signed(message, of_store(KEY))).encode()
        self.world.log.append(self.world.pipeline.topic("reviews"), sealed, key=b"tool", timestamp=START)
        self.reviews[name] = "reset"
        self.world.feed(tosses(HELPING, seed=self._rng.randrange(1 << 30), first=self.events))
        self.events += HELPING

    def decide(self) -> None:
        """The next review."""
        action = next(self._actions)
        name = f"desk-{len(self.reviews)}"
        self.reviews[name] = action
        wait_until(lambda: self._is_taken(name, action), f"{name} is taken", 60)

    def waiting(self, worker: AtWork) -> int:
        """Records that the worker has not learned from yet."""
        positions = worker.positions()
        spans = self.world.log.spans(list(positions))
        return sum(span.end - positions[tp] for tp, span in spans.items())

    def settle(self) -> None:
        """Wait until the worker has taken in the topic's reviews."""
        wait_until(lambda: self._taken() >= len(self.reviews), "all reviews are taken", 60)

    def _taken(self) -> int:
        try:
            return len(history(self.world.store, limit=len(self.reviews) + 1))
        except StoreUnavailable:
            return 0

    def _is_taken(self, name: str, action: str) -> bool:
        try:
            self.world.decide(action, pipeline=self.world.pipeline.pipeline, id=name)
        except StoreUnavailable:
            return False
        return True
