"""Proof: what was published, held against what a replay gives.

Only rows that the present definition stepped are compared: other definitions predict other things.
The last row before a change of definition may have been published by either.
"""

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence

from consumers.record import TopicPartition
from fluvial.fingerprint import contract_version, definition, model_version
from fluvial.history import History, Past
from fluvial.journal import Batch, Range
from fluvial.place import Place
from fluvial.said import Entry, address_in, said_of, skip_old_lives
from fluvial.shard import Output, Published

WINDOW = 50_000
"""Predictions kept in mind after their batch: a worker that has lost its shard may deliver late."""

Again = Mapping[int, bytes]
"""What a replay predicted: by the offset of the event, the bytes to be published."""


class Proof:
    """Compares one shard's rows, one after the other, with what its topic holds.

    ``last`` is the newest row when the topic was looked at. ``others`` counts predictions that other
    definitions made, by definition.
    """

    def __init__(self, place: Place, shard: int) -> None:
        pipeline = place.pipeline
        self._ours = definition(pipeline)
        self._made_by = (model_version(pipeline), contract_version(pipeline))
        self._events = pipeline.topic("events")
        kept = place.shelf.listing(shard)
        self._digests = {one.batch: one.digest for one in kept if one.definition == self._ours}
        # In this order: what is known to be published before the topic is looked at must be in it.
        self.last, published = place.journal.reached(shard)
        self._proven = max([published, *(one.batch for one in kept)])
        self._said = said_of(place, shard)
        skip_old_lives(place, shard, self._said)
        self._void = _given_up(place, shard, self._events)
        self._recent: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._doubts: list[str] = []
        self._difference: str | None = None
        self.predictions = self.compared = self.given_up = 0
        self.others: Counter[str] = Counter()

    def row(self, row: Batch, outputs: Sequence[Output], past: Past) -> str | None:
        """Compare one row; returns the first difference so far. ``past`` stands right after the row."""
        self._settle(row)
        again = self._again(outputs)
        for tp, done in row.ranges.items():
            if tp.topic == self._events and tp.partition in self._said:
                self._compare(row, tp.partition, done, again.get(tp.partition, {}))
        digest = past.shard.state.digest.hex()
        if (kept := self._digests.get(row.number, digest)) != digest:
            self._differs(f"batch {row.number}: the snapshot's digest is {kept}, replay gives {digest}")
        return self._difference

    def end(self, past: Past) -> str | None:
        """Look at what is left in the topic behind the last row; returns the first difference of all."""
        if self._doubts:
            self._differs(self._doubts[0])
        for partition, said in self._said.items():
            reached = past.positions.get(TopicPartition(self._events, partition), 0)
            for entry in said.rest():
                if entry.offset >= reached and not self._is_void(partition, entry):
                    self._differs(
                        f"{entry.source}: a prediction was published that the journal does not know"
                    )
                else:
                    self._late(partition, entry)
        return self._difference

    def _again(self, outputs: Sequence[Output]) -> dict[int, dict[int, bytes]]:
        found: dict[int, dict[int, bytes]] = {}
        for output in outputs:
            if type(output) is Published and output.role == "predictions":
                self.predictions += 1
                found.setdefault(output.partition, {})[address_in(output.value).offset] = output.value
        return found

    def _compare(self, row: Batch, partition: int, done: Range, again: Again) -> None:
        said, ours = self._said[partition], row.definition == self._ours
        seen, same = set(), set()
        for entry in said.upto(done.end):
            if entry.offset < done.start:
                self._late(partition, entry)
                continue
            seen.add(entry.offset)
            if ours and entry.value == again.get(entry.offset):
                same.add(entry.offset)
            elif ours:
                self._disagree(entry, again.get(entry.offset))
        if not ours:
            self.others[row.definition] += len(seen)
            return
        self.compared += len(same)
        missing = [offset for offset in again if offset not in seen and said.begun_before(offset)]
        if missing and row.number <= self._proven:
            self._differs(f"{self._events}:{partition}:{missing[0]}: its prediction was never published")
        self._remember(partition, again)

    def _disagree(self, entry: Entry, again: bytes | None) -> None:
        if entry.made_by != self._made_by:
            self.others[f"model {entry.made_by[0]}"] += 1
        elif again is None:
            self._differs(f"{entry.source}: a prediction was published that replay does not give")
        else:
            said = f"published was {entry.value.decode()}, replay gives {again.decode()}"
            self._doubts.append(f"{entry.source}: {said}")

    def _settle(self, row: Batch) -> None:
        """What did not agree in the row before this one: a difference, or another definition's work."""
        if self._doubts and row.definition == self._ours:
            self._differs(self._doubts[0])
        elif self._doubts:
            self.others[row.definition] += len(self._doubts)
        self._doubts = []

    def _late(self, partition: int, entry: Entry) -> None:
        """What comes after the predictions of later events: given up, or published once more."""
        known = self._recent.get((partition, entry.offset))
        if self._is_void(partition, entry):
            self.given_up += 1
        elif known not in (None, _hash(entry.value)) and entry.made_by == self._made_by:
            self._differs(f"{entry.source}: two different predictions were published")

    def _is_void(self, partition: int, entry: Entry) -> bool:
        return any(start <= entry.offset < end for start, end in self._void.get(partition, []))

    def _remember(self, partition: int, again: Again) -> None:
        for offset, value in again.items():
            self._recent[partition, offset] = _hash(value)
        while len(self._recent) > WINDOW:
            self._recent.popitem(last=False)

    def _differs(self, how: str) -> None:
        self._difference = self._difference or how


def _given_up(place: Place, shard: int, events: str) -> dict[int, list[tuple[int, int]]]:
    """The offsets of events in rows that people gave up, by partition; none of a topic that is gone."""
    found: dict[int, list[tuple[int, int]]] = {}
    for void in History(place, shard).voids():
        for row in place.journal.batches(shard, void.after, void.until - 1):
            for tp, done in row.ranges.items():
                if tp.topic == events:
                    _extend(found.setdefault(tp.partition, []), done)
        (row,) = place.journal.batches(shard, void.until - 1, void.until)
        for decision in row.decisions:
            for name, (reached, begin) in decision.args.get("skipped", {}).items():
                tp = TopicPartition.parse(name)
                if tp.topic == events and begin < reached:
                    found.pop(tp.partition, None)
    return found


def _extend(stretches: list[tuple[int, int]], done: Range) -> None:
    """Add a range; one that goes on where the last ended makes that longer."""
    start = stretches.pop()[0] if stretches and stretches[-1][1] == done.start else done.start
    stretches.append((start, done.end))


def _hash(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=12).digest()
