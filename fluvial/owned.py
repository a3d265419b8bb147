"""Owned: one shard in the hands of one worker, from taking its epoch to giving it back.

States and the legal ways between them::

    acquired --recover--> running --advance*--> running --close--> released
        |                    |
        +------- Gap --------+--> halted --accept--> running   (this shard alone; a person decides)
        +------ Fenced ------+--> released                     (a newer owner; nothing more is written)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from consumers.log import LogError
from consumers.record import Record, TopicPartition
from fluvial.bridge import TopicUnfit, bridge, can_read, topic_ids
from fluvial.decision import STEERING, Decision, wants_model
from fluvial.errors import Gap
from fluvial.fingerprint import definition
from fluvial.follower import Follower
from fluvial.header import header_for
from fluvial.history import History, Past
from fluvial.inventory import Inventory
from fluvial.journal import Batch, Entry, Fenced
from fluvial.outputs import Outbox
from fluvial.place import Place, partitions_of, ranks_of
from fluvial.replay import by_partition, range_of
from fluvial.saver import Job
from fluvial.shadow.adopting import resolved
from fluvial.shadow.readiness import Readiness
from fluvial.shard import Output, Shard, StepFailed, batch_step
from fluvial.shelf import Kept
from fluvial.snapshot import pack
from learners.expression import build
from learners.forgetting import can_forget
from monitors.status import plain


class Owned:
    """A shard with its epoch, its positions and what was published last."""

    def __init__(self, place: Place, index: int) -> None:
        self.pipeline, self.index = place.pipeline, index
        self._log, self._journal, self._shelf, self._worker = (
            place.log,
            place.journal,
            place.shelf,
            place.worker,
        )
        self.ranks = ranks_of(self.pipeline)
        self.partitions = partitions_of(self.pipeline, index)
        self._definition = definition(self.pipeline)
        self._history = History(place, index, refused=self._refused)
        self._tenure = self._journal.acquire(index, place.worker)
        self.epoch = self._tenure.epoch
        self.topics: dict[str, str] = {}
        """The ids of the topics that the shard learns from, by name."""
        self.past = Past(Shard(self.pipeline, index), {})
        self.published = 0
        self.since_snapshot = 0
        self.saved_batch = -1
        self.saved_at = float("-inf")
        self.save_cost = 0.0
        self._brought: dict[int, Any] = {}
        self._coming: Any = None  # the model as the decisions of a batch so far leave it
        self._place, self._readiness = place, Readiness(place, index)
        self._inventory = Inventory(self.pipeline, place.timing)
        self._unpublished: list[Output] = []
        self.saving = False

    @property
    def shard(self) -> Shard:
        """The shard as it stands."""
        return self.past.shard

    @property
    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to be learned from, by partition."""
        return self.past.positions

    @property
    def last_batch(self) -> int:
        """The last batch in the journal when the shard was taken."""
        return self._tenure.last_batch

    def recover(self, outbox: Outbox, warm: Follower | None = None) -> Iterator[int]:
        """Load the newest good snapshot and replay what follows; yields each batch that was replayed.

        What was journaled but perhaps not published goes to ``outbox`` in the end, byte for byte. A
        follower that is ``warm`` saves the loading and most of the replay. Raises TopicUnfit at once; Gap
        and StepFailed when as much as possible is replayed; Fenced, StoreUnavailable, LogError.
        """
        anew = self._check_topics()
        kept = self._shelf.listing(self.index)
        self.published = self._proven(kept)
        self.past = self._begin(warm)
        self.saved_batch = max((one.batch for one in kept), default=-1)
        try:
            yield from self._replay()
        except Gap as gap:
            raise anew or gap from None
        if anew is not None:
            raise anew
        self._check_positions()
        outbox.put(self.index, self._unpublished)

    def _replay(self) -> Iterator[int]:
        try:
            yield from self._steps()
        except Gap:
            # A follower that was left behind may need what nobody else needs any more.
            newest = self._history.start()
            if newest.batch > self.past.batch:
                self.past = newest
            # Many rows are fetched together, and one that is gone spoils them all: now one by one.
            yield from self._steps(chunk=0)

    def _steps(self, chunk: int | None = None) -> Iterator[int]:
        for row, outputs in self._history.walk(self.past, chunk=chunk):
            self.since_snapshot += sum(done.count for done in row.ranges.values())
            if row.number > self.published:
                self._unpublished += outputs
            yield row.number

    def loss(self) -> Mapping[str, Any] | None:
        """What accepting the gap would give up as things are; None where nobody can tell yet."""
        try:
            taken, _ = self._bridge(self._given_up(), Decision(0, "accept_gap", ""))
        except (TopicUnfit, LogError):
            return None
        return taken.args

    def accept(self, decision: Decision, outbox: Outbox, *, spoilt: bool) -> None:
        """Go on behind what cannot be replayed, as a person decided; the journal says what was given up.

        To be called after ``recover`` has raised anything but TopicUnfit: ``spoilt`` says that a step
        failed, so that what is in memory stands in the middle of a batch. Decisions that steer the
        learner are not given up with their batches. Raises Gap, Fenced, StoreUnavailable, LogError.
        """
        if decision.id not in {one.id for one in self._journal.pending(self.index)}:
            raise Gap("the decision to accept a gap was taken up by another worker, for another one")
        given_up = self._given_up()
        taken, ids = self._bridge(given_up, decision)
        if spoilt:
            self.past = self._history.at(self.past.batch)
        steering = [one for row in given_up for one in row.decisions if one.action in STEERING]
        number, done = self._tenure.last_batch + 1, [*self.ready_for(steering), taken]
        row = Batch(number, {}, done, self.published, self._definition)
        if self._journal.append([Entry(self.index, self.epoch, row, ids)]):
            raise Fenced(f"shard {self.index} has a newer owner than epoch {self.epoch}")
        self.topics = ids
        self._history.void(self.past.batch, number)
        self._shelf.forget(self.index, self.epoch, self.past.batch + 1, number - 1)
        batch_step(self.shard, number, done, [], models=self._brings)
        self._brought.clear()
        self.past.moved(row)
        outbox.put(self.index, self._unpublished)

    def _given_up(self) -> list[Batch]:
        rows = self._journal.batches(self.index, self.past.batch)
        return [row for row in rows if not self._history.is_void(row.number)]

    def _bridge(self, given_up: Sequence[Batch], decision: Decision) -> tuple[Decision, dict[str, str]]:
        return bridge(self._log, self.past, given_up, decision, self._tenure.topic_ids, self.ranks)

    def _begin(self, warm: Follower | None) -> Past:
        past = warm.past if warm is not None else None
        if warm is not None and past is not None and not self._history.is_void(past.batch):
            for batch, outputs in warm.unpublished.items():
                if batch > self.published:
                    self._unpublished += outputs
            return past
        return self._history.start()

    def _proven(self, kept: Sequence[Kept]) -> int:
        """The newest batch known to be published: the last row tells, and so does each snapshot.

        A snapshot is taken after publishing: even of a spoilt one the number says what was published.
        """
        last = self._journal.batches(self.index, self._tenure.last_batch - 1, limit=1)
        return max([0, *(one.batch for one in kept), *(row.published for row in last)])

    def _check_topics(self) -> Gap | None:
        """Raise TopicUnfit where one is missing or has grown; return Gap where one was made anew."""
        found = topic_ids(self._log, self.ranks, self.pipeline.partitions)
        if not self._tenure.topic_ids:
            self._journal.remember_topics(self.index, self.epoch, found)
        self.topics = {name: self._tenure.topic_ids.get(name, topic_id) for name, topic_id in found.items()}
        for name, known in self._tenure.topic_ids.items():
            if name in found and found[name] != known:
                return Gap(f"the topic {name} was made anew: its records are not those learned from")
        return None

    def _check_positions(self) -> None:
        for tp, span in self._log.spans(self.partitions).items():
            at = self.positions[tp]
            if not span.begin <= at <= span.end:
                raise Gap(f"{tp} holds offsets {span.begin} to {span.end}; the next to be learned is {at}")
            # Asked of a shard that stood still only: otherwise the loop finds out soon enough.
            if self._tenure.halted is not None and at < span.end and not can_read(self._log, tp, at):
                raise Gap(f"{tp} cannot be read from offset {at} on")

    def _refused(self, kept: Kept, why: str) -> None:
        self._journal.refused(self.index, "snapshot", self.epoch, self._worker, f"batch {kept.batch}: {why}")

    def due(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Those to be taken up now: who waits for a model that is being made holds up what exchanges it."""
        return self._readiness.due(decisions, self.shard.state.batch)

    def ready_for(
        self, decisions: Sequence[Decision], alive: Callable[[], None] = lambda: None
    ) -> list[Decision]:
        """The decisions as they are journaled: with how things stood, and with why one cannot be done."""
        self._coming = self.shard.state.learner.model
        return [self._ready(one, alive) if one.action in STEERING else one for one in decisions]

    def _ready(self, decision: Decision, alive: Callable[[], None]) -> Decision:
        learner = self.shard.state.learner
        reading = {str(tp): at for tp, at in self.positions.items()}
        stood = {"learned": learner.learned, "predict_only": learner.predict_only, "positions": reading}
        args = {**decision.args, "stood": stood}
        try:
            if decision.action == "adopt":
                args = resolved(self._place, self.index, args)
            if decision.action == "reset_part" and (forgot := self._forgot(str(args["part"]))):
                args["forgot"] = forgot
            decision = decision._replace(args=args)
            self._try(decision, alive)
        except (Gap, StepFailed, LookupError, ValueError, TypeError) as why:
            return decision._replace(args={**args, "failed": str(why)})
        return decision

    def _try(self, decision: Decision, alive: Callable[[], None]) -> None:
        """Make what a decision wants, before the journal says that it was taken up."""
        after = self.shard.state.batch
        if wants_model(decision):
            self._coming = self._brought[decision.id] = self._history.model_for(
                decision, after, alive, artefacts=self._place.artefacts
            )
        elif decision.action == "reset":
            self._coming = build(self.pipeline.model, seed=self.pipeline.seed)
        elif decision.action in ("exclude_source", "include_source"):
            str(decision.args["source"])

    def _forgot(self, part: str) -> dict[str, Any] | None:
        """What a part's reset makes forgotten. Raises LookupError where it cannot be reset."""
        # Of decisions in one batch the order counts: the model is the one that is coming.
        forgot = can_forget(self._coming, self.shard.state.learner.recent, part, self._inventory.private)
        return None if forgot is None else dict(plain(forgot))  # type: ignore[call-overload]

    def _brings(self, decision: Decision, after: int) -> Any:
        return self._brought[decision.id]

    def entry(
        self,
        records: Sequence[Record],
        decisions: Sequence[Decision],
        alive: Callable[[], None] = lambda: None,
    ) -> Entry:
        """The journal row that has to be written before ``advance`` may learn from these."""
        parts = by_partition(records)
        ranges = {tp: range_of(found, self.positions[tp]) for tp, found in parts.items()}
        number = self.shard.state.batch + 1
        row = Batch(number, ranges, self.ready_for(decisions, alive), self.published, self._definition)
        return Entry(self.index, self.epoch, row)

    def advance(
        self, batch: Batch, records: list[Record], outbox: Outbox, alive: Callable[[], None] = lambda: None
    ) -> None:
        """Learn from a batch whose row is in the journal. Raises StepFailed."""
        outputs = batch_step(
            self.shard, batch.number, batch.decisions, records, models=self._brings, alive=alive
        )
        self._brought.clear()
        outbox.put(self.index, outputs)
        self.past.moved(batch)
        self.since_snapshot += len(records)

    @property
    def unsaved(self) -> bool:
        """Whether a restart now would have to replay something."""
        return self.saved_batch != self.shard.state.batch

    def job(self) -> Job:
        """The state as it is now, packed, for a saver to seal and to store. Raises SnapshotError."""
        state = self.shard.state
        header = header_for(self.pipeline, self.index, state.batch, self.positions, self.epoch, state.digest)
        packed, knows = pack(state), self._inventory.of(self.shard)
        self.since_snapshot, self.saved_batch = 0, state.batch
        return Job(self.index, self.epoch, header, dict(self.positions), self._definition, packed, knows)
