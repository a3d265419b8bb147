"""KafkaLog: the promises of a log on a real broker, and what only Kafka can do to a reader."""

from __future__ import annotations

import gc
import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka.record import default_records

from consumers import kafka_tail
from consumers.aligned import Aligned
from consumers.kafka import KafkaLog
from consumers.kafka_reader import Reader
from consumers.log import (
    DeliveryError,
    LogError,
    LogUnavailable,
    PartitionsAdded,
    RangeLost,
    Span,
    Unreadable,
)
from consumers.record import Record, TopicPartition
from tests.consumers.backlog import read_backlog, write_backlog
from tests.consumers.log_contract import (
    LogContract,
    drain,
    drain_without_the_lost,
    fill,
    new_topic,
    values,
)
from tests.consumers.sockets import leaves_sockets
from tests.services.kafka import Broker, KafkaAdminClient
from tests.services.kafka_cluster import KafkaCluster
from tests.services.kafka_jvm import ProxiedKafka
from tests.services.kafka_secure import PASSWORD, USER, SecureKafka
from tests.waiting import wait_until

pytestmark = [pytest.mark.timeout(240), leaves_sockets]


class KafkaSite:
    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)

    def open(self) -> KafkaLog:
        return KafkaLog(self.bootstrap)

    def trim(self, tp: TopicPartition, before: int) -> None:
        self.admin.delete_records({foreign(tp): before})

    def delete(self, topic: str) -> None:
        self.admin.delete_topics([topic])


def foreign(tp: TopicPartition) -> Any:
    from kafka import TopicPartition as KafkaPartition  # noqa: PLC0415  imported without its warnings by now

    return KafkaPartition(*tp)


@pytest.fixture(scope="module")
def site(kafka_bootstrap: str) -> Iterator[KafkaSite]:
    site = KafkaSite(kafka_bootstrap)
    yield site
    site.admin.close()
    gc.collect()  # see leaves_sockets


@pytest.fixture
def log(site: KafkaSite) -> Iterator[KafkaLog]:
    with closing(site.open()) as log:
        yield log


@pytest.fixture
def tp(log: KafkaLog) -> TopicPartition:
    return TopicPartition(new_topic(log), 0)


class TestContract(LogContract):
    """Every promise of consumers.log.Log."""


# codecs


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_batches_in_every_codec_are_read(site: KafkaSite, codec: str) -> None:
    with closing(KafkaLog(site.bootstrap, options={"compression_type": codec})) as log:
        tp = TopicPartition(new_topic(log), 0)
        fill(log, tp, 1_000)
        with closing(log.tail({tp: 0})) as tail:
            assert values(drain(tail, 1_000)) == [b"v%d" % i for i in range(1_000)]
        assert values(log.fetch(tp, 990, 1_000)) == [b"v%d" % i for i in range(990, 1_000)]


