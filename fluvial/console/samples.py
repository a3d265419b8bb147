"""Samples: the newest records of a quarantine topic, as far as this console can read the log.

What stands in the topic was redacted before it was written there (see :mod:`consumers.contract`).
"""

import json
from collections.abc import Callable
from contextlib import closing
from threading import Lock

import structlog
from pydantic import BaseModel, Field, ValidationError

from consumers.log import Log, LogError
from consumers.record import Record, TopicPartition
from fluvial.console.evidence import Text

logger = structlog.get_logger()

MOST = 20
"""Samples shown."""

NO_LOG = "This console does not know the log: it shows counts only."


class Sample(BaseModel):
    """One record that was refused."""

    stream: Text
    reason: Text
    detail: Text = ""
    view: Text = Field("", description="how it began, private fields and long values removed")
    topic: Text
    partition: int
    offset: int
    timestamp: int = Field(description="milliseconds since 1970 UTC, as the log has it")


class Samples:
    """Reads from a log that ``opened`` opens; without one there are none.

    A log belongs to the thread that opened it, so each reading opens its own; one at a time.
    """

    def __init__(self, opened: Callable[[], Log] | None = None) -> None:
        self._opened, self._lock = opened, Lock()

    def newest(self, topic: str) -> tuple[list[Sample], str]:
        """The newest records of a topic, the newest first; or why they cannot be read, in a sentence."""
        if self._opened is None:
            return [], NO_LOG
        try:
            with self._lock, closing(self._opened()) as log:
                return _newest(log, topic), ""
        except LogError as error:
            logger.warning("the quarantine topic cannot be read", topic=topic, why=str(error))
            return [], f"The log cannot be read now: {error}."


def _newest(log: Log, topic: str) -> list[Sample]:
    info = log.describe([topic]).get(topic)
    if info is None:
        return []
    spans = log.spans([TopicPartition(topic, index) for index in range(info.partitions)])
    found = [
        record
        for tp, span in spans.items()
        if span.end > span.begin
        for record in log.fetch(tp, max(span.begin, span.end - MOST), span.end)
    ]
    found.sort(key=lambda one: (one.timestamp, one.partition, one.offset), reverse=True)
    return [sample for record in found if (sample := _sample(record)) is not None][:MOST]


def _sample(record: Record) -> Sample | None:
    """A record of the topic as it is shown; None where something else stands in it."""
    try:
        return Sample.model_validate(json.loads(record.value or b""))
    except (ValueError, ValidationError):
        return None
