"""Aligned: the order of time over many partitions, the same live and at replay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.aligned import ENOUGH_BYTES, ENOUGH_RECORDS, Aligned, merge
from consumers.embedded import EmbeddedLog
from consumers.record import Record, TopicPartition
from tests.consumers.backlog import read_backlog, write_backlog

E0, E1, L0, L1 = (TopicPartition(topic, p) for topic in ("events", "labels") for p in range(2))
ALL = (E0, E1, L0, L1)
RANKS = {"events": 0, "labels": 1}


class FakeTail:
    """Hands out what a test puts into it, as far as it is wanted."""

    def __init__(self) -> None:
        self.coming: dict[TopicPartition, list[Record]] = defaultdict(list)
        self.more = set[TopicPartition]()  # partitions that have not come to their end
        self.wanted = frozenset(ALL)
        self.count: dict[TopicPartition, int] = defaultdict(int)
        self.patience: list[float] = []

    def put(self, tp: TopicPartition, *timestamps: int, size: int = 1) -> None:
        for timestamp in timestamps:
            self.coming[tp].append(Record(*tp, self.count[tp], timestamp, None, bytes(size)))
            self.count[tp] += 1

    def poll(self, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        self.patience.append(timeout)
        return {tp: self.coming.pop(tp) for tp in list(self.coming) if tp in self.wanted}

    def want(self, partitions: Sequence[TopicPartition]) -> None:
        self.wanted = frozenset(partitions)

    def at_end(self, tp: TopicPartition) -> bool:
        return tp not in self.more and tp not in self.coming

    def close(self) -> None: ...


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tail() -> FakeTail:
    return FakeTail()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aligned(tail: FakeTail, clock: Clock) -> Aligned:
    return Aligned(tail, ALL, RANKS, idle=0.5, clock=clock)


def brief(records: Sequence[Record]) -> list[tuple[str, int, int]]:
    return [(r.topic[0], r.partition, r.timestamp) for r in records]


def test_the_oldest_head_goes_first_and_events_before_labels_of_their_time(
    aligned: Aligned, tail: FakeTail
) -> None:
    tail.put(L0, 2, 5)
    tail.put(E1, 1, 5)
    tail.put(E0, 2, 5)
    aligned.poll(0)
    assert aligned.ready(ALL) == 6
    expected = [("e", 1, 1), ("e", 0, 2), ("l", 0, 2), ("e", 0, 5), ("e", 1, 5), ("l", 0, 5)]
    assert brief(aligned.take(ALL, 100)) == expected
    assert aligned.ready(ALL) == 0


def test_the_order_inside_a_partition_stays_where_its_time_goes_back(
    aligned: Aligned, tail: FakeTail
) -> None:
    tail.put(E0, 10, 1, 12)
    tail.put(E1, 5, 11)
    aligned.poll(0)
    assert brief(aligned.take(ALL, 100)) == [
        ("e", 1, 5), ("e", 0, 10), ("e", 0, 1), ("e", 1, 11), ("e", 0, 12),
    ]  # fmt: skip


def test_a_take_is_bounded_and_the_next_goes_on(aligned: Aligned, tail: FakeTail) -> None:
    tail.put(E0, 1, 3, 5)
    tail.put(L0, 2, 4, 6)
    aligned.poll(0)
    taken = [[r.timestamp for r in aligned.take(ALL, 2)] for _ in range(4)]
    assert taken == [[1, 2], [3, 4], [5, 6], []]


def test_labels_wait_for_an_events_partition_that_is_not_at_its_end(aligned: Aligned, tail: FakeTail) -> None:
    tail.more = {E0}
    tail.put(L0, 1, 2)
    aligned.poll(0)
    assert aligned.ready(ALL) == 0
    assert aligned.take(ALL, 100) == []
    tail.put(E0, 1)
    tail.more = set()
    aligned.poll(0)
    assert brief(aligned.take(ALL, 100)) == [("e", 0, 1), ("l", 0, 1), ("l", 0, 2)]


def test_a_take_stops_where_a_buffer_runs_empty_before_its_end(aligned: Aligned, tail: FakeTail) -> None:
    tail.more = {E0}
    tail.put(E0, 1)
    tail.put(L0, 1, 2)
    aligned.poll(0)
    assert brief(aligned.take(ALL, 100)) == [("e", 0, 1)]
    assert aligned.take(ALL, 100) == []


def test_a_silent_partition_holds_the_others_back_for_a_while_only(
    aligned: Aligned, tail: FakeTail, clock: Clock
) -> None:
    tail.more = {E0}
    aligned.poll(0)
    assert aligned.take(ALL, 100) == []
    clock.now += 60  # nobody waits yet: this does not count
    tail.put(L0, 1, 2, 3)
    aligned.poll(0)
    assert aligned.take(ALL, 100) == []
    clock.now += 0.499
    assert aligned.take(ALL, 100) == []
    clock.now += 0.001
    assert aligned.ready(ALL) == 3
    assert len(aligned.take(ALL, 2)) == 2
    assert len(aligned.take(ALL, 2)) == 1  # and it is not waited for again while it stays silent
    tail.put(E0, 4)
    aligned.poll(0)
    assert len(aligned.take(ALL, 2)) == 1
    tail.put(L0, 5)
    aligned.poll(0)
    assert aligned.take(ALL, 2) == []  # it spoke: from now on it is waited for


def test_one_shard_does_not_wait_for_the_partitions_of_another(aligned: Aligned, tail: FakeTail) -> None:
    tail.more = {E1}
    tail.put(E0, 1)
    tail.put(L0, 1)
    tail.put(L1, 1)
    aligned.poll(0)
    assert brief(aligned.take((E0, L0), 100)) == [("e", 0, 1), ("l", 0, 1)]
    assert aligned.take((E1, L1), 100) == []


def test_a_partition_far_ahead_is_not_read_further_until_half_of_it_is_taken(
    aligned: Aligned, tail: FakeTail
) -> None:
    tail.put(L0, *range(ENOUGH_RECORDS))
    aligned.poll(0)
    aligned.poll(0)
    assert tail.wanted == {E0, E1, L1}
    assert len(aligned.take(ALL, ENOUGH_RECORDS // 2)) == ENOUGH_RECORDS // 2
    aligned.poll(0)
    assert tail.wanted == {E0, E1, L1}
    aligned.take(ALL, 1)
    aligned.poll(0)
    assert tail.wanted == set(ALL)


def test_a_few_large_values_fill_a_buffer_too(aligned: Aligned, tail: FakeTail) -> None:
    tail.put(E0, *range(17), size=ENOUGH_BYTES // 16)
    aligned.poll(0)
    aligned.poll(0)
    assert tail.wanted == {E1, L0, L1}
    aligned.take(ALL, 17)
    aligned.poll(0)
    assert tail.wanted == set(ALL)


def test_nothing_is_read_where_every_buffer_is_full(aligned: Aligned, tail: FakeTail) -> None:
    for tp in ALL:
        tail.put(tp, *range(ENOUGH_RECORDS))
    aligned.poll(3.0)
    aligned.poll(3.0)
    assert tail.patience == [3.0]


def test_while_a_partition_holds_the_others_back_polls_are_short(aligned: Aligned, tail: FakeTail) -> None:
    tail.more = {E0}
    tail.put(L0, 1)
    aligned.poll(3.0)
    assert aligned.ready(ALL) == 0
    aligned.poll(3.0)
    assert tail.patience[1] < 0.1


arrivals = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(ALL), st.lists(st.integers(0, 6), max_size=6)),  # what comes
        st.sets(st.sampled_from(ALL)),  # what is not at its end after it
        st.integers(1, 9),  # how many are taken
        st.sampled_from([0.0, 0.3, 0.6]),  # how much time passes
    ),
    max_size=12,
)


@given(arrivals)
def test_replay_finds_the_order_of_every_batch_again(rounds: list[tuple[dict, set, int, float]]) -> None:  # type: ignore[type-arg]
    tail, clock = FakeTail(), Clock()
    aligned, gone = Aligned(tail, ALL, RANKS, idle=0.5, clock=clock), dict.fromkeys(ALL, 0)
    for coming, tail.more, n, passes in rounds:
        for tp, timestamps in coming.items():
            tail.put(tp, *timestamps)
        aligned.poll(0)
        clock.now += passes
        batch = aligned.take(ALL, n)
        ranges: dict[TopicPartition, list[Record]] = defaultdict(list)
        for record in batch:
            ranges[TopicPartition(record.topic, record.partition)].append(record)
        for tp, records in ranges.items():  # nothing left out, nothing twice, in order
            assert [r.offset for r in records] == list(range(gone[tp], gone[tp] + len(records)))
            gone[tp] += len(records)
        assert merge(dict(sorted(ranges.items(), reverse=True)), RANKS) == batch


def test_merging_nothing_is_nothing() -> None:
    assert merge({}, RANKS) == []
    assert merge({E0: []}, RANKS) == []


@pytest.mark.parametrize("partitions", [1, 4])
def test_labels_do_not_outrun_their_events_on_a_backlog(tmp_path: object, partitions: int) -> None:
    log = EmbeddedLog(f"{tmp_path}/log.sqlite")
    events, labels = write_backlog(log, 60_000, partitions)
    assert read_backlog(log, events, labels) == 60_000
