"""Tests side by side: in which order they come, what runs alone, and one summary of all.

`make test` runs several processes (pytest-xdist), each with services of its own: most tests wait, for
sessions that end, for brokers and workers that start. A test marked `alone` measures how long
something takes: nothing else runs meanwhile. Files with such tests come first, and the other files begin when
all of these are through: one that takes half an hour would keep them waiting, and they all the rest.
"""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.parts import PARTS, Parts

ALONE = "alone: measures how long something takes, so no other test may run meanwhile"


PATIENCE = 1_800.0
"""Seconds until the others begin although not all of those alone are through: a process may have died."""


class Room:
    """Many may be in it together, or one alone; whoever comes first is let in first.

    Processes share it through the files of a folder: one that was killed leaves it.
    """

    def __init__(self, folder: Path) -> None:
        self._door, self._room = folder / "door", folder / "room"
        self._left = folder / "left"

    @contextlib.contextmanager
    def inside(self, *, alone: bool) -> Iterator[None]:
        """Wait to be let in, and stay for as long as the context lasts."""
        with contextlib.ExitStack() as stack:
            # one waits at the door, and all who come later behind: among many the room is never empty
            with _locked(self._door, fcntl.LOCK_EX):
                stack.enter_context(_locked(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
            try:
                yield
            finally:
                if alone:
                    with self._left.open("a") as file:
                        file.write(".")

    def were_alone(self) -> int:
        """How many have been in it alone, and left."""
        return self._left.stat().st_size if self._left.exists() else 0


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, how)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # a forked child may still have it open


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Files with tests that run alone first, with these in front; then by how long a test may take.

    At the beginning nobody has to be waited for, and at the end it is best that every test is short.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)

    def rank(tests: list[pytest.Item]) -> tuple[bool, float, int]:
        real = sum(any(mark.name in PARTS for mark in test.iter_markers()) for test in tests)
        return not any(map(_is_alone, tests)), -max(map(_allowed, tests)), -real

    return [test for tests in sorted(files.values(), key=rank) for test in sorted(tests, key=_comes_later)]


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def _comes_later(item: pytest.Item) -> bool:
    return not _is_alone(item)


def _allowed(item: pytest.Item) -> float:
    """Seconds that a test may take, where it says so itself."""
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0


class Several:
    """In the process that gives the tests out: each of the others is shown the room, and its parts are kept."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._folder = tempfile.TemporaryDirectory(prefix="fluvial-tests-")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["room"] = self._folder.name

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._parts.add(getattr(node, "workeroutput", {}).get("parts", {}))

    def pytest_unconfigure(self) -> None:
        self._folder.cleanup()


class OneOfSeveral:
    """In a process that runs some of the tests."""

    def __init__(self, parts: Parts, folder: Path) -> None:
        self._parts, self._room = parts, Room(folder)
        self._alone: list[Path] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = in_order(items)
        self._alone = [item.path for item in items if _is_alone(item)]

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # to wait is no part of the time that a test may take
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        if (
            item.path not in self._alone
        ):  # what comes after them in their own file must not wait for the next one
            deadline = time.monotonic() + PATIENCE
            while self._room.were_alone() < len(self._alone) and time.monotonic() < deadline:
                time.sleep(0.05)
        with self._room.inside(alone=_is_alone(item)):
            return (yield)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.config.workeroutput["parts"] = self._parts.noted  # type: ignore[attr-defined]


def prepare(config: pytest.Config, parts: Parts) -> None:
    """Have this process do its part; where it is the only one, there is nothing to do."""
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is not None:
        config.pluginmanager.register(OneOfSeveral(parts, Path(given["room"])))
    elif config.getoption("numprocesses", None):
        config.pluginmanager.register(Several(parts))
