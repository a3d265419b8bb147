"""MemoryLog: the promises of a log, so that what the simulation shows holds of the real ones."""

from __future__ import annotations

import pytest

from consumers.log import DeliveryError, LogUnavailable, RangeLost
from consumers.record import TopicPartition
from tests.consumers.log_contract import LogContract, drain, fill, new_topic
from tests.simulation.memory import Broker, Draft, Faultless, MemoryLog


class MemorySite:
    def __init__(self) -> None:
        self.broker = Broker()

    def open(self) -> MemoryLog:
        return MemoryLog(self.broker)

    def trim(self, tp: TopicPartition, before: int) -> None:
        self.broker.trim(tp, before)

    def delete(self, topic: str) -> None:
        self.broker.delete(topic)


@pytest.fixture
def site() -> MemorySite:
    return MemorySite()


class TestContract(LogContract):
    """Every promise of consumers.log.Log."""


class Failing(Faultless):
    """Fails at one call; of a flush that fails every other record is in the log."""

    def __init__(self, call: str) -> None:
        self.call, self.blind = call, False

    def at(self, call: str, *errors: type[Exception]) -> None:
        if call == self.call:
            raise errors[-1]("as asked")

    def accepted(self, buffer: list[Draft]) -> list[Draft]:
        return buffer[::2]

    def hidden(self, tp: TopicPartition) -> bool:
        return self.blind


def test_part_of_a_flush_that_fails_can_be_in_the_log(site: MemorySite) -> None:
    tp = TopicPartition(new_topic(site.open()), 0)
    log = MemoryLog(site.broker, Failing("flush"))
    with pytest.raises(DeliveryError):
        fill(log, tp, 5)
    log.flush()
    assert [record.value for record in site.open().fetch(tp, 0, 3)] == [b"v0", b"v2", b"v4"]


def test_a_flush_can_fail_after_everything_was_written(site: MemorySite) -> None:
    tp = TopicPartition(new_topic(site.open()), 0)
    with pytest.raises(LogUnavailable):
        fill(MemoryLog(site.broker, Failing("flushed")), tp, 5)
    assert site.open().spans([tp])[tp].end == 5


def test_a_partition_that_is_not_heard_of_is_not_at_its_end(site: MemorySite) -> None:
    tp = TopicPartition(new_topic(site.open()), 0)
    mischief = Failing("never")
    tail = MemoryLog(site.broker, mischief).tail({tp: 0})
    assert not tail.poll(0)
    assert tail.at_end(tp)
    fill(site.open(), tp, 1)
    mischief.blind = True
    assert not tail.poll(0)
    assert not tail.at_end(tp)
    mischief.blind = False
    assert len(drain(tail, 1)) == 1
    assert tail.at_end(tp)


def test_a_reader_beyond_a_cut_is_told_so_even_when_the_offsets_were_given_again(site: MemorySite) -> None:
    log = site.open()
    tp = TopicPartition(new_topic(log), 0)
    fill(log, tp, 5)
    before, beyond = log.tail({tp: 2}), log.tail({tp: 5})
    site.broker.cut(tp, 3)
    fill(log, tp, 5, first=10)
    assert [record.value for record in drain(before, 6)][:2] == [b"v2", b"v10"]
    for _ in range(2):
        with pytest.raises(RangeLost):
            beyond.poll(0)
    ((_, former),) = site.broker.former[tp]
    assert [record.value for record in former] == [b"v%d" % i for i in range(5)]


def test_a_reader_of_a_topic_made_anew_is_told_so(site: MemorySite) -> None:
    log = site.open()
    tp = TopicPartition(new_topic(log), 0)
    tail = log.tail({tp: 0})
    site.delete(tp.topic)
    log.create(tp.topic, 1)
    with pytest.raises(RangeLost, match="made anew"):
        tail.poll(0)
