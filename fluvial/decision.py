"""Decision: what a person wants the learner to do, as the journal carries it to the shard."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

LEARNING_ACTIONS = (
    *("keep_learning", "pause", "resume", "reset", "reset_part", "rollback", "adopt"),
    *("exclude_source", "include_source", "resume_shard", "accept_gap", "set_budget"),
)
"""What a shard can be told. The other actions concern people only (acknowledge, resolve, …)."""

WAKING = ("resume_shard", "accept_gap")
"""What makes a worker try again to run a shard that stands still."""

EXCHANGING = ("reset", "reset_part", "rollback", "adopt")
"""What gives the shard another model, as a whole or in part; of these the order counts."""

STEERING = ("pause", "resume", "exclude_source", "include_source", "set_budget", *EXCHANGING)
"""What holds on: it is not given up with the batch that had taken it up."""

NONE: Mapping[str, Any] = MappingProxyType({})


class Decision(NamedTuple):
    """One decision of one person on one pipeline, taken up between two batches.

    ``review`` is the id of the review it came from; applying the same one again never happens
    because the journal row of its batch says so. ``args`` are JSON: ``rollback`` has the ``batch``
    whose model comes back; ``adopt`` the ``recipe`` of the model to go on with (see
    :mod:`fluvial.shadow.recipe`); ``exclude_source`` and ``include_source`` the ``source``; ``reset_part``
    the ``part``; ``set_budget`` the ``budget`` and ``smallest_change`` to watch by; ``accept_gap``, once it
    is in the journal, what :func:`fluvial.bridge.bridge` says was given up. What steers learning says there
    how things ``stood``, and why it ``failed`` if it did.
    ``tried`` says why the shard stood still after a try that the decision had led to.
    """

    id: int
    action: str
    review: str
    args: Mapping[str, Any] = NONE


def wants_model(decision: Decision) -> bool:
    """Whether it brings another model; not where that had turned out to be impossible."""
    return decision.action in ("rollback", "adopt") and "failed" not in decision.args
