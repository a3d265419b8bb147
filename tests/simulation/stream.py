"""Stream: the records of a history: events and labels in all the orders and states they come in."""

from __future__ import annotations

import json
import random
from typing import NamedTuple

from consumers.partitioner import partition_for
from consumers.record import TopicPartition
from tests.simulation.memory import Draft
from tests.simulation.shape import Shape

START = 1_700_000_000_000


class Due(NamedTuple):
    """A record with its place in the order in which records are produced."""

    at: float
    stream: str
    name: str
    value: bytes | None


def stream(rng: random.Random, shape: Shape) -> list[Draft]:
    """All records in the order in which they will be appended; times are not quite in order."""
    pipeline = shape.pipeline
    due: list[Due] = []
    delay, early = rng.choice((0.5, 3.0, 12.0)), rng.choice((0.0, 0.0, 0.15))
    for number in range(shape.records):
        due += _pair(rng, number, delay, early, field=pipeline.label.field)
    due.sort(key=lambda one: one.at)
    jitter = rng.choice((0, 0, 2_500))
    drafts = []
    for one in due:
        if one.stream == "labels" and not pipeline.has_label_topic:
            continue
        key = one.name.encode()
        partition = partition_for(key, pipeline.partitions)
        time = START + int(one.at * 1_000) + rng.randint(-jitter, jitter)
        drafts.append(Draft(TopicPartition(pipeline.topic(one.stream), partition), time, key, one.value))
    return _poisoned(rng, drafts) if shape.poison else drafts


def _poisoned(rng: random.Random, drafts: list[Draft]) -> list[Draft]:
    """One event is of the kind on which the model fails until somebody mends it."""
    whole = [n for n, draft in enumerate(drafts) if draft.value and b'"x"' in draft.value]
    if whole:
        draft = drafts[n := rng.choice(whole)]
        drafts[n] = draft._replace(value=json.dumps(json.loads(draft.value or b"") | {"poison": 1}).encode())
    return drafts


def _pair(rng: random.Random, number: int, delay: float, early: float, *, field: str | None) -> list[Due]:
    """An event with what comes of it: perhaps twice, perhaps spoilt, with a label or two, or without."""
    name, truth, at = f"e{number}", rng.random() < 0.5, float(number)
    x = rng.gauss(1.0 if truth else -1.0, 1.0)
    event = {"id": name, "x": round(x, 3)} | ({field: truth} if field else {})
    chance = rng.random()
    if chance < 0.03:
        return [Due(at, "events", name, rng.choice((b"\xff", b"[]", b'{"id": "spoilt"}')))]
    if chance < 0.05:
        return [Due(at, "events", name, None)]
    value = json.dumps(event).encode()
    found = [Due(at, "events", name, value)]
    if rng.random() < 0.05:
        found.append(Due(at + rng.uniform(0, 20), "events", name, value))
    if rng.random() < 0.93:
        came = at - rng.uniform(0, 5) if rng.random() < early else at + rng.uniform(0, delay)
        found.append(Due(came, "labels", name, _label(name, truth)))
        if rng.random() < 0.08:
            again = truth if rng.random() < 0.6 else not truth
            found.append(Due(came + rng.uniform(0, 20), "labels", name, _label(name, again)))
    if rng.random() < 0.02:
        found.append(Due(at, "labels", name, b'{"id": 1.5}'))
    return found


def _label(name: str, truth: bool) -> bytes:
    return json.dumps({"id": name, "label": truth}).encode()
