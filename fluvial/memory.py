"""Memory: the models that decisions bring, kept or made while a replay goes by."""

import secrets
from typing import Any

from fluvial.config import Pipeline
from fluvial.decision import Decision, wants_model
from fluvial.errors import Gap
from fluvial.journal import Journal
from fluvial.shadow.carrier import Carrier
from fluvial.shadow.contender import Contender
from fluvial.shadow.rebuild import made
from fluvial.shadow.recipe import recipe_of
from fluvial.snapshot import seal, unseal


class Memory:
    """Keeps of one replay what its journal asks for later: states, sealed with a key of its own, and models.

    ``contenders`` are the models that will be adopted; the shard that is replayed has to carry them.
    """

    def __init__(self, journal: Journal, shard: int, pipeline: Pipeline) -> None:
        back = _asked(journal, shard, "rollback")
        self._wanted = frozenset(int(decision.args["batch"]) for decision in back)
        self._held: dict[int, bytes] = {}
        self._key = secrets.token_bytes(32)
        adopted = _asked(journal, shard, "adopt")
        recipes = {decision.id: recipe_of(decision.args["recipe"]) for decision in adopted}
        self._made = {number: Contender(recipe, pipeline) for number, recipe in recipes.items()}

    @property
    def contenders(self) -> list[Contender]:
        """Those that were not handed out yet."""
        return list(self._made.values())

    def note(self, carrier: Carrier) -> None:
        """Look at a shard; call it before the first batch and after each."""
        state = carrier.state
        carrier.settle()
        if state.batch in self._wanted:
            self._held[state.batch] = seal(state, {}, self._key)

    def model(self, decision: Decision, after: int) -> Any:
        """The model that a decision brings which is taken up after a batch. Raises Gap, StepFailed."""
        if decision.action == "adopt":
            return self._adopted(decision)
        batch = int(decision.args["batch"])
        if batch not in self._held:
            raise Gap(
                f"a rollback wants the model after batch {batch}, which lies before what can be replayed"
            )
        return unseal(self._held[batch], {}, self._key).learner.model

    def _adopted(self, decision: Decision) -> Any:
        contender = self._made.pop(decision.id)  # handed out: it must not go on learning by itself
        if contender.failed is not None and contender.model is None and not contender.learned:
            raise Gap(f"an adopted model cannot be made: {contender.failed}")
        model = made(contender)
        contender.failed = "it was handed out"
        return model


def _asked(journal: Journal, shard: int, action: str) -> list[Decision]:
    rows = journal.rows_with(shard, action)
    return [one for row in rows for one in row.decisions if one.action == action and wants_model(one)]
