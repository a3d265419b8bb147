"""KafkaLog: Apache Kafka as a log, through kafka-python."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from kafka import IsolationLevel, OffsetSpec
from kafka.errors import (
    KafkaError,
    RetriableError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from consumers.kafka_clients import Clients, foreign
from consumers.kafka_ranges import Ranges
from consumers.kafka_tail import KafkaTail
from consumers.log import DeliveryError, LogError, LogUnavailable, Span, TopicInfo, UnknownTopic
from consumers.placement import placed
from consumers.record import Record, TopicPartition

T = TypeVar("T")

_SETTLING = 2.0  # seconds in which every broker hears of a new topic

_FRESH = 30.0  # seconds for which a topic is believed to have the partitions it had


class KafkaLog:
    """A log in the cluster at ``bootstrap`` ("host:port,host:port"); one instance for one thread.

    ``options`` are those of kafka-python's clients (security_protocol, compression_type and so
    on). ``patience`` is how long to wait for an answer, in seconds, before LogUnavailable.
    """

    def __init__(
        self, bootstrap: str, *, options: Mapping[str, object] | None = None, patience: float = 10.0
    ) -> None:
        self._clients = Clients(bootstrap, options or {}, patience)
        self._ranges = Ranges(self._clients, self.spans)
        self._admin: Any = None
        self._producer: Any = None
        self._futures: list[Any] = []
        self._refused: list[Exception] = []
        self._topics: dict[str, TopicInfo] = {}
        self._topics_until = 0.0
        self._settled_at: dict[str, float] = {}

    def create(self, topic: str, partitions: int, *, compact: bool = False) -> bool:
        made = topic not in self.describe([topic]) and self._create(topic, partitions, compact)
        known = self.describe([topic]).get(topic)
        if known is None:
            raise LogUnavailable(f"topic {topic} was made, but not every broker knows of it yet")
        if known.partitions != partitions:
            raise LogError(f"topic {topic} exists with {known.partitions} partitions, not {partitions}")
        return made

    def describe(self, topics: Sequence[str]) -> dict[str, TopicInfo]:
        while True:
            infos = self._ask(lambda admin: _infos(admin.describe_topics(list(topics))))
            now = time.monotonic()
            if all(topic in infos or now >= self._settled_at.get(topic, 0.0) for topic in topics):
                return infos
            time.sleep(0.05)  # another broker answers than the one that knew of the new topic

    def spans(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Span]:
        try:
            begins = self._offsets(partitions, OffsetSpec.EARLIEST)
            ends = self._offsets(partitions, OffsetSpec.LATEST)
        except UnknownTopic as error:
            infos = self.describe(sorted({tp.topic for tp in partitions}))  # raises where access is denied
            missing = [tp for tp in partitions if not _has(infos, tp)]
            raise UnknownTopic(str(error), missing) from error
        return {tp: Span(begins[tp], ends[tp]) for tp in partitions}

    def tail(self, positions: Mapping[TopicPartition, int]) -> KafkaTail:
        return KafkaTail(self._clients, self, positions)

    def fetch(self, tp: TopicPartition, start: int, end: int) -> list[Record]:
        return self._ranges.fetch(tp, start, end)

    def append(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        timestamp: int,
        partition: int | None = None,
    ) -> None:
        if value is None and key is None:
            raise ValueError("a tombstone needs a key")
        info = self._topics.get(topic) or self._learn(topic)
        partition = placed(topic, info.partitions, key, partition)
        if self._producer is None:
            self._producer = self._clients.producer()
        try:
            self._futures.append(
                self._producer.send(topic, value, key=key, partition=partition, timestamp_ms=timestamp)
            )
        except KafkaError as error:
            self._refused.append(error)  # too large, for one; flush tells

    def flush(self) -> None:
        futures, self._futures = self._futures, []
        refused, self._refused = self._refused, []
        if self._producer is None:
            return
        with self._clients.explained():
            # longer than the time after which the producer itself gives a batch up
            self._producer.flush(timeout=2 * self._clients.patience)
        # flush does not raise where a delivery failed: only the futures know
        refused += [future.exception for future in futures if future.exception is not None]
        if time.monotonic() > self._topics_until:
            self._topics.clear()
        if refused:
            self._give_up(refused, len(futures))

    def close(self) -> None:
        self._ranges.close()
        self._close_producer()
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _ask(self, question: Callable[[Any], T]) -> T:
        """Ask the cluster, again and again while nobody answers: another broker may, or take over."""
        deadline = time.monotonic() + self._clients.patience
        if self._admin is None:
            self._admin = self._clients.admin()
        while True:
            try:
                with self._clients.explained():
                    return question(self._admin)
            except LogUnavailable:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(0.1)

    def _create(self, topic: str, partitions: int, compact: bool) -> bool:
        # The log is the truth: a broker's default retention would eat what the journal needs for a replay,
        # and at once where records are dated in the past.
        configs = {"cleanup.policy": "compact"} if compact else {"retention.ms": "-1"}
        # as many copies as the cluster keeps by default: default.replication.factor
        wanted = {topic: {"num_partitions": partitions, "replication_factor": -1, "configs": configs}}
        try:
            # the controller answers before the brokers know: wait until they do
            self._ask(lambda admin: admin.create_topics(wanted, wait_for_metadata=True))
        except LogError as error:
            if not isinstance(error.__cause__, TopicAlreadyExistsError):
                raise
            return False  # another worker was faster
        finally:
            self._settled_at[topic] = time.monotonic() + _SETTLING
        return True

    def _offsets(self, partitions: Sequence[TopicPartition], which: Any) -> dict[TopicPartition, int]:
        if not partitions:
            return {}
        asked = {foreign(tp): which for tp in partitions}
        # of a transaction that is open nothing is there yet
        level = IsolationLevel.READ_COMMITTED
        found = self._ask(lambda admin: admin.list_partition_offsets(asked, isolation_level=level))
        return {TopicPartition(*tp): at.offset for tp, at in found.items()}

    def _learn(self, topic: str) -> TopicInfo:
        info = self.describe([topic]).get(topic)
        if info is None:
            raise UnknownTopic(f"topic {topic} does not exist: create it")
        if not self._topics:
            self._topics_until = time.monotonic() + _FRESH
        self._topics[topic] = info
        return info

    def _give_up(self, refused: Sequence[Exception], sent: int) -> None:
        """Start with a new producer, so that nothing of this flush can follow later, and tell."""
        self._close_producer()
        final = [error for error in refused if not isinstance(error, RetriableError)]
        words = f"{len(refused)} of {sent} records were not acknowledged"
        if final:
            raise DeliveryError(f"{words}: {self._clients.error(final[0])}") from final[0]
        raise LogUnavailable(f"{words}: {self._clients.error(refused[0])}") from refused[0]

    def _close_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with self._clients.explained():
                producer.close(timeout=self._clients.patience)


def _has(infos: Mapping[str, TopicInfo], tp: TopicPartition) -> bool:
    return tp.topic in infos and tp.partition < infos[tp.topic].partitions


def _infos(found: Sequence[Mapping[str, Any]]) -> dict[str, TopicInfo]:
    infos = {}
    for topic in found:
        error = for_code(topic["error_code"])
        if error is UnknownTopicOrPartitionError:
            continue
        if topic["error_code"]:
            raise error(topic["name"])
        infos[topic["name"]] = TopicInfo(str(topic["topic_id"]), len(topic["partitions"]))
    return infos
