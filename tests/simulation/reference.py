"""Reference: a shard rebuilt from the journal's rows and from all that was ever in the log, with plain means.

It shares with the product only the shard that steps records and decisions; in which order and which of
them, it finds out for itself.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from consumers.record import Record, TopicPartition
from fluvial.decision import Decision
from fluvial.journal import Range
from fluvial.replay import fingerprint
from fluvial.shadow.carrier import Carrier
from fluvial.shadow.contender import Contender
from fluvial.shadow.recipe import recipe_of
from fluvial.shard import Curve, Published, Raised
from fluvial.store import journal_table
from tests.simulation.store import rows

if TYPE_CHECKING:
    from tests.simulation.world import World


class Row:
    """One row of the journal, as it stands in the table."""

    def __init__(self, row: Any) -> None:
        self.batch, self.epoch, self.published = int(row.batch), int(row.epoch), int(row.published)
        self.ranges = {TopicPartition.parse(tp): Range(*held) for tp, held in row.ranges.items()}
        self.decisions = [Decision(*one) for one in row.decisions]

    @property
    def accepts(self) -> Decision | None:
        """The decision in this row that accepted a gap, if one did."""
        return next((one for one in self.decisions if "after" in one.args), None)

    @property
    def positions(self) -> dict[TopicPartition, int]:
        """Where reading goes on as far as the row says."""
        found = {tp: held.end for tp, held in self.ranges.items()}
        if self.accepts is not None:
            given = self.accepts.args["positions"].items()
            found |= {TopicPartition.parse(name): int(at) for name, at in given}
        return found


def _in(voids: list[tuple[int, int]], batch: int) -> bool:
    return any(after < batch < until for after, until in voids)


class Reference:
    """What one shard must have come to. ``published`` tells the batch from which each output comes, ``violations`` tell where the journal itself cannot be right."""

    def __init__(self, world: World, index: int) -> None:
        self._world, self.index = world, index
        query = sa.select(journal_table).where(journal_table.c.shard == index)
        self.rows = [Row(row) for row in rows(world.store, query.order_by(journal_table.c.batch))]
        voids = [(int(row.accepts.args["after"]), row.batch) for row in self.rows if row.accepts]
        told = [one for row in self.rows if not _in(voids, row.batch) for one in row.decisions]
        adopted = [one for one in told if one.action == "adopt" and "failed" not in one.args]
        self._adopted = {one.id: Contender(recipe_of(one.args["recipe"]), world.pipeline) for one in adopted}
        self.shard = Carrier(world.pipeline, index, None, list(self._adopted.values()))
        self.violations: list[str] = []
        self.digests = {0: self.shard.state.digest.hex()}
        self.published: dict[str, dict[bytes, int]] = {"predictions": {}, "quarantine": {}}
        self.points: set[int] = set()
        self.alarms: set[str] = set()
        self.learned: list[Record] = []
        self.given_up: set[str] = set()
        self.topic_ids: dict[int, dict[TopicPartition, str]] = {}
        self._models: dict[int, Any] = {0: copy.deepcopy(self.shard.state.learner.model)}
        self._rolls_back = any(one.action == "rollback" for row in self.rows for one in row.decisions)
        self._voids = [(int(row.accepts.args["after"]), row.batch) for row in self.rows if row.accepts]
        for row in self.rows:
            self._take(row)

    def is_void(self, batch: int) -> bool:
        """Whether a batch was given up when a gap was accepted."""
        return _in(self._voids, batch)

    def _take(self, row: Row) -> None:
        records = {tp: self._records(row, tp, held) for tp, held in row.ranges.items()}
        if self.is_void(row.batch):
            for tp, held in row.ranges.items():
                self.given_up |= {f"{tp}:{offset}" for offset in range(held.start, held.end)}
            return
        for decision in row.decisions:
            self._decide(row, decision)
        for record in self._merged(records):
            self._put(row, self.shard.step(record))
            self.learned.append(record)
        self.shard.state.batch = row.batch
        self.shard.settle()
        self.digests[row.batch] = self.shard.state.digest.hex()
        if self._rolls_back:
            self._models[row.batch] = copy.deepcopy(self.shard.state.learner.model)

    def _decide(self, row: Row, decision: Decision) -> None:
        model = None
        if decision.action == "rollback" and "failed" not in decision.args:
            wanted = int(decision.args["batch"])
            if wanted not in self._models:
                self.violations.append(f"batch {row.batch} rolls back to {wanted}, which was given up")
                return
            model = copy.deepcopy(self._models[wanted])
        elif decision.id in self._adopted:
            contender = self._adopted[decision.id]
            model = contender.model
            self.shard.contenders.remove(contender)
            if not contender.usable:
                self.violations.append(f"batch {row.batch} adopts what cannot be made: {contender.failed}")
        elif decision.action == "rollback":
            self._was_impossible(row, decision)
        self._put(row, self.shard.decide(decision, model))

    def _was_impossible(self, row: Row, decision: Decision) -> None:
        there = int(decision.args["batch"]) in self._models
        harmed = self._world.damage.struck or self._world.shape.poison
        if there and not harmed and not any(" step" in place for place in self._world.faults.fired):
            self.violations.append(f"batch {row.batch}: the rollback could have been done: {decision.args}")

    def _put(self, row: Row, outputs: list[Any]) -> None:
        for output in outputs:
            match output:
                case Published():
                    self.published[output.role].setdefault(output.value, row.batch)
                case Curve():
                    self.points.add(output.point.sequence)
                case Raised():
                    self.alarms.add(output.id)

    def _records(self, row: Row, tp: TopicPartition, held: Range) -> list[Record]:
        """What a range holds: in the newest of all that ever stood there and fits."""
        topic = self._world.broker.topics[tp.topic]
        versions = [
            *self._world.broker.former.get(tp, []),
            (topic.id, topic.partitions[tp.partition].records),
        ]
        for topic_id, records in reversed(versions):
            found = records[held.start : held.end]
            if len(found) == held.count and fingerprint(found) == held.crc:
                self.topic_ids.setdefault(row.batch, {})[tp] = topic_id
                return found
        self.violations.append(
            f"batch {row.batch} holds what never was in {tp} from {held.start} to {held.end}"
        )
        return []

    def _merged(self, records: dict[TopicPartition, list[Record]]) -> list[Record]:
        """The oldest head first; at equal times events before labels, then by partition."""
        ranks = {topic: rank for rank, topic in enumerate(self._world.pipeline.input_topics)}
        left = {tp: list(found) for tp, found in records.items() if found}
        merged = []
        while left:
            tp = min(left, key=lambda tp: (left[tp][0].timestamp, ranks[tp.topic], tp.partition))
            merged.append(left[tp].pop(0))
            if not left[tp]:
                del left[tp]
        return merged
