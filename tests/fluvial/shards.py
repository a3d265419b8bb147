"""Shards to feed by hand: a small pipeline, records by the second, and what came out."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from consumers.record import Record
from fluvial.config import Pipeline, parse
from fluvial.shard import Output, Published, Shard
from monitors.status import ShardStatus

START = 1_700_000_000_000
"""The first record's time in milliseconds; the helpers below count in seconds from it."""

TOWNS = """
pipeline: towns
question: Will it rain tomorrow?
owner: tests
task: binary
model: Select("x", "y", "wet") | preprocessing.StandardScaler() | linear_model.LogisticRegression()
id: id
fields:
  id: {type: text, use: context}
  town: {type: category, use: context, missing: omit}
  x: {type: number}
  y: {type: number, missing: {fill: 0}}
label: {type: boolean, horizon: 100s}
recent:
  wet: {of: label, stat: mean, by: town, last: 20, default: 0.5}
monitor: {warmup: 40, settle: 40, block: 4, seasons: []}
"""


def towns(**changes: object) -> Pipeline:
    """The pipeline, with keys of its file replaced by JSON values."""
    kept = TOWNS
    for key in changes:
        if f"\n{key}:" in kept:
            front, _, rest = kept.partition(f"\n{key}:")
            body = rest.split("\n")[1:]
            while body and body[0].startswith(" "):
                body.pop(0)
            kept = "\n".join([front, *body])
    return parse(kept + "\n" + "\n".join(f"{key}: {json.dumps(value)}" for key, value in changes.items()))


@dataclass
class Feed:
    """Feeds one shard; times are seconds after START, and a record without one comes with the last."""

    pipeline: Pipeline
    shard: Shard = field(init=False)
    outputs: list[Output] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    now: float = 0.0
    truths: dict[str, bool] = field(default_factory=dict)
    offsets: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.shard = Shard(self.pipeline, 0)

    def put(self, stream: str, value: object, at: float | None = None) -> list[Output]:
        """Step one record: bytes and None as they are, anything else as JSON."""
        self.now = self.now if at is None else at
        raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        time, topic = START + int(self.now * 1000), self.pipeline.topic(stream)
        record = Record(topic, 0, self.offsets[topic], time, None, raw)
        self.offsets[topic] += 1
        self.records.append(record)
        found = self.shard.step(record)
        self.outputs += found
        return found

    def event(self, name: str, at: float | None = None, **more: object) -> list[Output]:
        """An event; fields that are not given have a value."""
        return self.put("events", {"id": name, "x": 1.0} | more, at)

    def label(self, name: str, truth: object, at: float | None = None) -> list[Output]:
        """A label."""
        return self.put("labels", {"id": name, "label": truth}, at)

    @property
    def status(self) -> ShardStatus:
        """The shard's status, which is balanced."""
        status = self.shard.status()
        assert status.balanced, status
        return status

    def counts(self) -> dict[str, int]:
        """Everything countable that is not zero."""
        status = self.status
        found = dict(status.outcomes) | {"waiting": status.waiting, "early": status.early}
        found |= {"refused" if name == "quarantined" else name: n for name, n in status.fates.items()}
        found |= {"defaulted": status.defaulted, "ignored": status.ignored}
        return {name: n for name, n in found.items() if n}

    def predictions(self) -> list[Any]:
        """What was published to the predictions topic."""
        return published(self.outputs)


def published(outputs: list[Output], role: str = "predictions") -> list[Any]:
    """What these outputs bring to the topic of that role."""
    return [json.loads(o.value) for o in outputs if isinstance(o, Published) and o.role == role]
