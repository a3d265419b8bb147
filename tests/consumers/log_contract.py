"""The promises of consumers.log.Log, run over every implementation."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Protocol

import pytest

from consumers.log import Log, LogError, RangeLost, Span, Tail, UnknownTopic
from consumers.partitioner import partition_for
from consumers.record import Record, TopicPartition
from tests.waiting import wait_until

Follow = Callable[[Mapping[TopicPartition, int]], Tail]


class Site(Protocol):
    """A place where a log is, and what an operator can do to it."""

    def open(self) -> Log: ...

    def trim(self, tp: TopicPartition, before: int) -> None: ...

    def delete(self, topic: str) -> None: ...


def new_topic(log: Log, partitions: int = 1) -> str:
    topic = f"t-{uuid.uuid4().hex[:12]}"
    assert log.create(topic, partitions)
    return topic


def fill(log: Log, tp: TopicPartition, n: int, first: int = 0) -> None:
    for i in range(first, first + n):
        log.append(tp.topic, b"v%d" % i, timestamp=1_000 + i, partition=tp.partition)
    log.flush()


def drain(tail: Tail, n: int) -> list[Record]:
    """Poll until ``n`` records came."""
    got: list[Record] = []

    def enough() -> bool:
        for records in tail.poll(0.2).values():
            got.extend(records)
        return len(got) >= n

    wait_until(enough, f"{n} records")
    return got


def drain_without_the_lost(
    log: Log, positions: Mapping[TopicPartition, int]
) -> tuple[list[Record], set[TopicPartition]]:
    """Read to the end, leaving out what errors name; all records, and the partitions left out."""
    left, lost, got = dict(positions), set[TopicPartition](), list[Record]()
    while True:
        try:
            with closing(log.tail(left)) as tail:
                while not _all_read(log, tail, left):
                    for tp, records in tail.poll(0.2).items():
                        got.extend(records)
                        left[tp] = records[-1].offset + 1
                return got, lost
        except LogError as error:
            if not error.partitions:
                raise
            lost |= error.partitions
            left = {tp: at for tp, at in left.items() if tp not in lost}


def _all_read(log: Log, tail: Tail, reached: Mapping[TopicPartition, int]) -> bool:
    """Whether the tail is at every end; one that stands behind an end has a loss to tell of yet."""
    if not all(tail.at_end(tp) for tp in reached):
        return False
    return all(reached[tp] <= span.end for tp, span in log.spans(list(reached)).items())


def values(records: list[Record]) -> list[bytes | None]:
    return [record.value for record in records]


class LogContract:
    """Subclasses give the fixture ``site``."""

    @pytest.fixture
    def log(self, site: Site) -> Iterator[Log]:
        log = site.open()
        yield log
        log.close()

    @pytest.fixture
    def follow(self, log: Log) -> Iterator[Follow]:
        """Opens tails and closes them after the test."""
        with ExitStack() as stack:
            yield lambda positions: stack.enter_context(closing(log.tail(positions)))

    @pytest.fixture
    def tp(self, log: Log) -> TopicPartition:
        return TopicPartition(new_topic(log), 0)

    # topics

    def test_a_topic_is_created_once_and_described(self, log: Log) -> None:
        topic = new_topic(log, 3)
        assert not log.create(topic, 3)
        described = log.describe([topic, "there-is-no-such-topic"])
        assert list(described) == [topic]
        assert described[topic].partitions == 3
        assert uuid.UUID(described[topic].id)

    def test_a_topic_with_another_number_of_partitions_is_refused(self, log: Log) -> None:
        topic = new_topic(log, 2)
        with pytest.raises(LogError, match="2 partitions"):
            log.create(topic, 3)

    def test_a_compacted_topic_can_be_created_and_written(self, log: Log) -> None:
        topic = f"t-{uuid.uuid4().hex[:12]}"
        assert log.create(topic, 1, compact=True)
        log.append(topic, b"v", key=b"k", timestamp=1)
        log.flush()
        assert log.spans([TopicPartition(topic, 0)]) == {TopicPartition(topic, 0): Span(0, 1)}

    def test_a_topic_made_anew_has_another_id(self, log: Log, site: Site, tp: TopicPartition) -> None:
        before = log.describe([tp.topic])[tp.topic]
        fill(log, tp, 3)
        site.delete(tp.topic)
        wait_until(lambda: not log.describe([tp.topic]), "the topic is gone")
        assert log.create(tp.topic, 1)
        assert log.describe([tp.topic])[tp.topic].id != before.id
        assert log.spans([tp])[tp] == Span(0, 0)

    def test_what_does_not_exist_is_said_so(self, log: Log, tp: TopicPartition) -> None:
        missing = TopicPartition("there-is-no-such-topic", 0)
        with pytest.raises(UnknownTopic) as raised:
            log.spans([tp, missing])
        assert raised.value.partitions == {missing}
        with pytest.raises(UnknownTopic):
            log.append(missing.topic, b"v", timestamp=1)
        with pytest.raises(UnknownTopic):
            log.append(tp.topic, b"v", timestamp=1, partition=7)
        with pytest.raises(UnknownTopic) as raised:
            log.tail({tp: 0, missing: 0})
        assert raised.value.partitions == {missing}
        with pytest.raises(UnknownTopic):
            log.fetch(missing, 0, 1)

    # appending

    def test_records_come_back_as_they_were_written(
        self, log: Log, follow: Follow, tp: TopicPartition
    ) -> None:
        log.append(tp.topic, b'{"id": 1}', key=b"k", timestamp=1_600_000_000_123)
        log.append(tp.topic, "é".encode(), timestamp=5)
        log.flush()
        assert drain(follow({tp: 0}), 2) == [
            Record(tp.topic, 0, 0, 1_600_000_000_123, b"k", b'{"id": 1}'),
            Record(tp.topic, 0, 1, 5, None, "é".encode()),
        ]

    def test_garbage_a_tombstone_and_nothing_at_all_are_records_like_others(
        self, log: Log, follow: Follow, tp: TopicPartition
    ) -> None:
        odd = [b"\xff\xfe\x00garbage\x80", None, b"", b"fine"]
        for value in odd:
            log.append(tp.topic, value, key=b"\x00\xff", timestamp=1)
        log.flush()
        assert values(drain(follow({tp: 0}), 4)) == odd
        assert values(log.fetch(tp, 0, 4)) == odd

    def test_a_record_of_900_kilobytes_passes(self, log: Log, follow: Follow, tp: TopicPartition) -> None:
        large = bytes(range(256)) * 3_516
        log.append(tp.topic, large, timestamp=1)
        log.append(tp.topic, b"small", timestamp=2)
        log.flush()
        assert values(drain(follow({tp: 0}), 2)) == [large, b"small"]
        assert values(log.fetch(tp, 0, 1)) == [large]

    def test_a_key_decides_the_partition_as_in_kafka(self, log: Log, follow: Follow) -> None:
        topic = new_topic(log, 4)
        keys = [b"flight-%d" % i for i in range(50)] + [b""]
        for key in keys:
            log.append(topic, key, key=key, timestamp=1)
        log.append(topic, b"none", timestamp=1)
        log.flush()
        found = drain(follow({TopicPartition(topic, p): 0 for p in range(4)}), 52)
        assert {r.key: r.partition for r in found if r.key is not None} == {
            k: partition_for(k, 4) for k in keys
        }
        assert [r.partition for r in found if r.key is None] == [0]

    def test_a_tombstone_without_a_key_is_an_error_of_the_caller(self, log: Log, tp: TopicPartition) -> None:
        with pytest.raises(ValueError, match="tombstone"):
            log.append(tp.topic, None, timestamp=1)

    def test_flushing_nothing_is_harmless(self, log: Log, tp: TopicPartition) -> None:
        log.flush()
        fill(log, tp, 1)
        log.flush()
        assert log.spans([tp])[tp] == Span(0, 1)

    # reading forward

    def test_offsets_ascend_by_one_and_each_record_comes_once(self, log: Log, follow: Follow) -> None:
        topic = new_topic(log, 2)
        for p in range(2):
            fill(log, TopicPartition(topic, p), 5_000)
        found = drain(follow({TopicPartition(topic, p): 0 for p in range(2)}), 10_000)
        for p in range(2):
            assert [r.offset for r in found if r.partition == p] == list(range(5_000))

    def test_a_poll_returns_a_bounded_number_of_a_partition(
        self, log: Log, follow: Follow, tp: TopicPartition
    ) -> None:
        fill(log, tp, 5_000)
        tail = follow({tp: 0})
        polls: list[Mapping[TopicPartition, object]] = []
        wait_until(lambda: polls.append(found) if (found := tail.poll(0.2)) else tail.at_end(tp), "the end")
        assert len(polls) > 1

    def test_a_tail_starts_where_it_is_told_and_goes_on_with_new_records(
        self, log: Log, follow: Follow, site: Site, tp: TopicPartition
    ) -> None:
        fill(log, tp, 10)
        tail = follow({tp: 7})
        assert values(drain(tail, 3)) == [b"v7", b"v8", b"v9"]
        assert not tail.poll(0.0)
        other = site.open()
        fill(other, tp, 2, first=10)
        assert values(drain(tail, 2)) == [b"v10", b"v11"]
        other.close()

    def test_a_partition_without_traffic_is_at_its_end(self, log: Log, follow: Follow) -> None:
        topic = new_topic(log, 2)
        busy, silent = TopicPartition(topic, 0), TopicPartition(topic, 1)
        fill(log, busy, 10)
        tail = follow({busy: 0, silent: 0})
        assert len(drain(tail, 10)) == 10
        wait_until(
            lambda: not tail.poll(0.05) and tail.at_end(silent) and tail.at_end(busy), "the end of both"
        )

    def test_a_backlog_is_not_at_its_end_before_it_is_read(
        self, log: Log, follow: Follow, tp: TopicPartition
    ) -> None:
        fill(log, tp, 6_000)
        tail = follow({tp: 0})
        assert not tail.at_end(tp)
        got = 0
        while not tail.at_end(tp):
            got += sum(map(len, tail.poll(5.0).values()))
        assert got == 6_000

    def test_only_wanted_partitions_are_read_and_the_others_keep_their_place(
        self, log: Log, follow: Follow
    ) -> None:
        topics = [new_topic(log, 2), new_topic(log, 1)]
        tps = [TopicPartition(topics[0], 0), TopicPartition(topics[0], 1), TopicPartition(topics[1], 0)]
        for tp in tps:
            fill(log, tp, 3_000)
        tail = follow(dict.fromkeys(tps, 0))
        got: dict[TopicPartition, list[int]] = {tp: [] for tp in tps}

        def read(*wanted: TopicPartition, n: int) -> None:
            tail.want(wanted)
            while sum(len(got[tp]) for tp in wanted) < n:
                for tp, records in tail.poll(5.0).items():
                    assert tp in wanted
                    got[tp] += [record.offset for record in records]

        read(tps[0], n=1_000)
        read(tps[1], tps[2], n=3_000)
        read(tps[0], tps[1], n=6_000)
        read(*tps, n=9_000)
        assert got == {tp: list(range(3_000)) for tp in tps}

    # ranges

    def test_a_range_is_half_open(self, log: Log, tp: TopicPartition) -> None:
        fill(log, tp, 100)
        assert [r.offset for r in log.fetch(tp, 10, 13)] == [10, 11, 12]
        assert log.fetch(tp, 10, 10) == []
        assert len(log.fetch(tp, 0, 100)) == 100
        assert log.fetch(tp, 100, 100) == []

    def test_many_ranges_can_be_fetched_in_any_order(self, log: Log, tp: TopicPartition) -> None:
        fill(log, tp, 4_000)
        for start in (0, 500, 1_000, 3_000, 200):
            found = log.fetch(tp, start, start + 500)
            assert values(found) == [b"v%d" % i for i in range(start, start + 500)]

    def test_a_range_beyond_the_end_is_lost(self, log: Log, tp: TopicPartition) -> None:
        fill(log, tp, 10)
        with pytest.raises(RangeLost, match="0 to 10") as raised:
            log.fetch(tp, 5, 11)
        assert raised.value.partitions == {tp}

    def test_a_trimmed_range_is_lost(self, log: Log, site: Site, tp: TopicPartition) -> None:
        fill(log, tp, 10)
        site.trim(tp, 4)
        assert log.spans([tp])[tp] == Span(4, 10)
        assert len(log.fetch(tp, 4, 10)) == 6
        with pytest.raises(RangeLost) as raised:
            log.fetch(tp, 3, 10)
        assert raised.value.partitions == {tp}

    def test_a_reader_whose_place_is_gone_is_told_so_again_and_again(
        self, log: Log, follow: Follow, site: Site, tp: TopicPartition
    ) -> None:
        fill(log, tp, 10)
        site.trim(tp, 4)
        for position in (0, 11):
            tail = follow({tp: position})
            for _ in range(2):
                with pytest.raises(RangeLost):
                    wait_until(lambda tail=tail: tail.poll(0.2), "the gap is noticed", deadline_s=10)

    def test_offsets_are_not_given_again_after_everything_was_trimmed(
        self, log: Log, follow: Follow, site: Site, tp: TopicPartition
    ) -> None:
        fill(log, tp, 10)
        site.trim(tp, 10)
        assert log.spans([tp])[tp] == Span(10, 10)
        fill(log, tp, 1)
        assert [record.offset for record in drain(follow({tp: 10}), 1)] == [10]

    # one partition's trouble

    def test_a_gap_in_some_partitions_stops_no_other(self, log: Log, site: Site) -> None:
        topics = [new_topic(log, 3), new_topic(log)]
        tps = [TopicPartition(topics[0], p) for p in range(3)] + [TopicPartition(topics[1], 0)]
        for tp in tps:
            fill(log, tp, 10)
        for tp in tps[1:3]:
            site.trim(tp, 4)
        got, lost = drain_without_the_lost(log, dict.fromkeys(tps, 0))
        assert lost == set(tps[1:3])
        for tp in (tps[0], tps[3]):
            assert [r.offset for r in got if (r.topic, r.partition) == tp] == list(range(10))

    def test_a_topic_that_is_deleted_or_made_anew_while_it_is_read_stops_no_other(
        self, log: Log, follow: Follow, site: Site
    ) -> None:
        names = [new_topic(log, 2) for _ in range(3)]
        tps = [TopicPartition(name, p) for name in names for p in range(2)]
        for tp in tps:
            fill(log, tp, 3)
        tail = follow(dict.fromkeys(tps, 0))
        drain(tail, 18)
        for name in names[:2]:
            site.delete(name)
        wait_until(lambda: not log.describe(names[:2]), "the topics are gone")
        log.create(names[1], 2)
        for _ in range(2):
            with pytest.raises(RangeLost) as raised:
                wait_until(lambda: tail.poll(0.2), "it is noticed")
            assert raised.value.partitions
            assert raised.value.partitions <= set(tps[:4])
        with closing(site.open()) as other:
            fill(other, tps[5], 1, first=3)
        got, lost = drain_without_the_lost(log, dict.fromkeys(tps, 3))
        assert lost == set(tps[:4])
        assert values(got) == [b"v3"]
