"""Verify: the journal replayed from nothing must give every snapshot's digest and every prediction."""

import hashlib
import json
from collections.abc import Iterator
from typing import NamedTuple

from consumers.log import Log
from consumers.record import TopicPartition
from fluvial.config import Pipeline
from fluvial.fingerprint import definition
from fluvial.history import History
from fluvial.place import Place
from fluvial.shard import Published

_STEP = 10_000


class Verdict(NamedTuple):
    """What a replay of one shard found: ``difference`` is None where everything is identical."""

    shard: int
    batches: int
    predictions: int
    digest: str
    difference: str | None


def verify(place: Place, shard: int) -> Verdict:
    """Replay a shard's whole journal and compare. Raises Gap where records are gone."""
    ours = definition(place.pipeline)
    wanted = {kept.batch: kept.digest for kept in place.shelf.listing(shard) if kept.definition == ours}
    said = _published(place.pipeline, place.log, shard)
    history = History(place._replace(key=None), shard)
    past = history.start()
    fresh = past.shard
    seen, count, difference = 0, 0, None
    for batch, outputs in history.walk(past):
        count += 1
        for output in outputs:
            if type(output) is Published and output.role == "predictions":
                seen += 1
                difference = difference or _compare(output.value, said)
        digest = fresh.state.digest.hex()
        if difference is None and wanted.get(batch.number, digest) != digest:
            kept = wanted[batch.number]
            difference = f"batch {batch.number}: the snapshot's digest is {kept}, replay gives {digest}"
    if difference is None and said:
        difference = f"{next(iter(said))}: a prediction was published that replay does not give"
    return Verdict(shard, count, seen, fresh.state.digest.hex(), difference)


def _compare(value: bytes, said: dict[str, set[bytes]]) -> str | None:
    source = json.loads(value)["source"]
    published = said.pop(source, set())
    if len(published) > 1:
        return f"{source}: {len(published)} different predictions were published"
    if published and _hash(value) not in published:
        return f"{source}: the published prediction is not {value.decode()}"
    return None


def _published(pipeline: Pipeline, log: Log, shard: int) -> dict[str, set[bytes]]:
    """Hashes of what was published, by the address of the event; identical repetitions fall together."""
    found: dict[str, set[bytes]] = {}
    for value in _values(pipeline, log):
        parsed = json.loads(value)
        if parsed["shard"] == shard:
            found.setdefault(parsed["source"], set()).add(_hash(value))
    return found


def _values(pipeline: Pipeline, log: Log) -> Iterator[bytes]:
    topic = pipeline.topic("predictions")
    info = log.describe([topic]).get(topic)
    partitions = [TopicPartition(topic, index) for index in range(info.partitions if info else 0)]
    for tp, span in log.spans(partitions).items():
        for start in range(span.begin, span.end, _STEP):
            for record in log.fetch(tp, start, min(span.end, start + _STEP)):
                if record.value is not None:
                    yield record.value


def _hash(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=12).digest()
