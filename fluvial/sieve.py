"""Sieve: leaves the events and labels of some sources out of a replay, as if they had never come."""

from collections import Counter, OrderedDict
from collections.abc import Collection

from consumers.event import Event, Label, Rejection
from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.shard import contract_of

SHOWN = 1_000
"""Sources that are counted: what comes as a source is up to the producers."""


class Sieve:
    """Lets a record through unless it is of a source that is left out; lets all through without any.

    A label is of the source it names, and goes with the event it is about. ``left_out`` counts
    events and labels; ``seen`` the sources there were, so that a misspelt one can be pointed out.
    """

    def __init__(self, pipeline: Pipeline, sources: Collection[str]) -> None:
        self._sources, self._contract = frozenset(sources), contract_of(pipeline)
        self._events, self._labels = pipeline.topic("events"), pipeline.topic("labels")
        self._most = pipeline.ledger.waiting + pipeline.ledger.settled
        self._gone: OrderedDict[str, None] = OrderedDict()
        self.left_out = {"events": 0, "labels": 0}
        self.seen: Counter[str] = Counter()

    def __call__(self, records: list[Record]) -> list[Record]:
        """What is left of a batch."""
        return [record for record in records if self._passes(record)] if self._sources else records

    def _passes(self, record: Record) -> bool:
        if record.value is None:
            return True
        if record.topic == self._events:
            return self._event_passes(self._contract.event(record))
        return self._label_passes(self._contract.truth(record))

    def _event_passes(self, event: Event | Rejection) -> bool:
        if isinstance(event, Rejection):
            return True
        self._count(event.source)
        if event.source not in self._sources:
            return True
        self._gone[event.id] = None
        if len(self._gone) > self._most:  # the ledger would have forgotten it as well
            self._gone.popitem(last=False)
        self.left_out["events"] += 1
        return False

    def _label_passes(self, label: Label | Rejection) -> bool:
        if isinstance(label, Rejection):
            return True
        self._count(label.source)
        if label.source not in self._sources and label.id not in self._gone:
            return True
        self.left_out["labels"] += 1
        return False

    def _count(self, source: str | None) -> None:
        if source is not None and (source in self.seen or len(self.seen) < SHOWN):
            self.seen[source] += 1
