"""ReviewFeed: reviews that other tools write to the reviews topic, signed, each taken once.

A message is a JSON object with the fields of :class:`fluvial.reviews.Request` (``id`` is required)
and ``signature``: the hex HMAC-SHA256, under a key made of the pipeline's, of the object without it,
as JSON with sorted keys and no white space (see :func:`sign`). What is refused goes to quarantine, and
never stops the stream.
"""

import hashlib
import hmac
import json
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from pydantic_core import to_json

from consumers.log import Log
from consumers.record import Record, TopicPartition
from fluvial.config import Pipeline
from fluvial.incidents import NoSuchIncident
from fluvial.reviews import NoSuchPipeline, Request, ReviewError, review_within
from fluvial.store import Store, cursor_table

AT_ONCE = 200
"""Reviews taken in one go: people are slower than this."""


class Refused(Exception):
    """Why a message is no review."""


def sign(message: dict[str, Any], key: bytes) -> str:
    """The signature of a review message under ``key``, as hex."""
    unsigned = {name: value for name, value in message.items() if name != "signature"}
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(_review_key(key), text.encode(), hashlib.sha256).hexdigest()


def _review_key(key: bytes) -> bytes:
    # A key of its own, so that a signature can never be taken for the seal of a snapshot.
    return hmac.digest(key, b"fluvial reviews", hashlib.sha256)


class ReviewFeed:
    """Takes reviews from the topic; the position is kept in the store beside what they changed."""

    def __init__(self, pipeline: Pipeline, log: Log, store: Store, key: bytes) -> None:
        self._name, self._topic = pipeline.pipeline, pipeline.topic("reviews")
        self._quarantine = pipeline.topic("quarantine")
        self._log, self._store, self._key = log, store, key

    def take_in(self) -> None:
        """Take what is new in the topic. Raises LogError, StoreUnavailable."""
        info = self._log.describe([self._topic]).get(self._topic)
        if info is None:
            return
        partitions = [TopicPartition(self._topic, index) for index in range(info.partitions)]
        for tp, span in self._log.spans(partitions).items():
            start = max(span.begin, self._position(tp, info.id))
            if start < span.end:
                for record in self._log.fetch(tp, start, min(span.end, start + AT_ONCE)):
                    self._take(record, info.id)

    def _position(self, tp: TopicPartition, topic_id: str) -> int:
        at = self._at(tp)
        query = sa.select(cursor_table.c.offset).where(*at, cursor_table.c.topic_id == topic_id)
        with self._store.read() as db:
            return int(db.execute(query).scalar() or 0)

    def _take(self, record: Record, topic_id: str) -> None:
        try:
            self._decide(record, topic_id)
        except (Refused, ReviewError, NoSuchIncident, NoSuchPipeline) as why:
            self._set_aside(record, str(why))
            with self._store.write() as db:
                self._move(db, record, topic_id)

    def _decide(self, record: Record, topic_id: str) -> None:
        request = self._read(record)
        with self._store.write() as db:
            if self._move(db, record, topic_id):
                review_within(db, request, "topic")

    def _read(self, record: Record) -> Request:
        message = _flat(record.value)
        given = message.pop("signature", None)
        if not isinstance(given, str):
            raise Refused("the message is not signed: see `fluvial review --topic`")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), sign(message, self._key).encode()):
            raise Refused("the signature does not fit the message")
        try:
            request = Request.model_validate(message)
        except ValidationError as error:
            raise Refused(str(error.errors(include_url=False)[0]["msg"])) from None
        if request.id is None:
            raise Refused("a review from the topic needs an id, so that a repetition changes nothing")
        return request

    def _set_aside(self, record: Record, why: str) -> None:
        shown = {
            "stream": "reviews",
            "reason": "review_refused",
            "detail": why[:300],
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
        }
        self._log.append(
            self._quarantine, to_json(shown), key=record.key, timestamp=record.timestamp, partition=0
        )
        self._log.flush()

    def _move(self, db: sa.Connection, record: Record, topic_id: str) -> bool:
        """Move on past a record; False where another worker has taken it already, and none goes back."""
        tp = TopicPartition(record.topic, record.partition)
        values = {"topic_id": topic_id, "offset": record.offset + 1}
        row = {"pipeline": self._name, "topic": tp.topic, "partition": tp.partition, **values}
        column = cursor_table.c
        onwards = sa.or_(column.topic_id != topic_id, column.offset <= record.offset)
        insert = self._store.insert(cursor_table).values(row)
        key = ["pipeline", "topic", "partition"]
        upsert = insert.on_conflict_do_update(index_elements=key, set_=values, where=onwards)
        return db.execute(upsert.returning(column.offset)).first() is not None

    def _at(self, tp: TopicPartition) -> tuple[sa.ColumnElement[bool], ...]:
        column = cursor_table.c
        return column.pipeline == self._name, column.topic == tp.topic, column.partition == tp.partition


def _flat(value: bytes | None) -> dict[str, Any]:
    """The object in a message. Raises Refused; what is nested is no review and is not looked into."""
    try:
        message = json.loads(value or b"null")
    except (ValueError, RecursionError):
        raise Refused("the message is no JSON") from None
    if not isinstance(message, dict):
        raise Refused("the message is no JSON object")
    if nested := [name for name, held in message.items() if isinstance(held, dict | list)]:
        raise Refused(f"{nested[0][:50]!r} holds more than text or a number")
    return message
