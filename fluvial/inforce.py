"""In force: what people had decided about a shard by the time of a batch, and what of it still held."""

from typing import NamedTuple

from fluvial.decision import Decision, wants_model
from fluvial.journal import Journal


class Taken(NamedTuple):
    """A decision and the batch at whose start it took effect."""

    batch: int
    decision: Decision


class InForce(NamedTuple):
    """The pause that held, if one did; what the model was exchanged for; the gaps that were accepted."""

    paused: Taken | None
    exchanged: tuple[Taken, ...]
    gaps: tuple[Taken, ...]


def in_force(journal: Journal, shard: int, batch: int) -> InForce:
    """What held while a batch was stepped: its own decisions come before its records."""
    taken = _taken(journal, shard, batch)
    paused: Taken | None = None
    for one in taken:
        if one.decision.action == "pause":
            paused = paused or one
        elif one.decision.action == "resume":
            paused = None
    exchanged = [one for one in taken if one.decision.action == "reset" or wants_model(one.decision)]
    gaps = [one for one in taken if one.decision.action == "accept_gap"]
    return InForce(paused, tuple(exchanged), tuple(gaps))


def _taken(journal: Journal, shard: int, batch: int) -> list[Taken]:
    rows = {
        row.number: row
        for action in ("pause", "resume", "reset", "rollback", "accept_gap")
        for row in journal.rows_with(shard, action)
        if row.number <= batch
    }
    return [Taken(number, decision) for number, row in sorted(rows.items()) for decision in row.decisions]
