"""Memory: the models that a rollback brings back, kept while a replay goes by."""

import secrets
from typing import Any

from fluvial.decision import wants_model
from fluvial.journal import Journal
from fluvial.replay import Gap
from fluvial.snapshot import seal, unseal
from fluvial.state import State


class Memory:
    """Keeps the states of one replay that its journal asks for later, sealed with a key of its own."""

    def __init__(self, journal: Journal, shard: int) -> None:
        rows = journal.rows_with(shard, "rollback")
        wanted = [decision for row in rows for decision in row.decisions if wants_model(decision)]
        self._wanted = frozenset(int(decision.args["batch"]) for decision in wanted)
        self._held: dict[int, bytes] = {}
        self._key = secrets.token_bytes(32)

    def note(self, state: State) -> None:
        """Keep a state if it is asked for later; call it before the first batch and after each."""
        if state.batch in self._wanted:
            self._held[state.batch] = seal(state, {}, self._key)

    def model(self, batch: int) -> Any:
        """The model as it was after a batch. Raises Gap."""
        if batch not in self._held:
            raise Gap(
                f"a rollback wants the model after batch {batch}, which lies before what can be replayed"
            )
        return unseal(self._held[batch], {}, self._key).learner.model


def copy_of(state: State) -> State:
    """The same state once more, sharing nothing with the first."""
    key = secrets.token_bytes(32)
    return unseal(seal(state, {}, key), {}, key)
