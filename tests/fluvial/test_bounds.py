"""Bounds: a pickle takes no more memory than its room, whatever is in it, and deep states fit on a stack."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fluvial.bounds import Watched, room, with_deep_stack
from tests.recovery.floods import FLOODS, ROOM

GIVEN_AWAY = {"a place far away", "duplicates", "empty sets in one frame"}
"""By their opcodes: they are not even begun."""

OVERSHOOT = 256 * (1 << 18)
"""Bytes that one step of a pickle can take: 256 for each of its opcodes."""


@pytest.fixture(scope="module")
def taken() -> dict[str, dict[str, Any]]:
    """What each flood took."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.recovery.floods"], check=True, capture_output=True, text=True
    )
    found: dict[str, dict[str, Any]] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_small_things_is_stopped_at_its_room(taken: dict[str, dict[str, Any]], name: str) -> None:
    flood = taken[name]
    assert ("no state has" if name in GIVEN_AWAY else "more memory than any state") in flood["said"]
    assert flood["grown"] < ROOM + OVERSHOOT
    assert flood["sealed"] < 100_000


def test_a_billion_laughs_take_no_more_than_they_are_written_with(taken: dict[str, dict[str, Any]]) -> None:
    """What a pickle names twice is there once: twice as many levels are twice as much and not four times."""
    assert taken["a billion laughs"]["grown"] < 1 << 24


@pytest.mark.parametrize("packed", [0, 1, 10**6, 10**8, 1 << 30])
def test_room_is_bounded_and_enough_for_any_state(packed: int) -> None:
    assert 30 * packed < room(packed) or room(packed) == 8 << 30
    assert 1 << 28 <= room(packed) <= 8 << 30


def test_a_pickle_is_read_as_it_is() -> None:
    content = bytes(range(256)) * 5_000
    watched = Watched(content)
    assert b"".join(iter(lambda: watched.read(70_001), b"")) == content
    assert Watched(content).read() == content
    assert Watched(b"a\nb").readline() == b"a\n"


def deep(levels: int) -> int:
    return 0 if levels == 0 else 1 + deep(levels - 1)


def test_what_calls_itself_very_often_has_room_on_a_deep_stack() -> None:
    with pytest.raises(RecursionError):
        deep(50_000)
    assert with_deep_stack(lambda: deep(50_000)) == 50_000


@pytest.mark.parametrize("work", [lambda: 1 // 0, lambda: deep(10**6)])
def test_a_deep_stack_raises_what_happens_on_it_and_leaves_nothing_behind(work: Callable[[], int]) -> None:
    before = sys.getrecursionlimit(), threading.stack_size(), threading.active_count()
    with pytest.raises((ZeroDivisionError, RecursionError)):
        with_deep_stack(work)
    assert (sys.getrecursionlimit(), threading.stack_size(), threading.active_count()) == before
