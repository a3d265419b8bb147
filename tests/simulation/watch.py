"""Watch: looks on while a history happens and notes what must never happen, and what the end will be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from consumers.log import UnknownTopic
from consumers.record import TopicPartition
from fluvial.errors import Gap
from fluvial.history import History, Past
from fluvial.journal import Batch, Entry, Tenure
from fluvial.replay import fingerprint
from fluvial.shard import StepFailed

if TYPE_CHECKING:
    from tests.simulation.world import Worker, World


class Acquired(NamedTuple):
    """An epoch that was taken when the journal ended with batch ``last``."""

    shard: int
    epoch: int
    last: int


class Watch:
    """``violations`` are promises that were broken on the way.

    ``written`` and ``saved`` tell how far the topic of predictions had come, partition by partition,
    when a row (shard, batch, epoch) or the first snapshot of a batch was about to be stored.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.violations: list[str] = []
        self.tenures: list[Acquired] = []
        self.fenced: set[tuple[int, int]] = set()
        self.written: dict[tuple[int, int, int], list[int]] = {}
        self.saved: dict[tuple[int, int], list[int]] = {}
        self._halted: dict[str, dict[int, str]] = {}

    def position(self, tp: TopicPartition) -> int:
        """The next offset that a partition's shard will learn from, as the journal says."""
        world = self._world
        shard = 0 if world.pipeline.learn == "one-model" else tp.partition
        kept = world.shelf.listing(shard)
        positions = dict(kept[-1].positions) if kept and kept[-1].batch == 0 else {}
        for row in world.journal.batches(shard, 0):
            positions |= {where: done.end for where, done in row.ranges.items()}
            for decision in row.decisions:
                given = decision.args.get("positions", {})
                positions |= {TopicPartition.parse(name): at for name, at in given.items()}
        return positions.get(tp, world.broker.partition(tp).begin)

    # ---- called by the journal that is watched

    def acquired(self, shard: int, tenure: Tenure) -> None:
        self.tenures.append(Acquired(shard, tenure.epoch, tenure.last_batch))

    def appending(self, entries: Sequence[Entry]) -> None:
        """Before rows are written: whoever gives rows up must not be able to replay the first of them."""
        for entry in entries:
            self.written[entry.shard, entry.batch.number, entry.epoch] = self._published()
            for decision in entry.batch.decisions:
                if decision.action == "accept_gap" and "after" in decision.args:
                    self._accepting(entry, int(decision.args["after"]))

    def appended(self, entries: Sequence[Entry], fenced: Sequence[int]) -> None:
        for entry in entries:
            if entry.shard in fenced:
                self._world.count("a row is refused")
                self.fenced.add((entry.shard, entry.epoch))
            elif any("after" in decision.args for decision in entry.batch.decisions):
                self._world.count("a gap is accepted")
            else:
                self._world.count("a row is written")

    def saving(self, shard: int, batch: int) -> None:
        """Before a snapshot is stored."""
        self.saved.setdefault((shard, batch), self._published())

    def reported(self, shard: int, status: Mapping[str, Any]) -> None:
        """A worker tells how a shard stands: at every moment all is accounted for."""
        events = sum(status["outcomes"].values()) + status["waiting"]
        labels = sum(status["fates"].values()) + status["early"]
        if (events, labels) != (status["events"], status["labels"]):
            self.violations.append(f"shard {shard}: the status is not balanced: {status}")

    def _published(self) -> list[int]:
        topic = self._world.broker.topics[self._world.pipeline.topic("predictions")]
        return [partition.end for partition in topic.partitions]

    def _accepting(self, entry: Entry, after: int) -> None:
        lost = self._world.journal.batches(entry.shard, after, limit=1)
        blameless = not any(" step" in place for place in self._world.faults.fired)
        if lost and lost[0].number < entry.batch.number and blameless and self._can_be_stepped(lost[0]):
            self.violations.append(f"shard {entry.shard}: batch {lost[0].number} is there and was given up")

    def _can_be_stepped(self, row: Batch) -> bool:
        broker, people = self._world.broker, self._world.people
        if any("after" in one.args or one.action in ("rollback", "adopt") for one in row.decisions):
            return False  # given up before, or it may want a model that is gone
        for tp, wanted in row.ranges.items():
            topic = broker.topics.get(tp.topic)
            if topic is None or wanted.start < topic.partitions[tp.partition].begin:
                return False
            records = topic.partitions[tp.partition].records[wanted.start : wanted.end]
            if len(records) != wanted.count or fingerprint(records) != wanted.crc:
                return False
            if people.broken and any(b"poison" in (record.value or b"") for record in records):
                return False
        return True

    # ---- after each turn of a worker

    def after_tick(self, worker: Worker, *, fair: bool) -> None:
        """A shard stands still only where something is missing, or the model failed.

        It is not ``fair`` to ask for that where the world went on while the worker stood still.
        """
        halted = {shard: halt.why for shard, halt in worker.runner._holdings.halted.items()}
        for shard, why in halted.items():
            if self._halted.get(worker.name, {}).get(shard) != why:
                self._world.count(f"a shard is halted: {'the model fails' if 'Broken' in why else 'a gap'}")
                self._world.happens(f"{worker.name} halts shard {shard}: {why}")
                if fair and "Broken" not in why and self._runs(shard):
                    self.violations.append(f"{worker.name} halted shard {shard} although it runs: {why}")
        self._halted[worker.name] = halted

    def _runs(self, shard: int) -> bool:
        """Whether everything is there that the shard needs to go on."""
        world = self._world
        inside, world.faults.inside = world.faults.inside, False
        try:
            ids = {name: topic.id for name, topic in world.broker.topics.items()}
            wanted = world.topic_ids(shard)
            if any(ids.get(name) != known for name, known in wanted.items()):
                return False
            history = History(world.place(), shard)
            past = history.start()
            for _ in history.walk(past):
                pass
            return self._reads_on(past)
        except (Gap, StepFailed, UnknownTopic):
            return False
        finally:
            world.faults.inside = inside

    def _reads_on(self, past: Past) -> bool:
        spans = {tp: self._world.broker.partition(tp).span for tp in past.positions}
        return all(span.begin <= past.positions[tp] <= span.end for tp, span in spans.items())
