"""Membership on both logs: one owner at a time, and somebody always takes over."""

import uuid
from collections.abc import Callable
from pathlib import Path

from consumers.kafka import KafkaLog
from consumers.kafka_membership import KafkaMembership
from consumers.membership import EmbeddedMembership
from tests.waiting import wait_until


def test_one_process_at_a_time_holds_a_shard_of_the_embedded_log(tmp_path: Path) -> None:
    first = EmbeddedMembership(tmp_path / "log.db", "coins", 2, worker="first")
    second = EmbeddedMembership(tmp_path / "log.db", "coins", 2, worker="second")
    assert first.assigned() == {0, 1}
    assert second.assigned() == frozenset()
    assert second.holder(0) == "first"
    first.close()
    wait_until(lambda: second.assigned() == {0, 1}, "the second takes over", 5)
    assert second.holder(1) == "second"
    second.close()


def test_pipelines_on_one_log_do_not_disturb_each_other(tmp_path: Path) -> None:
    coins = EmbeddedMembership(tmp_path / "log.db", "coins", 1, worker="a")
    dice = EmbeddedMembership(tmp_path / "log.db", "dice", 1, worker="b")
    assert coins.assigned() == dice.assigned() == {0}
    coins.close()
    dice.close()


def made_topics(bootstrap: str, partitions: int) -> list[str]:
    names = [f"m{uuid.uuid4().hex[:10]}.{stream}" for stream in ("events", "labels")]
    log = KafkaLog(bootstrap)
    for name in names:
        log.create(name, partitions)
    log.close()
    return names


def join(bootstrap: str, topics: list[str], one_model: bool) -> KafkaMembership:
    return KafkaMembership(bootstrap, group=topics[0], topics=topics, one_model=one_model)


def alive(*members: KafkaMembership) -> Callable[[Callable[[], bool]], Callable[[], bool]]:
    """A condition that is looked at while every member's main loop ticks."""

    def with_ticks(condition: Callable[[], bool]) -> Callable[[], bool]:
        def look() -> bool:
            for member in members:
                member.tick({})
            return condition()

        return look

    return with_ticks


def test_a_one_model_pipeline_runs_on_one_worker_and_the_other_takes_over(kafka_bootstrap: str) -> None:
    topics = made_topics(kafka_bootstrap, 3)
    first, second = join(kafka_bootstrap, topics, True), join(kafka_bootstrap, topics, True)
    both = alive(first, second)
    wait_until(both(lambda: len(first.assigned()) + len(second.assigned()) == 1), "one of two runs it", 30)
    owner, standby = (first, second) if first.assigned() else (second, first)
    owner.close()
    wait_until(alive(standby)(lambda: standby.assigned() == {0}), "the other takes over", 30)
    standby.close()


def test_partitions_are_shared_out_and_handed_over_when_a_worker_leaves(kafka_bootstrap: str) -> None:
    topics = made_topics(kafka_bootstrap, 4)
    first = join(kafka_bootstrap, topics, False)
    wait_until(alive(first)(lambda: first.assigned() == {0, 1, 2, 3}), "the only one runs all", 30)
    second = join(kafka_bootstrap, topics, False)
    both = alive(first, second)
    wait_until(both(lambda: len(first.assigned()) == len(second.assigned()) == 2), "two run two each", 30)
    assert first.assigned() | second.assigned() == {0, 1, 2, 3}
    second.close()
    wait_until(alive(first)(lambda: first.assigned() == {0, 1, 2, 3}), "the first runs all again", 30)
    first.close()


def test_topics_with_different_partition_counts_are_given_to_nobody(kafka_bootstrap: str) -> None:
    events, _ = made_topics(kafka_bootstrap, 2)
    _, labels = made_topics(kafka_bootstrap, 3)
    member = join(kafka_bootstrap, [events, labels], False)
    wait_until(
        alive(member)(lambda: "different numbers" in member._assignor.uneven), "the assignor refuses", 30
    )
    assert member.assigned() == frozenset()
    member.close()
