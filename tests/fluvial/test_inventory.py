"""Inventory: what a model could forget is told with its snapshots, and looked for as often as that costs little."""

from __future__ import annotations

import pytest

from fluvial import inventory as inventory_module
from fluvial.inventory import QUICK, SHARE, Inventory
from fluvial.shard import Shard
from tests.fluvial.world import coins


class Clock:
    """A clock that stands still but while a model is looked through."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_model_that_takes_long_is_looked_through_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, looked = Clock(), []

    def slowly(*_: object) -> dict[str, object]:
        looked.append(clock.now)
        clock.now += QUICK + 0.1
        return {"categories": {}, "mixed": {}}

    monkeypatch.setattr(inventory_module, "inventory", slowly)
    pipeline = coins()
    told, shard = Inventory(pipeline, clock), Shard(pipeline, 0)
    assert told.of(shard)["batch"] == 0
    shard.state.batch, second = 3, clock.now
    assert told.of(shard)["batch"] == 3, "one look alone may have been interrupted"
    shard.state.batch = 7
    clock.now = again = second + 0.1 / SHARE
    clock.now -= 0.001
    assert told.of(shard)["batch"] == 3, "what was found last is told again"
    clock.now = again
    assert told.of(shard)["batch"] == 7
    assert looked == [0.0, second, again]


def test_another_model_is_looked_through_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    def slowly(*_: object) -> dict[str, object]:
        clock.now += 1.0
        return {"categories": {}, "mixed": {}}

    monkeypatch.setattr(inventory_module, "inventory", slowly)
    pipeline = coins()
    told, shard = Inventory(pipeline, clock), Shard(pipeline, 0)
    for batch in range(3):
        shard.state.batch = batch
        told.of(shard)
    assert told.of(shard)["batch"] == 1
    shard.state.learner.exchange(None)
    assert told.of(shard)["batch"] == 2


def test_one_look_that_was_interrupted_keeps_none_away(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, takes = Clock(), iter([60.0, 0.0, 60.0, 0.0])

    def look(*_: object) -> dict[str, object]:
        clock.now += next(takes)
        return {"categories": {}, "mixed": {}}

    monkeypatch.setattr(inventory_module, "inventory", look)
    pipeline = coins()
    told, shard = Inventory(pipeline, clock), Shard(pipeline, 0)
    for batch in range(4):
        shard.state.batch = batch
        assert told.of(shard)["batch"] == batch


def test_one_that_is_looked_through_at_once_is_told_of_as_it_is() -> None:
    pipeline = coins()
    told, shard = Inventory(pipeline, Clock()), Shard(pipeline, 0)
    for batch in range(3):
        shard.state.batch = batch
        assert told.of(shard)["batch"] == batch
