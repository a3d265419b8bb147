"""EmbeddedLog: the promises of a log, and those that only one file can give."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from consumers.embedded import POLL_BYTES, EmbeddedLog
from consumers.log import DeliveryError, LogError, LogUnavailable, RangeLost, Span
from consumers.record import TopicPartition
from tests.consumers.log_contract import LogContract, drain, fill, new_topic
from tests.waiting import wait_until

A, B = TopicPartition("a", 0), TopicPartition("b", 0)

# appends flushes of ten records, five to each topic, for ever; says so after each
WRITER = """
import sys
from consumers.embedded import EmbeddedLog
log, me, rounds = EmbeddedLog(sys.argv[1]), sys.argv[2].encode(), int(sys.argv[3])
for i in range(rounds):
    for topic in "ababababab":
        log.append(topic, b"%s %d" % (me, i), timestamp=i)
    log.flush()
    print(i, flush=True)
"""


class EmbeddedSite:
    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> EmbeddedLog:
        return EmbeddedLog(self.path)

    def trim(self, tp: TopicPartition, before: int) -> None:
        log = self.open()
        log.trim(tp, before)
        log.close()

    def delete(self, topic: str) -> None:
        log = self.open()
        log.delete(topic)
        log.close()


@pytest.fixture
def site(tmp_path: Path) -> EmbeddedSite:
    return EmbeddedSite(tmp_path / "log.sqlite")


@pytest.fixture
def log(site: EmbeddedSite) -> EmbeddedLog:
    log = site.open()
    log.create("a", 1)
    log.create("b", 1)
    return log


def writer(site: EmbeddedSite, name: str, rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(site.path), name, str(rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class TestContract(LogContract):
    """Every promise of consumers.log.Log."""


def test_an_open_log_does_not_keep_another_from_reading_what_was_flushed(
    site: EmbeddedSite, log: EmbeddedLog
) -> None:
    log.append("a", b"1", timestamp=1)
    other = site.open()
    assert other.spans([A])[A] == Span(0, 0)
    log.flush()
    assert other.spans([A])[A] == Span(0, 1)


def test_a_flush_that_fails_halfway_leaves_nothing(site: EmbeddedSite, log: EmbeddedLog) -> None:
    log.append("a", b"1", timestamp=1)
    log.append("b", {"not": "bytes"}, timestamp=1)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.Error):
        log.flush()
    assert log.spans([A, B]) == {A: Span(0, 0), B: Span(0, 0)}
    log.append("a", b"2", timestamp=2)
    log.flush()
    assert [record.value for record in log.fetch(A, 0, 1)] == [b"2"]


def test_a_reader_sees_all_of_a_flush_or_nothing(site: EmbeddedSite, log: EmbeddedLog) -> None:
    process = writer(site, "w", 300)
    tail = log.tail({A: 0, B: 0})
    seen = {A: 0, B: 0}
    while process.poll() is None or tail.poll(0.0):
        for tp, records in tail.poll(0.05).items():
            seen[tp] += len(records)
        assert seen[A] == seen[B]
        assert seen[A] % 5 == 0
    process.communicate()


def test_processes_that_append_at_once_lose_nothing_and_share_the_offsets(site: EmbeddedSite) -> None:
    first = site.open()
    first.create("a", 1)
    first.create("b", 1)
    processes = [writer(site, name, 100) for name in ("x", "y", "z")]
    assert [process.communicate(timeout=120) and process.returncode for process in processes] == [0, 0, 0]
    assert first.spans([A, B]) == {A: Span(0, 1_500), B: Span(0, 1_500)}
    found = [record.value for record in first.fetch(A, 0, 1_500)]
    for name in (b"x", b"y", b"z"):
        mine = [value for value in found if value and value.startswith(name)]
        assert mine == [b"%s %d" % (name, i) for i in range(100) for _ in range(5)]


def test_processes_can_make_the_file_at_the_same_moment(site: EmbeddedSite) -> None:
    code = "import sys; from consumers.embedded import EmbeddedLog; EmbeddedLog(sys.argv[1]).create('a', 1)"
    processes = [subprocess.Popen([sys.executable, "-c", code, str(site.path)]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    assert list(site.open().describe(["a"])) == ["a"]


def test_a_file_that_another_process_is_just_making_is_waited_for(site: EmbeddedSite) -> None:
    with closing(sqlite3.connect(site.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")  # SQLite refuses a change to WAL at once where this is held
        done = threading.Timer(0.2, other.execute, ["COMMIT"])
        done.start()
        log = site.open()
        done.join()
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert log.create("a", 1)


def test_a_killed_writer_leaves_whole_flushes_and_every_one_it_was_told_of(
    site: EmbeddedSite, log: EmbeddedLog
) -> None:
    acknowledged = 0
    for _ in range(3):
        with writer(site, "w", 1_000_000) as process:
            assert process.stdout
            for _ in range(15):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
            acknowledged += 15 + len(process.stdout.read().splitlines())
        spans = log.spans([A, B])
        assert spans[A] == spans[B]
        assert spans[A].end % 5 == 0
        assert spans[A].end >= 5 * acknowledged
    assert len(log.fetch(A, *log.spans([A])[A])) == log.spans([A])[A].end


def test_a_locked_log_is_unavailable_and_says_why(site: EmbeddedSite, log: EmbeddedLog) -> None:
    impatient = EmbeddedLog(site.path, patience=0.1)
    impatient.append("a", b"1", timestamp=1)
    with closing(sqlite3.connect(site.path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailable, match=r"log\.sqlite is locked by another process"):
            impatient.flush()
        db.execute("ROLLBACK")
    impatient.flush()
    assert log.spans([A])[A] == Span(0, 0)  # what was not accepted is forgotten
    impatient.append("a", b"1", timestamp=1)
    impatient.flush()
    assert log.spans([A])[A] == Span(0, 1)


def test_a_full_disk_is_said_to_be_full_and_the_log_stays_readable(
    site: EmbeddedSite, log: EmbeddedLog
) -> None:
    fill(log, A, 10)
    log._file._db.execute("PRAGMA max_page_count = 20")
    log.append("a", bytes(200_000), timestamp=1)
    with pytest.raises(LogUnavailable, match="disk is full"):
        log.flush()
    assert len(site.open().fetch(A, 0, 10)) == 10
    log._file._db.execute("PRAGMA max_page_count = 2000")
    fill(log, A, 1)


def test_a_log_that_may_not_be_written_says_so(log: EmbeddedLog) -> None:
    log._file._db.execute("PRAGMA query_only = ON")
    log.append("a", b"1", timestamp=1)
    with pytest.raises(LogUnavailable, match="read-only"):
        log.flush()


def test_a_missing_folder_and_a_file_of_another_kind_are_named(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match="folder exists"):
        EmbeddedLog(tmp_path / "nowhere" / "log.sqlite")
    other = tmp_path / "notes.txt"
    other.write_bytes(b"this is not a database, and long enough to be sure" * 50)
    with pytest.raises(LogError, match="is not a log"):
        EmbeddedLog(other)


def test_records_for_a_topic_made_anew_meanwhile_are_refused(site: EmbeddedSite, log: EmbeddedLog) -> None:
    log.append("a", b"1", timestamp=1)
    site.delete("a")
    site.open().create("a", 1)
    with pytest.raises(DeliveryError):
        log.flush()
    log.append("a", b"2", timestamp=2)
    log.flush()
    assert [record.value for record in log.fetch(A, 0, 1)] == [b"2"]


def test_a_reader_of_a_topic_made_anew_is_told_so(site: EmbeddedSite, log: EmbeddedLog) -> None:
    newest = TopicPartition(new_topic(log), 0)
    fill(log, newest, 3)
    tail = log.tail({newest: 0})
    assert len(drain(tail, 3)) == 3
    site.delete(newest.topic)
    site.open().create(newest.topic, 1)
    fill(site.open(), newest, 3)
    with pytest.raises(RangeLost, match="made anew"):
        tail.poll(0.0)


def test_large_values_come_in_small_portions(log: EmbeddedLog) -> None:
    for _ in range(400):
        log.append("a", bytes(100_000), timestamp=1)
    log.flush()
    tail = log.tail({A: 0})
    (first,) = tail.poll(0.0).values()
    assert sum(len(record.value or b"") for record in first) < 4 * POLL_BYTES
    assert len(first) + len(drain(tail, 400 - len(first))) == 400


def test_a_waiting_reader_wakes_up_when_another_process_appends(site: EmbeddedSite, log: EmbeddedLog) -> None:
    tail = log.tail({A: 0, B: 0})
    assert not tail.poll(0.0)
    process = writer(site, "w", 1)
    found = wait_until(lambda: tail.poll(30.0), "records of the other process")
    assert {tp: len(records) for tp, records in found.items()} == {A: 5, B: 5}
    process.communicate()


def test_topics_are_apart(log: EmbeddedLog) -> None:
    other = new_topic(log, 3)
    fill(log, TopicPartition(other, 1), 4)
    assert log.spans([A, TopicPartition(other, 0), TopicPartition(other, 1)]) == {
        A: Span(0, 0),
        TopicPartition(other, 0): Span(0, 0),
        TopicPartition(other, 1): Span(0, 4),
    }
