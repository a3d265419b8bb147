"""ReviewFeed: reviews that other tools write to the reviews topic, signed, each taken once.

A message is a JSON object with the fields of :class:`fluvial.reviews.Request` (``id`` is required) and
those of :mod:`fluvial.signing`. Who decides, in which role and on which pipelines, follows from the key.
What is refused goes to quarantine and into the audit trail, and never stops the stream.
"""

import hmac
import json
import time
from typing import Any, NamedTuple

import sqlalchemy as sa
from pydantic import ValidationError
from pydantic_core import to_json

from consumers.log import Log
from consumers.record import Record, TopicPartition
from fluvial import trail
from fluvial.accounts import holding, person_of, signing_key
from fluvial.audit import Fact, append
from fluvial.config import Pipeline
from fluvial.incidents import NoSuchIncident
from fluvial.people import NotAllowed, Person
from fluvial.reviews import NoSuchPipeline, Request, ReviewError, review_within
from fluvial.seen import Seen
from fluvial.signing import ENVELOPE, STORE, of_store, sign
from fluvial.store import Store, cursor_table, nonce_table

AT_ONCE = 200
"""Reviews taken in one go: people are slower than this."""

HOLDER = Person("", "admin", how="the store's key", trusted=True)
"""Whoever signs with the store's own key."""


class Refused(Exception):
    """Why a message is no review."""


class Signed(NamedTuple):
    """A message whose signature fits: who signed it, what it asks, and the nonce under the key's name."""

    person: Person
    message: dict[str, Any]
    key: str
    nonce: str
    expires: float


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
        place, signed = f"{topic_id}:{record.partition}:{record.offset}", None
        try:
            signed = self._read(record)
            self._decide(record, topic_id, signed, place)
        except (Refused, ReviewError, NotAllowed, NoSuchIncident, NoSuchPipeline) as why:
            self._set_aside(record, str(why))
            with self._store.write() as db:
                if self._move(db, record, topic_id):
                    if signed is not None:
                        self._spend(db, signed, place)
                    append(db, self._refusal(signed, place, why))

    def _decide(self, record: Record, topic_id: str, signed: Signed, place: str) -> None:
        """Take a review, unless it was taken from this very place before."""
        with self._store.read() as db:
            column = nonce_table.c
            query = sa.select(column.place).where(column.key == signed.key, column.nonce == signed.nonce)
            before = db.execute(query).scalar()
        if before == place:
            with self._store.write() as db:
                self._move(db, record, topic_id)
            return
        if before is not None:
            raise Refused("it was sent before: its nonce is used up")
        if signed.expires < time.time():
            raise Refused("it has expired")
        request = _request(signed)
        with Seen(self._store, signed.person).write() as db:
            if self._move(db, record, topic_id):
                if not self._spend(db, signed, place):
                    raise Refused("it was sent before: its nonce is used up")
                review_within(db, request, "topic")

    def _spend(self, db: sa.Connection, signed: Signed, place: str) -> bool:
        """Use up a nonce; False where it was used before. They are kept, as the reviews are."""
        row = {"key": signed.key, "nonce": signed.nonce, "place": place, "at": time.time()}
        insert = self._store.insert(nonce_table).values(row).on_conflict_do_nothing()
        return db.execute(insert.returning(nonce_table.c.place)).first() is not None

    def _read(self, record: Record) -> Signed:
        """The message in a record. Raises Refused unless somebody signed it who may sign."""
        message = _flat(record.value)
        given, name, nonce = (message.get(field) for field in ("signature", "key", "nonce"))
        if not isinstance(given, str):
            raise Refused("the message is not signed: see `fluvial review --topic`")
        if not isinstance(name, str) or not isinstance(nonce, str) or not 8 <= len(nonce) <= 100:
            raise Refused("it names no key or no nonce, as older versions did: sign it again")
        key, person = self._signer(name)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), sign(message, key).encode()):
            raise Refused("the signature does not fit the message")
        expires = message.get("good_until")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise Refused("it does not say until when it is good")
        review = {field: value for field, value in message.items() if field not in ENVELOPE}
        return Signed(person, review, name, nonce, expires)

    def _signer(self, name: str) -> tuple[bytes, Person]:
        """A key by its name, and whose it is. Raises Refused."""
        if name == STORE:
            return of_store(self._key).key, HOLDER
        with self._store.read() as db:
            row = holding(db, name, "topic") if name.isascii() and name.isprintable() else None
        if row is None:
            raise Refused("its key is unknown, has expired or was revoked")
        return signing_key(self._store, name), person_of(row)

    def _refusal(self, signed: Signed | None, place: str, why: Exception) -> Fact:
        detail = {"why": str(why)[:300], "place": place}
        if signed is None:
            return Fact(trail.REFUSED, "", "topic", self._name, None, detail | {"shown": "no key"})
        said = {name: str(signed.message.get(name, ""))[:100] for name in ("action", "id", "incident")}
        who = str(signed.message.get("who", ""))[:200]
        fact = Fact(trail.REFUSED, who, "topic", self._name, said["incident"] or None, said | detail)
        return trail.by(signed.person, fact)

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


def _request(signed: Signed) -> Request:
    """What a message asks for, in the name of whoever signed it. Raises Refused."""
    asked = {"who": signed.person.name, **signed.message}
    try:
        request = Request.model_validate(asked)
    except ValidationError as error:
        raise Refused(str(error.errors(include_url=False)[0]["msg"])) from None
    if request.id is None:
        raise Refused("a review from the topic needs an id, so that a repetition changes nothing")
    return request
