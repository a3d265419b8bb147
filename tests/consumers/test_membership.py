"""Membership on both logs: one owner at a time, and somebody always takes over."""

import errno
import gc
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumers import kafka_membership
from consumers.kafka import KafkaLog
from consumers.kafka_membership import KafkaMembership
from consumers.log import LogUnavailable
from consumers.membership import EmbeddedMembership
from consumers.record import TopicPartition
from tests.consumers.sockets import leaves_sockets
from tests.services.kafka import KafkaAdminClient
from tests.waiting import wait_until

pytestmark = leaves_sockets


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()  # see leaves_sockets


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


def test_a_killed_process_gives_its_shards_up_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from consumers.membership import EmbeddedMembership; "
        "m = EmbeddedMembership(Path(sys.argv[1]), 'coins', 1, 'first'); m.assigned(); "
        "print('held', flush=True); time.sleep(60)"
    )
    second = EmbeddedMembership(tmp_path / "log.db", "coins", 1, worker="second")
    command = [sys.executable, "-c", code, str(tmp_path / "log.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        assert second.assigned() == frozenset()
        assert second.holder(0) == "first"
        process.kill()
    assert second.holder(0) is None  # its name is still in the file
    wait_until(lambda: second.assigned() == {0}, "the second takes over", 5)
    assert second.holder(0) == "second"
    second.close()
    assert second.holder(0) is None


def test_a_lock_that_cannot_be_made_is_no_end_but_a_reason_to_wait(tmp_path: Path) -> None:
    member = EmbeddedMembership(tmp_path / "gone" / "log.db", "coins", 1, worker="first")
    with pytest.raises(LogUnavailable, match="check its folder and the disk"):
        member.assigned()
    (tmp_path / "gone").mkdir()
    assert wait_until(member.assigned, "it takes the shard", 5) == {0}
    member.close()


def test_a_disk_that_takes_no_names_keeps_nobody_from_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    member = EmbeddedMembership(tmp_path / "log.db", "coins", 1, worker="first")
    other = EmbeddedMembership(tmp_path / "log.db", "coins", 1, worker="other")
    assert member.assigned() == {0}
    assert other.assigned() == frozenset()
    monkeypatch.setattr(os, "ftruncate", full)  # as on a disk that has turned read-only
    member.close()
    assert wait_until(other.assigned, "the lock is free", 5) == {0}
    other.close()


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


def test_a_worker_whose_main_loop_hangs_loses_its_shards(
    kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_membership, "STUCK", 2.0)
    topics = made_topics(kafka_bootstrap, 2)
    hanging = join(kafka_bootstrap, topics, False)
    wait_until(alive(hanging)(lambda: hanging.assigned() == {0, 1}), "the first runs all", 30)
    healthy = join(kafka_bootstrap, topics, False)
    wait_until(alive(healthy)(lambda: healthy.assigned() == {0, 1}), "the second runs all", 60)
    both = alive(hanging, healthy)  # it wakes up, and gets no more than its share
    wait_until(both(lambda: len(hanging.assigned()) == len(healthy.assigned()) == 1), "one each", 60)
    hanging.close()
    healthy.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_member_whose_thread_ends_owns_nothing(
    kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = made_topics(kafka_bootstrap, 1)
    member = join(kafka_bootstrap, topics, True)
    wait_until(alive(member)(lambda: member.assigned() == {0}), "it runs the shard", 30)

    def broken() -> None:
        raise SystemExit  # ends a thread without a word

    monkeypatch.setattr(member, "_show_positions", broken)
    wait_until(alive(member)(lambda: member.assigned() == frozenset()), "it owns nothing", 30)
    member.close()


def test_positions_are_shown_as_the_group_s_offsets(kafka_bootstrap: str) -> None:
    topics = made_topics(kafka_bootstrap, 1)
    member = join(kafka_bootstrap, topics, True)
    shown = {TopicPartition(topic, 0): 0 for topic in topics}
    wait_until(alive(member)(lambda: member.assigned() == {0}), "it runs the shard", 30)
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)

    def committed() -> bool:
        member.tick(shown)
        found = admin.list_group_offsets({topics[0]: None})[topics[0]]
        return {TopicPartition(*tp): at.offset for tp, at in found.items()} == shown

    wait_until(committed, "the offsets are committed", 30)
    admin.close()
    member.close()
