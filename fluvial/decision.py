"""Decision: what a person wants the learner to do, as the journal carries it to the shard."""

from typing import NamedTuple

LEARNING_ACTIONS = ("keep_learning", "pause", "resume", "reset")
"""What a shard can be told. The other actions concern people only (acknowledge, resolve, …)."""


class Decision(NamedTuple):
    """One decision of one person on one pipeline, taken up between two batches.

    ``review`` is the id of the review it came from; applying the same one again never happens
    because the journal row of its batch says so.
    """

    id: int
    action: str
    review: str
