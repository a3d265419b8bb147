"""Producing: records from a producer file or from lines of JSON into a pipeline's topics."""

import importlib.util
import json
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from consumers.contract import seconds_of
from consumers.log import Log
from consumers.record import TopicPartition
from fluvial.config import Pipeline
from fluvial.errors import ConfigError
from monitors.spec import DAY

_TIME = TypeAdapter(datetime)

CHUNK = 2_000
"""Records per flush. On the embedded log a flush is one transaction over both topics."""


class Outgoing(NamedTuple):
    """One record on its way to the topic that plays ``stream`` (events or labels); time in ms."""

    stream: str
    key: bytes
    value: bytes
    timestamp: int


def from_file(path: Path, limit: int | None) -> Iterator[Outgoing]:
    """What ``records(limit)`` of a producer file yields. Raises ConfigError."""
    spec = importlib.util.spec_from_file_location("fluvial_producer", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"{path}: no Python file with a function records(limit)")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "records"):
        raise ConfigError(f"{path}: has no function records(limit)")
    return (Outgoing(*record) for record in module.records(limit))


def from_lines(
    lines: Iterable[str], stream: str, id_field: str, time_field: str | None = None
) -> Iterator[Outgoing]:
    """Lines of JSON objects as records keyed by their id, dated now or by the time in one of their fields.

    Raises ConfigError, which names the line, where id or time are missing.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            key = str(said[id_field])
        except (ValueError, KeyError, TypeError):
            raise ConfigError(f"line {number}: no JSON object with the key {id_field!r}") from None
        moment = time.time() if time_field is None else _own_time(said, time_field, number)
        yield Outgoing(stream, key.encode(), line.strip().encode(), int(moment * 1000))


def of_another_time(record: Outgoing, field: str) -> str:
    """The day that a record is of by its own time, where that is more than a day before it is dated."""
    try:
        own = _TIME.validate_python(json.loads(record.value)[field])
        far = record.timestamp / 1000 - seconds_of(own) > DAY
    except (KeyError, ValidationError, OverflowError):
        return ""  # whoever reads it says what is wrong with it
    return f"{own:%Y-%m-%d}" if far else ""


def _own_time(said: dict[str, Any], field: str, line: int) -> float:
    try:
        own = seconds_of(_TIME.validate_python(said[field]))
    except (KeyError, ValidationError):
        own = -1.0
    if own < 0.0:  # no log takes a record from before 1970
        raise ConfigError(
            f"line {line}: {said.get(field)!r} in {field!r} is no time: write seconds since 1970 or ISO 8601"
        )
    return own


def produce(
    pipeline: Pipeline, log: Log, records: Iterable[Outgoing], *, resume: bool = False
) -> dict[str, int]:
    """Append records to the pipeline's topics; returns how many went to each stream.

    With ``resume`` as many of each stream are left out as its topic has ever held: for a source
    that yields the same records in the same order each time. Raises LogError.
    """
    skip = _held(pipeline, log) if resume else {"events": 0, "labels": 0}
    sent = {"events": 0, "labels": 0}
    topics = {stream: pipeline.topic(stream) for stream in sent}
    for pending, record in enumerate(records, start=1):
        if skip[record.stream] > 0:
            skip[record.stream] -= 1
            continue
        log.append(topics[record.stream], record.value, key=record.key, timestamp=record.timestamp)
        sent[record.stream] += 1
        if pending % CHUNK == 0:
            log.flush()
    log.flush()
    return sent


def _held(pipeline: Pipeline, log: Log) -> dict[str, int]:
    held = {"events": 0, "labels": 0}
    for stream in held:
        topic = pipeline.topic(stream)
        if topic in pipeline.input_topics:
            partitions = [TopicPartition(topic, index) for index in range(pipeline.partitions)]
            held[stream] = sum(span.end for span in log.spans(partitions).values())
    return held