def test_a_batch_that_cannot_be_decoded_is_an_error_again_and_again_and_never_a_poll_that_hangs(
    site: KafkaSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(KafkaLog(site.bootstrap, options={"compression_type": "zstd"})) as log:
        tp = TopicPartition(new_topic(log), 0)
        fill(log, tp, 10)
        with closing(log.tail({tp: 0})) as tail:
            with monkeypatch.context() as patch:
                patch.setattr("kafka.codec.has_zstd", lambda: False)
                for _ in range(3):
                    with pytest.raises(LogError, match="compressed"):
                        wait_until(lambda: tail.poll(0.2), "the batch is met", deadline_s=10)
            assert len(drain(tail, 10)) == 10


# clusters


def test_a_topic_made_in_a_cluster_can_be_used_at_once_and_has_as_many_copies_as_the_cluster_keeps(
    kafka_cluster: KafkaCluster,
) -> None:
    with closing(KafkaLog(kafka_cluster.bootstrap)) as log:
        for _ in range(10):
            tp = TopicPartition(new_topic(log), 0)
            fill(log, tp, 1)
            assert len(log.fetch(tp, 0, 1)) == 1
    with closing(KafkaAdminClient(bootstrap_servers=kafka_cluster.bootstrap)) as admin:
        [made] = admin.describe_topics([tp.topic])
    assert len(made["partitions"][0]["replica_nodes"]) == 3


# what cannot be read, or not by us


def test_a_codec_that_is_missing_here_stops_no_other_partition(
    site: KafkaSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(KafkaLog(site.bootstrap)) as log, closing(_compressing(site)) as other:
        topic = new_topic(log, 3)
        tps = [TopicPartition(topic, p) for p in range(3)]
        for tp, writer in zip(tps, (log, other, log), strict=True):
            fill(writer, tp, 10)
        monkeypatch.setattr("kafka.codec.has_zstd", lambda: False)
        got, lost = drain_without_the_lost(log, dict.fromkeys(tps, 0))
        assert lost == {tps[1]}
        assert len(got) == 20
        with pytest.raises(Unreadable, match=f"{tps[1]} cannot be read from offset 0 on") as raised:
            log.fetch(tps[1], 0, 10)
        assert raised.value.partitions == {tps[1]}


def _compressing(site: KafkaSite) -> KafkaLog:
    return KafkaLog(site.bootstrap, options={"compression_type": "zstd"})


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_batch_that_holds_something_else_than_it_says_is_unreadable(
    site: KafkaSite, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(KafkaLog(site.bootstrap, options={"compression_type": codec})) as log:
        tp = TopicPartition(new_topic(log), 0)
        fill(log, tp, 1_000)  # fewer would not be compressed
        decode = getattr(default_records, f"{codec}_decode")
        monkeypatch.setattr(default_records, f"{codec}_decode", lambda data: decode(b"garbage!" * 10))
        with pytest.raises(Unreadable, match="cannot be unpacked"):
            log.fetch(tp, 0, 1)
        with closing(log.tail({tp: 0})) as tail, pytest.raises(Unreadable) as raised:
            wait_until(lambda: tail.poll(0.2), "the batch is met")
        assert raised.value.partitions == {tp}


def test_a_batch_that_was_damaged_on_the_disk_stops_no_other_partition(kafka_proxied: ProxiedKafka) -> None:
    with closing(KafkaLog(kafka_proxied.bootstrap)) as log:
        tps = [TopicPartition(new_topic(log, 2), p) for p in range(2)]
        tps[1] = TopicPartition(tps[0].topic, 1)
        for tp in tps:
            for first in (0, 10):  # two batches
                fill(log, tp, 10, first)
        kafka_proxied.stop()
        segment = kafka_proxied.folder / "data" / f"{tps[1].topic}-1" / "00000000000000000000.log"
        damaged = bytearray(segment.read_bytes())
        damaged[-5] ^= 1  # in the second batch
        segment.write_bytes(damaged)
        kafka_proxied.start()
        wait_until(lambda: _answers(log, tps[0], 20), "the log answers again")
        got, lost = drain_without_the_lost(log, dict.fromkeys(tps, 0))
        assert lost == {tps[1]}
        for tp, count in zip(tps, (20, 10), strict=True):
            assert [r.offset for r in got if r.partition == tp.partition] == list(range(count))
        assert len(log.fetch(tps[1], 0, 10)) == 10
        with pytest.raises(Unreadable, match=r"from offset 10 on.*checksum"):
            log.fetch(tps[1], 5, 20)


def test_a_topic_that_we_may_not_read_stops_no_other(
    kafka_secure: SecureKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_tail, "WATCH", 0.2)
    monkeypatch.setattr(kafka_tail, "_TRIAL", 0.0)  # as on a machine on which no trial ends in time
    options = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": USER,
        "sasl_plain_password": PASSWORD,
    }
    with closing(KafkaLog(kafka_secure.doors["SASL_PLAINTEXT"], options=options)) as log:
        tps = [TopicPartition(new_topic(log, 2), 1), TopicPartition(new_topic(log), 0)]
        for tp in tps:
            fill(log, tp, 3)
        with closing(log.tail(dict.fromkeys(tps, 0))) as tail:
            assert len(drain(tail, 6)) == 6
            with kafka_secure.denied(USER, tps[0].topic):
                with pytest.raises(Unreadable, match="denied") as raised:
                    wait_until(lambda: tail.poll(0.2), "it is noticed")
                assert raised.value.partitions == {tps[0]}
                got, lost = drain_without_the_lost(log, dict.fromkeys(tps, 0))
                assert (len(got), lost) == (3, {tps[0]})
                with pytest.raises(Unreadable, match="denied"):
                    log.fetch(tps[0], 0, 3)
            fill(log, tps[0], 1, first=3)
            assert values(_patient_drain(tail, 1)) == [b"v3"]


def test_what_can_be_read_at_the_second_attempt_is_no_partition_s_fault(
    log: KafkaLog, tp: TopicPartition, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(log, tp, 3)
    poll, failures = Reader.poll, iter([Unreadable("a batch fails its checksum")])

    def flaky(self: Reader, timeout: float) -> dict[TopicPartition, list[Record]]:
        if failure := next(failures, None):
            raise failure
        return poll(self, timeout)

    monkeypatch.setattr(Reader, "poll", flaky)
    with closing(log.tail({tp: 0})) as tail:
        with pytest.raises(LogUnavailable, match="asked again, it can be read"):
            tail.poll(0.2)
        assert len(drain(tail, 3)) == 3


def test_partitions_that_are_added_to_a_topic_are_told_once(
    log: KafkaLog, site: KafkaSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_tail, "WATCH", 0.2)
    topic = new_topic(log, 2)
    tps = [TopicPartition(topic, p) for p in range(2)]
    with closing(log.tail(dict.fromkeys(tps, 0))) as tail:
        site.admin.create_partitions({topic: 4})
        with pytest.raises(PartitionsAdded, match="it had 2 and has 4 now") as raised:
            wait_until(lambda: tail.poll(0.1), "it is noticed")
        assert (raised.value.topic, raised.value.before, raised.value.now) == (topic, 2, 4)
        assert raised.value.partitions == {TopicPartition(topic, 2), TopicPartition(topic, 3)}
        fill(log, tps[0], 3)
        assert len(drain(tail, 3)) == 3
        assert not tail.poll(0.5)


# transactions


@pytest.fixture
def transactional(site: KafkaSite) -> Iterator[Any]:
    from kafka import KafkaProducer  # noqa: PLC0415  imported without its warnings by now

    producer = KafkaProducer(bootstrap_servers=site.bootstrap, transactional_id=f"x-{uuid.uuid4().hex}")
    producer.init_transactions()
    yield producer
    producer.close(timeout=10)


def transaction(producer: Any, tp: TopicPartition, commit: bool, *words: bytes) -> None:
    producer.begin_transaction()
    for word in words:
        producer.send(tp.topic, word, partition=tp.partition)
    producer.flush(timeout=30)
    producer.commit_transaction() if commit else producer.abort_transaction()


def test_aborted_records_are_skipped_and_markers_leave_gaps(
    log: KafkaLog, tp: TopicPartition, transactional: Any
) -> None:
    transaction(transactional, tp, True, b"a", b"b")  # 0, 1, marker 2
    transaction(transactional, tp, False, b"never", b"never")  # 3, 4, marker 5
    transaction(transactional, tp, True, b"c")  # 6, marker 7
    wait_until(lambda: log.spans([tp]) == {tp: Span(0, 8)}, "the markers are written")
    with closing(log.tail({tp: 0})) as tail:
        found = drain(tail, 3)
        assert [(r.offset, r.value) for r in found] == [(0, b"a"), (1, b"b"), (6, b"c")]
        wait_until(lambda: not tail.poll(0.05) and tail.at_end(tp), "the end behind the last marker")


def test_ranges_across_gaps_are_exact(log: KafkaLog, tp: TopicPartition, transactional: Any) -> None:
    for i in range(20):
        transaction(transactional, tp, i % 3 != 0, b"%d" % i)  # record 2i, marker 2i + 1
    wait_until(lambda: log.spans([tp]) == {tp: Span(0, 40)}, "the markers are written")
    ranges = [(0, 1), (1, 2), (2, 5), (5, 6), (6, 31), (31, 39), (39, 40)]
    got = [[record.value for record in log.fetch(tp, start, end)] for start, end in ranges]
    expected = [
        [b"%d" % i for i in range(20) if i % 3 != 0 and start <= 2 * i < end] for start, end in ranges
    ]
    assert got == expected


def test_of_an_open_transaction_nothing_is_in_the_log_yet(
    log: KafkaLog, tp: TopicPartition, transactional: Any
) -> None:
    transactional.begin_transaction()
    transactional.send(tp.topic, b"a", partition=0)
    transactional.flush(timeout=30)
    fill(log, tp, 1)
    assert log.spans([tp]) == {tp: Span(0, 0)}
    with closing(log.tail({tp: 0})) as tail:
        assert not tail.poll(0.3)
        transactional.commit_transaction()
        assert values(drain(tail, 2)) == [b"a", b"v0"]


# deliveries


def test_a_record_that_is_too_large_is_refused_and_the_log_goes_on(log: KafkaLog, tp: TopicPartition) -> None:
    log.append(tp.topic, bytes(2_000_000), timestamp=1)
    with pytest.raises(DeliveryError, match="1 of"):
        log.flush()
    fill(log, tp, 1)
    assert len(log.fetch(tp, 0, 1)) == 1


def test_what_the_broker_refuses_is_told_by_flush(log: KafkaLog, kafka_topic: Callable[..., str]) -> None:
    tp = TopicPartition(kafka_topic(message_timestamp_after_max_ms="1000"), 0)
    log.append(tp.topic, b"from the future", timestamp=int(time.time() * 1000) + 86_400_000)
    with pytest.raises(DeliveryError, match="1 of 1"):
        log.flush()
    assert log.spans([tp]) == {tp: Span(0, 0)}
    fill(log, tp, 2)
    assert log.spans([tp]) == {tp: Span(0, 2)}


def test_an_unknown_option_is_named(site: KafkaSite) -> None:
    with pytest.raises(LogError, match="no option max_pol_records"):
        KafkaLog(site.bootstrap, options={"max_pol_records": 3})


@pytest.fixture
def dropped_sockets(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """kafka-python leaves the socket of a refused connection to the garbage collector.

    The errors it logs hold on to the socket, so they must not be captured.
    """
    with caplog.at_level(logging.CRITICAL, logger="kafka"):
        yield
    gc.collect()


# topics made anew, brokers away, consumers that stall


def test_a_reader_of_a_topic_made_anew_is_told_so(
    log: KafkaLog, site: KafkaSite, tp: TopicPartition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_tail, "WATCH", 0.2)
    fill(log, tp, 3)
    with closing(log.tail({tp: 0})) as tail:
        assert len(drain(tail, 3)) == 3
        site.delete(tp.topic)
        wait_until(lambda: not log.describe([tp.topic]), "the topic is gone")
        log.create(tp.topic, 1)
        with closing(site.open()) as other:
            fill(other, tp, 10)

        def told() -> bool:
            try:
                tail.poll(0.1)
            except RangeLost:
                return True
            return False

        wait_until(told, "the reader is told")
        with pytest.raises(RangeLost, match=r"made anew|holds offsets|no longer holds"):
            tail.poll(0.0)


def test_a_consumer_that_stalls_is_replaced(
    log: KafkaLog, tp: TopicPartition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_tail, "WATCH", 0.2)
    monkeypatch.setattr(kafka_tail, "STALL", 5.0)  # a busy machine connects the second one within it
    made: list[Reader] = []
    poll = Reader.poll

    def stalling(self: Reader, timeout: float) -> dict[TopicPartition, list[Record]]:
        if self not in made:
            made.append(self)
        if self is made[0]:
            threading.Event().wait(timeout)
            return {}
        return poll(self, timeout)

    monkeypatch.setattr(Reader, "poll", stalling)
    fill(log, tp, 10)
    with closing(log.tail({tp: 4})) as tail:
        assert [record.offset for record in drain(tail, 6)] == [4, 5, 6, 7, 8, 9]
        assert len(made) == 2


def test_nothing_is_lost_where_one_of_two_topics_is_in_trouble(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    tps = [TopicPartition(new_topic(log), 0) for _ in range(2)]
    for each in tps:
        fill(log, each, 6_000)
    poll, ask_ends, count = Reader.poll, Reader.ask_ends, itertools.count()

    def sometimes(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if next(count) % 19 == 7:
                raise LogUnavailable("trouble")
            return method(*args)

        return call

    monkeypatch.setattr(Reader, "poll", sometimes(poll))
    monkeypatch.setattr(Reader, "ask_ends", sometimes(ask_ends))
    with closing(log.tail(dict.fromkeys(tps, 0))) as tail:
        got = _patient_drain(tail, 12_000)
    for each in tps:
        assert [record.offset for record in got if record.topic == each.topic] == list(range(6_000))


def test_records_of_an_open_transaction_hold_nothing_back(log: KafkaLog, transactional: Any) -> None:
    events, labels = TopicPartition(new_topic(log), 0), TopicPartition(new_topic(log), 0)
    transactional.begin_transaction()
    transactional.send(events.topic, b"not yet", partition=0)
    transactional.flush(timeout=30)
    fill(log, labels, 1)
    tps = [events, labels]
    with closing(
        Aligned(log.tail({events: 0, labels: 0}), tps, {events.topic: 0, labels.topic: 1}, idle=60)
    ) as aligned:

        def taken() -> list[Record]:
            aligned.poll(0.1)
            return aligned.take(tps, 10)

        assert values(wait_until(taken, "the label", deadline_s=10)) == [b"v0"]
    transactional.abort_transaction()


def test_a_quiet_topic_is_no_stall(
    log: KafkaLog, tp: TopicPartition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_tail, "WATCH", 0.05)
    monkeypatch.setattr(kafka_tail, "STALL", 0.1)
    fill(log, tp, 1)
    with closing(log.tail({tp: 0})) as tail:
        drain(tail, 1)
        before = dict(tail._readers)
        assert not tail.poll(1.0)
        assert tail._readers == before


@pytest.mark.usefixtures("dropped_sockets")
def test_without_a_broker_the_log_is_unavailable_soon() -> None:
    before = threading.active_count()
    began = time.monotonic()
    with (
        closing(KafkaLog("127.0.0.1:9", patience=1.0)) as log,
        pytest.raises(LogUnavailable, match=r"127\.0\.0\.1:9"),
    ):
        log.describe(["t"])
    assert time.monotonic() - began < 5
    wait_until(lambda: threading.active_count() <= before, "its threads are gone")


@pytest.mark.usefixtures("dropped_sockets")
def test_a_broker_that_goes_away_makes_the_log_unavailable_and_all_is_well_when_it_is_back(
    kafka_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_tail, "WATCH", 0.5)
    with closing(KafkaLog(kafka_broker.bootstrap, patience=3.0)) as log:
        tp = TopicPartition(new_topic(log), 0)
        fill(log, tp, 3)
        with closing(log.tail({tp: 0})) as tail:
            assert len(drain(tail, 3)) == 3
            kafka_broker.stop()
            log.append(tp.topic, b"lost", timestamp=1)
            for attempt in (
                log.flush,
                lambda: tail.poll(5.0),
                lambda: log.spans([tp]),
                lambda: log.fetch(tp, 0, 3),
                lambda: KafkaLog(kafka_broker.bootstrap, patience=1.0).create("t", 1),
            ):
                began = time.monotonic()
                with pytest.raises(LogUnavailable):
                    attempt()
                assert time.monotonic() - began < 15
            kafka_broker.start()
            wait_until(lambda: _answers(log, tp, 3), "the log answers again")
            fill(log, tp, 2, first=3)
            assert values(_patient_drain(tail, 2)) == [b"v3", b"v4"]
            assert values(log.fetch(tp, 0, 5)) == [b"v%d" % i for i in range(5)]


def _answers(log: KafkaLog, tp: TopicPartition, end: int) -> bool:
    try:
        return log.spans([tp])[tp].end == end
    except LogUnavailable:
        return False


def _patient_drain(tail: Any, n: int) -> list[Record]:
    got: list[Record] = []

    def enough() -> bool:
        try:
            for records in tail.poll(0.2).values():
                got.extend(records)
        except LogUnavailable:
            pass
        return len(got) >= n

    wait_until(enough, f"{n} records")
    return got


@pytest.mark.parametrize("partitions", [1, 4])
def test_labels_do_not_outrun_their_events_on_a_backlog(log: KafkaLog, partitions: int) -> None:
    events, labels = write_backlog(log, 60_000, partitions)
    assert read_backlog(log, events, labels) == 60_000


def test_labels_do_not_outrun_their_events_while_both_are_written(log: KafkaLog, site: KafkaSite) -> None:
    events, labels = TopicPartition(new_topic(log), 0), TopicPartition(new_topic(log), 0)

    def write() -> None:
        with closing(site.open()) as writer:
            for i in range(300):
                for tp in (events, labels):
                    writer.append(tp.topic, b"%d" % i, timestamp=1_000_000 + i)
                    writer.flush()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert read_pairs(log, events, labels) == 300
    finally:
        thread.join()


def read_pairs(log: KafkaLog, events: TopicPartition, labels: TopicPartition) -> int:
    tps, seen, counted = [events, labels], set[bytes | None](), 0
    tail = log.tail({labels: 0, events: 0})
    with closing(Aligned(tail, tps, {events.topic: 0, labels.topic: 1}, idle=5.0)) as aligned:
        while counted < 300:
            aligned.poll(0 if aligned.ready(tps) else 1.0)
            for record in aligned.take(tps, 10):
                if record.topic == labels.topic:
                    assert record.value in seen
                    counted += 1
                seen.add(record.value)
    return counted
