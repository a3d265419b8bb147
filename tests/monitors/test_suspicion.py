"""Suspicion: a hundred times the budget would do; where nothing changes hardly anything is suspected."""

from __future__ import annotations

import pytest

from monitors.level import SUSPECT, Level
from monitors.spec import LevelSpec
from tests.bars.streams import UNSURE, Stream, probabilities, steps

CALM = 30_000


def suspected(stream: Stream, spec: LevelSpec) -> float:
    """The share of the time after the warm-up in which something is suspected."""
    level, n = Level("loss", spec), 0
    for value, time in zip(stream.values, stream.times, strict=True):
        level.update(value, time)
        n += level.state == "suspected"
    return n / len(stream.values)


@pytest.mark.parametrize(
    "stream",
    [steps(1, (0.1, CALM)), steps(2, (0.3, CALM)), probabilities(3, UNSURE, CALM)],
    ids=["errors", "many errors", "probabilities"],
)
def test_where_nothing_changes_hardly_anything_is_suspected(stream: Stream) -> None:
    assert suspected(stream, LevelSpec(seasons=())) < 0.01


def test_what_a_hundred_times_the_budget_would_call_is_suspected() -> None:
    """The same stream by both budgets: the lenient one calls while the strict one suspects."""
    strict = Level("loss", LevelSpec(seasons=()))
    lenient = Level("loss", LevelSpec(budget=SUSPECT * LevelSpec().budget, seasons=()))
    stream = steps(4, (0.1, 20_000), (0.15, 5_000))
    called, states = None, list[str]()
    for at, (value, time) in enumerate(zip(stream.values, stream.times, strict=True)):
        lenient.update(value, time)
        strict.update(value, time)
        states.append(strict.state)
        if lenient.alarm and called is None:
            called = at
        if strict.alarm:
            break
    assert called is not None
    assert 20_000 < called < len(states) - 1
    assert states[called] == "suspected"
    assert "suspected" not in states[:called]


def test_a_suspicion_that_comes_to_nothing_goes_by_itself() -> None:
    level, seen = Level("loss", LevelSpec(seasons=())), set[str]()
    stream = steps(9, (0.1, 20_000), (0.4, 48), (0.1, 3_000))
    for value, time in zip(stream.values, stream.times, strict=True):
        level.update(value, time)
        assert level.alarm is None
        seen.add(level.state)
    assert seen == {"warming", "quiet", "suspected"}
    assert level.state == "quiet"
