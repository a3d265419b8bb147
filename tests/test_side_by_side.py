"""Tests that run in several processes: who waits for whom, and what is told in the end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.services.process import PORTS
from tests.side_by_side import Room, in_order
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
CONFTEST = """
import pytest
from tests.services.parts import Parts
from tests.side_by_side import ALONE, prepare

def pytest_configure(config):
    config.parts = Parts()
    config.addinivalue_line("markers", ALONE)
    prepare(config, config.parts)

def pytest_terminal_summary(terminalreporter, config):
    for line in config.parts.summary():
        terminalreporter.line(line)

@pytest.fixture(autouse=True)
def noted(request, pytestconfig):
    "Notes when a test began and ended, and that it used a part of its file's own."
    class Part:
        description = request.path.stem
    pytestconfig.parts.use("kafka", Part)
    with open("noted", "a", buffering=1) as file:
        print(request.path.stem, request.node.name, "begins", file=file)
        yield
        print(request.path.stem, request.node.name, "ends", file=file)
"""
TESTS = """
import pytest, time

@pytest.mark.parametrize("n", range(3))
def test_beside_others(n):
    time.sleep(0.1)
"""
WITH_ONE_ALONE = """
@pytest.mark.alone
def test_alone():
    time.sleep(0.3)
"""


class Visitor:
    """Somebody who goes in from a thread of their own and stays until `leave`."""

    def __init__(self, room: Room, *, alone: bool) -> None:
        self.inside, self._leave = threading.Event(), threading.Event()
        self._room, self._alone = room, alone
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()

    def _visit(self) -> None:
        with self._room.inside(alone=self._alone):
            self.inside.set()
            self._leave.wait(30)

    def leave(self) -> None:
        self._leave.set()
        self._thread.join(10)


def test_many_are_in_the_room_together(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for _ in range(3):
            visitor = Visitor(Room(tmp_path), alone=False)
            stack.callback(visitor.leave)
            assert visitor.inside.wait(10)


def test_one_alone_waits_until_the_room_is_empty_and_those_behind_wait_too(tmp_path: Path) -> None:
    first = Visitor(Room(tmp_path), alone=False)
    assert first.inside.wait(10)
    alone = Visitor(Room(tmp_path), alone=True)
    wait_until(lambda: _waits_at(tmp_path / "door"), "it waits in the door")
    behind = Visitor(Room(tmp_path), alone=False)
    assert not behind.inside.wait(0.2)
    assert not alone.inside.is_set()
    first.leave()
    assert alone.inside.wait(10)
    assert not behind.inside.wait(0.2)
    alone.leave()
    assert behind.inside.wait(10)
    behind.leave()


def _waits_at(door: Path) -> bool:
    """Whether somebody stands in the door."""
    inode = f":{door.stat().st_ino} "
    return any(inode in line and "->" not in line for line in Path("/proc/locks").read_text().splitlines())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[tuple[str, ...]]]:
    """A small run in two processes: what it says, and (file, test, begins or ends) in the order of events."""
    folder = tmp_path_factory.mktemp("run")
    files = {"a": TESTS, "b": TESTS, "c": TESTS + WITH_ONE_ALONE, "d": TESTS + WITH_ONE_ALONE}
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "FLUVIAL"))}
    options = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder, env=env | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said, [tuple(line.split()) for line in (folder / "noted").read_text().splitlines()]


def test_nothing_else_runs_while_a_test_runs_alone(run: tuple[str, list[tuple[str, ...]]]) -> None:
    _, noted = run
    assert len(noted) == 2 * (4 * 3 + 2)
    begun = [n for n, (_, test, what) in enumerate(noted) if (test, what) == ("test_alone", "begins")]
    assert len(begun) == 2
    for n in begun:
        assert noted[n + 1] == (*noted[n][:2], "ends")
        before = noted[:n]
        assert sum(what == "begins" for *_, what in before) == sum(what == "ends" for *_, what in before)


def test_other_files_begin_when_all_that_run_alone_are_through(
    run: tuple[str, list[tuple[str, ...]]],
) -> None:
    _, noted = run
    through = max(n for n, (_, test, _) in enumerate(noted) if test == "test_alone")
    assert {file for file, *_ in noted[:through]} == {"test_c", "test_d"}


class Item:
    """What a test is asked for its place in the order."""

    def __init__(self, file: str, *marks: pytest.MarkDecorator) -> None:
        self.path, self._marks = Path(file), {mark.name: mark.mark for mark in marks}

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self._marks.get(name)

    def iter_markers(self) -> Iterator[pytest.Mark]:
        yield from self._marks.values()


def test_those_alone_come_first_then_those_that_may_take_longest_then_those_with_real_services() -> None:
    mark = pytest.mark
    plain, kafka, slow, slower = Item("plain"), Item("kafka"), Item("slow"), Item("slower", mark.timeout(600))
    later, served, late, alone = (
        Item("slower"),
        Item("kafka", mark.kafka),
        Item("slow", mark.timeout(300)),
        Item("alone", mark.alone),
    )
    beside = Item("alone")
    items: Any = [plain, kafka, slow, beside, slower, later, served, late, alone]
    assert in_order(items) == [alone, beside, slower, later, slow, late, kafka, served, plain]


def test_one_line_closes_the_run_and_the_parts_of_all_are_told(
    run: tuple[str, list[tuple[str, ...]]],
) -> None:
    said, _ = run
    assert re.fullmatch(r"=+ 14 passed in [\d.]+s.* =+", said.splitlines()[-1])
    (kafka,) = re.findall(r"^Kafka +(.*)$", said, re.MULTILINE)
    assert sorted(kafka.split(" and ")) == ["test_a", "test_b", "test_c", "test_d"]


def test_processes_that_run_at_once_hand_out_different_ports() -> None:
    ask = "from tests.services.process import PORTS; print(*PORTS)"
    shares = []
    for n in range(3):
        env = os.environ | {"PYTEST_XDIST_WORKER": f"gw{n}", "PYTEST_XDIST_WORKER_COUNT": "3"}
        said = subprocess.run(
            [sys.executable, "-c", ask],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        shares.append(set(said.split()))
    assert len(set().union(*shares)) == sum(map(len, shares)) == 10_000
    assert PORTS
