"""Owned: one shard in the hands of one worker, from taking its epoch to giving it back.

States and the legal ways between them::

    acquired --recover--> running --advance*--> running --close--> released
        |                    |
        +------- Gap --------+--> halted       (this shard alone; people are told what is missing)
        +------ Fenced ------+--> released     (a newer owner; nothing more is written)
"""

import time
from collections.abc import Callable, Sequence

import structlog

from consumers.log import Log
from consumers.record import Record, TopicPartition
from fluvial.config import Pipeline
from fluvial.decision import Decision
from fluvial.header import expected_of, header_for, positions_of
from fluvial.journal import Batch, Entry, Journal, Snapshot
from fluvial.outputs import Outbox
from fluvial.replay import Gap, by_partition, range_of, replay
from fluvial.shard import Shard, batch_step
from fluvial.snapshot import SnapshotError, header_of, seal, unseal

logger = structlog.get_logger()


class Owned:
    """A shard with its epoch, its positions and what was published last."""

    def __init__(self, pipeline: Pipeline, index: int, log: Log, journal: Journal, worker: str) -> None:
        self.pipeline, self.index = pipeline, index
        self._log, self._journal, self._worker = log, journal, worker
        self.ranks = ranks_of(pipeline)
        self.partitions = partitions_of(pipeline, index)
        self.positions: dict[TopicPartition, int] = {}
        self.published = 0
        self.since_snapshot = 0
        self.saved_batch = -1
        tenure = journal.acquire(index, worker)
        self.epoch, self._topic_ids = tenure.epoch, tenure.topic_ids
        self.shard = Shard(pipeline, index)

    def recover(self, outbox: Outbox, key: bytes, still_ours: Callable[[], bool]) -> int:
        """Load the newest good snapshot and replay what follows; returns how many batches.

        What was journaled but perhaps not published goes to ``outbox`` again, byte for byte.
        Raises Gap, Fenced, StoreUnavailable, LogUnavailable.
        """
        self._check_topics()
        snapshots = self._journal.snapshots(self.index)
        self._load(snapshots, key)
        self.saved_batch = self.shard.state.batch
        batches = self._journal.batches(self.index, self.saved_batch)
        # A snapshot is taken after publishing: even of a spoilt one the number says what was published.
        proven = [self.shard.state.batch, *(s.batch for s in snapshots), *(b.published for b in batches[-1:])]
        self.published = max(proven)
        for batch, outputs in replay(self._log, self.shard, batches, self.ranks, still_ours):
            for tp, done in batch.ranges.items():
                self.positions[tp] = done.end
            self.since_snapshot += sum(done.count for done in batch.ranges.values())
            if batch.number > self.published:
                outbox.put(self.index, outputs)
        return len(batches)

    def _check_topics(self) -> None:
        found = {name: info.id for name, info in self._log.describe(list(self.ranks)).items()}
        if missing := sorted(set(self.ranks) - set(found)):
            raise Gap(f"the topic {missing[0]} does not exist: create it with `fluvial topics create`")
        for name, known in self._topic_ids.items():
            if found.get(name) != known:
                raise Gap(f"the topic {name} was made anew: its records are not those learned from")
        if not self._topic_ids:
            self._journal.remember_topics(self.index, self.epoch, found)

    def _load(self, snapshots: Sequence[Snapshot], key: bytes) -> None:
        if not snapshots:
            spans = self._log.spans(self.partitions)
            self.positions = {tp: span.begin for tp, span in spans.items()}
            self.save(key)
            return
        expected = expected_of(self.pipeline, self.index)
        for snapshot in snapshots:
            self.positions = dict(snapshot.positions)
            try:
                state = unseal(snapshot.body, expected, key, batch=snapshot.batch)
            except SnapshotError as error:
                logger.warning("snapshot left out", shard=self.index, batch=snapshot.batch, why=str(error))
            else:
                self.shard = Shard(self.pipeline, self.index, state)
                self.positions = positions_of(header_of(snapshot.body))
                return
        # Even the first is unusable, but where it starts is known: everything is rebuilt by replay.
        logger.warning("state is rebuilt from the start of the journal", shard=self.index)
        self.shard = Shard(self.pipeline, self.index)

    def entry(self, records: Sequence[Record], decisions: list[Decision]) -> Entry:
        """The journal row that has to be written before ``advance`` may learn from these."""
        parts = by_partition(records)
        ranges = {tp: range_of(found, self.positions[tp]) for tp, found in parts.items()}
        batch = Batch(self.shard.state.batch + 1, ranges, decisions, self.published)
        return Entry(self.index, self.epoch, batch)

    def advance(self, batch: Batch, records: list[Record], outbox: Outbox) -> None:
        """Learn from a batch whose row is in the journal."""
        outbox.put(self.index, batch_step(self.shard, batch.number, batch.decisions, records))
        for tp, done in batch.ranges.items():
            self.positions[tp] = done.end
        self.since_snapshot += len(records)

    @property
    def unsaved(self) -> bool:
        """Whether a restart now would have to replay something."""
        return self.saved_batch != self.shard.state.batch

    def save(self, key: bytes) -> tuple[float, int]:
        """Write a snapshot; returns seconds and bytes. Raises Fenced."""
        started = time.monotonic()
        state = self.shard.state
        header = header_for(self.pipeline, self.index, state.batch, self.positions, self.epoch, state.digest)
        body = seal(state, header, key)
        snapshot = Snapshot(state.batch, self.positions, state.digest.hex(), body)
        self._journal.save(self.index, self.epoch, snapshot)
        self.since_snapshot, self.saved_batch = 0, state.batch
        return time.monotonic() - started, len(body)


def partitions_of(pipeline: Pipeline, shard: int) -> list[TopicPartition]:
    """The partitions whose records a shard learns from."""
    indices = range(pipeline.partitions) if pipeline.learn == "one-model" else (shard,)
    return [TopicPartition(topic, index) for topic in pipeline.input_topics for index in indices]


def ranks_of(pipeline: Pipeline) -> dict[str, int]:
    """The order of topics among records of equal time: an event goes before its label."""
    return {topic: rank for rank, topic in enumerate(pipeline.input_topics)}
