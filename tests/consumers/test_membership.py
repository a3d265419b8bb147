"""Membership on the embedded log: one owner at a time, and somebody always takes over."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumers.log import LogUnavailable
from consumers.membership import EmbeddedMembership
from tests.waiting import wait_until


def test_one_process_at_a_time_holds_a_shard_of_the_embedded_log(tmp_path: Path) -> None:
    first = EmbeddedMembership(tmp_path / "log.db", "coins", 2, worker="first")
    second = EmbeddedMembership(tmp_path / "log.db", "coins", 2, worker="second")
    assert first.assigned() == {0, 1}
    assert second.assigned() == frozenset()
    assert second.holder(0) == "first"
    assert first.trouble == second.trouble == ""
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
