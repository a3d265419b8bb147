"""The first weeks of the flights of 2013: the losses are the learner's, and few calls are made."""

from __future__ import annotations

import pytest

from tests.bars.contenders import NAMED, OURS
from tests.bars.flights import day, diary, learned
from tests.bars.said import listen
from tests.bars.streams import Stream
from tests.examples.playing import played

EVENTS = 30_000


@pytest.fixture(scope="module")
def month() -> Stream:
    return learned(EVENTS)


def test_the_losses_are_those_of_the_shard(month: Stream) -> None:
    assert len(month.values) == played("flights", EVENTS).outcomes["learned"]
    assert month.times == sorted(month.times)
    assert all(0.0 <= value <= 1.0 for value in month.values)
    assert day(month.times[0]) == "01 Jan"


def test_a_month_without_anything_planted_is_a_handful_of_incidents(month: Stream) -> None:
    run = listen(NAMED[OURS].loss(), month)
    assert sum(one.phase == "first" for one in run.said) <= 4
    assert len(diary(run.said)) == len(run.said)
