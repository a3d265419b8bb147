"""Place: what a shard is worked on with, which partitions feed it, and in which order of topics."""

from collections.abc import Callable
from typing import NamedTuple

from consumers.log import Log
from consumers.record import TopicPartition
from fluvial.config import Pipeline
from fluvial.journal import Journal
from fluvial.shadow.artefact import Artefacts
from fluvial.shelf import Shelf
from fluvial.store import Store
from fluvial.timing import SYSTEM, Timing


class Place(NamedTuple):
    """One pipeline on one log and one store, as a process finds it.

    Without ``key`` no snapshot can be opened or made: everything is replayed from nothing. ``heard`` is told
    while a card's journal is read how far it is; what it raises ends that.
    """

    pipeline: Pipeline
    log: Log
    journal: Journal
    shelf: Shelf
    key: bytes | None
    worker: str = ""
    timing: Timing = SYSTEM
    store: Store | None = None
    heard: Callable[[int, int], None] = lambda batch, last: None

    @property
    def artefacts(self) -> Artefacts | None:
        """What was made of models beforehand; None where nobody can open it."""
        if self.store is None or self.key is None:
            return None
        return Artefacts(self.store, self.pipeline, self.key)


def place_of(
    pipeline: Pipeline,
    log: Log,
    store: Store,
    key: bytes | None,
    *,
    worker: str = "",
    timing: Timing = SYSTEM,
) -> Place:
    """The place of a pipeline on a log and a store."""
    name = pipeline.pipeline
    return Place(pipeline, log, Journal(store, name), Shelf(store, name), key, worker, timing, store)


def partitions_of(pipeline: Pipeline, shard: int) -> list[TopicPartition]:
    """The partitions whose records a shard learns from."""
    indices = range(pipeline.partitions) if pipeline.learn == "one-model" else (shard,)
    return [TopicPartition(topic, index) for topic in pipeline.input_topics for index in indices]


def ranks_of(pipeline: Pipeline) -> dict[str, int]:
    """The order of topics among records of equal time: an event goes before its label."""
    return {topic: rank for rank, topic in enumerate(pipeline.input_topics)}
