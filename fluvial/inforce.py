"""In force: what people had decided about a shard by the time of a batch, and what of it still held."""

from typing import NamedTuple

from fluvial.decision import STEERING, Decision, wants_model
from fluvial.journal import Journal


class Taken(NamedTuple):
    """A decision and the batch at whose start it took effect."""

    batch: int
    decision: Decision


class InForce(NamedTuple):
    """The pause that held, if one did; what the model was exchanged for; gaps accepted, sources excluded."""

    paused: Taken | None
    exchanged: tuple[Taken, ...]
    gaps: tuple[Taken, ...]
    excluded: tuple[Taken, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources whose events and labels were not learned, sorted."""
        return tuple(sorted({str(one.decision.args["source"]) for one in self.excluded}))


def in_force(journal: Journal, shard: int, batch: int) -> InForce:
    """What held while a batch was stepped: its own decisions come before its records."""
    taken = _taken(journal, shard, batch)
    paused: Taken | None = None
    for one in taken:
        if one.decision.action == "pause":
            paused = paused or one
        elif one.decision.action == "resume":
            paused = None
    exchanged = [one for one in taken if _exchanges(one.decision)]
    gaps = [one for one in taken if one.decision.action == "accept_gap"]
    return InForce(paused, tuple(exchanged), tuple(gaps), tuple(_excluded(taken)))


def _exchanges(decision: Decision) -> bool:
    resets = decision.action in ("reset", "reset_part") and "failed" not in decision.args
    return resets or wants_model(decision)


def _excluded(taken: list[Taken]) -> list[Taken]:
    """Of each source that is excluded, the decision that says so."""
    held: dict[str, Taken] = {}
    for one in taken:
        if one.decision.action == "exclude_source":
            held.setdefault(str(one.decision.args["source"]), one)
        elif one.decision.action == "include_source":
            held.pop(str(one.decision.args["source"]), None)
    return list(held.values())


def _taken(journal: Journal, shard: int, batch: int) -> list[Taken]:
    rows = {
        row.number: row
        for action in (*STEERING, "accept_gap")
        for row in journal.rows_with(shard, action)
        if row.number <= batch
    }
    return [Taken(number, decision) for number, row in sorted(rows.items()) for decision in row.decisions]
