"""Tuning: a false alarm leads to another budget, at a price that is shown, exactly and undoably."""

import copy
import random
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

import pytest

from fluvial.config import Pipeline
from fluvial.decision import Decision
from fluvial.evidence import stored
from fluvial.incidents import Incidents
from fluvial.reviews import Action, Request, register, review
from fluvial.shard import Shard
from fluvial.similar import similar
from fluvial.store import Store
from fluvial.tuning import DAYS, Watching, propose, slack, watching
from monitors.alarm import Alarm
from monitors.comparison import Place, best_split
from monitors.dependence import Reading
from monitors.effect import Effect
from monitors.level import Level
from monitors.retune import Tuning, retune
from monitors.spec import LevelSpec, MonitorSpec
from tests.fluvial.world import World, coins, embedded_world, tosses

NOON = 1_700_000_000.0


class Desk:
    """A store with one pipeline that watches by a budget of 0.02."""

    def __init__(self, store: Store) -> None:
        self.store, self.incidents = store, Incidents(store)
        register(store, "coins", 2, {"monitor": {"budget": 0.02, "smallest_change": 0.02}})

    def alarm(self, name: str, days: float, spare: float = 1.0, **changes: Any) -> Any:
        """An alarm that had so many nats more than it needed."""
        at = NOON + days * 86400.0
        alarm = Alarm("loss", "worse", at, at - 60, 1000, 0.1, 0.4, 500, 500, needed=5.0)
        alarm = alarm._replace(score=(25 + 2 * spare) ** 0.5, **changes)
        self.incidents.record("coins", 0, [(name, alarm)])
        return self.incidents.get(name)

    def says(self, action: Action, incident: str | None = None, **more: Any) -> None:
        subject = {"incident": incident} if incident else {"pipeline": "coins"}
        review(self.store, Request(action=action, who="ann", **subject, **more), "cli")


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_a_false_alarm_that_was_a_close_thing_proposes_a_budget_that_would_not_have_called(
    desk: Desk,
) -> None:
    desk.alarm("a1", 0, spare=1.0)
    desk.says("false_alarm", "a1")
    found = propose(desk.store, desk.incidents.get("a1"))
    assert found is not None
    assert found.now == Watching(0.02, 0.02)
    assert found.wanted is not None
    assert log(found.now.budget / found.wanted.budget) > 1.0
    assert found.wanted.budget == pytest.approx(0.007)
    assert found.price is not None
    assert (found.price.incidents, found.price.remain, found.price.spared) == (1, 0, ("a1",))


def test_the_price_names_the_true_incidents_that_would_have_been_lost(desk: Desk) -> None:
    for n, (spare, verdict) in enumerate(
        [(0.3, "resolve"), (9.0, "resolve"), (0.2, "false_alarm"), (0.1, None)]
    ):
        desk.alarm(f"a{n}", 7.2 * n, spare)
        if verdict:
            desk.says(verdict, f"a{n}")  # type: ignore[arg-type]
    found = propose(desk.store, desk.incidents.get("a2"))
    assert found is not None
    assert found.price is not None
    assert (found.price.lost, found.price.spared, found.price.others) == (("a0",), ("a2",), ("a3",))
    assert (found.price.incidents, found.price.remain) == (4, 1)


def test_what_is_older_than_a_month_of_event_time_does_not_count(desk: Desk) -> None:
    desk.alarm("a0", 0)
    desk.says("resolve", "a0")
    desk.alarm("a1", DAYS + 1)
    found = propose(desk.store, desk.incidents.get("a1"))
    assert found is not None
    assert found.price is not None
    assert found.price.incidents == 1


def test_what_was_surely_there_and_small_proposes_a_larger_change(desk: Desk) -> None:
    found = propose(desk.store, desk.alarm("a1", 0, spare=200.0, after=0.13))
    assert found is not None
    assert found.wanted == Watching(0.02, 0.031)


def test_what_was_surely_there_and_large_proposes_nothing(desk: Desk) -> None:
    found = propose(desk.store, desk.alarm("a1", 0, spare=200.0))
    assert found is not None
    assert (found.wanted, found.price) == (None, None)
    assert "scenario" in found.why


def test_what_was_decided_is_what_is_watched_by_and_can_be_undone(desk: Desk) -> None:
    desk.says("set_budget", budget=0.005)
    assert watching(desk.store, "coins") == Watching(0.005, 0.02)
    desk.says("set_budget", smallest_change=0.05)
    assert watching(desk.store, "coins") == Watching(0.005, 0.05)
    desk.says("set_budget", budget=0.02, smallest_change=0.02)
    assert watching(desk.store, "coins") == Watching(0.02, 0.02)


def test_shards_that_come_later_watch_by_the_same(desk: Desk) -> None:
    desk.says("set_budget", budget=0.005)
    desk.says("set_budget", smallest_change=0.05)
    register(desk.store, "coins", 3, {})
    from fluvial.journal import Journal  # noqa: PLC0415

    (told,) = Journal(desk.store, "coins").pending(2)
    assert (told.action, dict(told.args)) == ("set_budget", {"budget": 0.005, "smallest_change": 0.05})


def test_what_a_loss_needs_for_its_bursts_falls_with_the_budget() -> None:
    """Three nats less for the budget are more than three less in all, of an alarm whose errors came in bursts."""
    spec, bursts = LevelSpec(), Reading(Effect(6.0, 1e9), 1.0, 1)
    needs = []
    for budget in (12.0, 15.0):
        place = Place(9000, 300, 0.1, 0.2, 0.0, 400.0, budget, 0.0, 0.0)
        split = best_split([place], bursts, spec)
        assert split is not None
        needs.append(split.needed)
    assert needs[1] - needs[0] > 3.5
    said = stored(split.alarm("loss", "worse", "first", season=0.0, time=1.0, n=9300))
    said |= {"severity": "page", "needed": (2 * needs[0]) ** 0.5, "score": (2 * needs[1]) ** 0.5}
    assert slack([said]) == pytest.approx(3.0)
    assert slack([said | {"direction": "changed"}]) == pytest.approx(needs[1] - needs[0]), (
        "bursts are a loss's"
    )


# ---- the monitors


def specs(root: object) -> list[LevelSpec]:
    """The specs of all levels under an object, in a fixed order."""
    found, seen, waiting = list[LevelSpec](), {id(root)}, [root]
    while waiting:
        one = waiting.pop()
        parts = list(vars(one).values()) if hasattr(one, "__dict__") else []
        parts += list(one.values()) if isinstance(one, dict) else []
        parts += list(one) if isinstance(one, list | tuple) and not isinstance(one, LevelSpec) else []
        found += [part for part in parts if isinstance(part, LevelSpec)]
        for part in parts:
            if id(part) not in seen and (
                type(part).__module__.startswith("monitors") or isinstance(part, dict | list | tuple)
            ):
                seen.add(id(part))
                waiting.append(part)
    return found


def pipeline() -> Pipeline:
    return coins(slices=["mint"])


def test_every_part_of_a_watch_keeps_its_share_of_another_budget() -> None:
    shard, twin = Shard(pipeline(), 0), Shard(pipeline(), 0)
    before = specs(shard.state.watch)
    assert len(before) > 10
    shard.decide(Decision(1, "set_budget", "r1", {"budget": MonitorSpec().budget / 10}))
    after = specs(shard.state.watch)
    assert [one.budget for one in after] == pytest.approx([one.budget / 10 for one in before])
    assert [one._replace(budget=0) for one in after] == [one._replace(budget=0) for one in before]
    assert specs(twin.state.watch) == before, "no other shard is touched"


def test_the_old_budget_again_undoes_it() -> None:
    shard = Shard(pipeline(), 0)
    before = specs(shard.state.watch)
    for n, budget in enumerate([0.0004, 0.1, MonitorSpec().budget]):
        shard.decide(Decision(n, "set_budget", f"r{n}", {"budget": budget}))
    assert [one.budget for one in specs(shard.state.watch)] == pytest.approx([one.budget for one in before])


def test_a_level_asks_for_as_much_evidence_as_its_new_budget_says() -> None:
    calm = Level("loss", LevelSpec(warmup=200, block=8, seasons=(), settle=64))
    strict = copy.deepcopy(calm)
    retune(strict, Tuning(1e-60, 1.0))
    raised = {"calm": 0, "strict": 0}
    rng = random.Random(1)
    for n in range(6000):
        loss = float(rng.random() < (0.2 if n < 3000 else 0.4))
        for name, level in (("calm", calm), ("strict", strict)):
            level.push(1, loss, float(n))
            raised[name] += level.alarm is not None
    assert raised["calm"] > 0
    assert raised["strict"] == 0


# ---- the whole loop


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = embedded_world(tmp_path, coins(snapshot_every=500))
    yield made
    made.log.close()
    made.store.close()


def test_a_budget_holds_from_the_next_batch_on_and_in_every_replay(world: World) -> None:
    world.feed(tosses(1000))
    world.run()
    world.decide("set_budget", budget=1e-9)
    world.feed(tosses(500, seed=2, first=1000))
    shard = world.run().owned[0].shard
    assert shard.state.watch.tuned == (1e-9, 0.02)
    assert world.journal.rows_with(0, "set_budget")[-1].decisions[-1].args["budget"] == 1e-9
    assert world.verify().difference is None, "from nothing"
    world.spoil(keep=[])
    world.feed(tosses(200, seed=3, first=1500))
    assert world.run().owned[0].shard.state.watch.tuned == (1e-9, 0.02), "rebuilt by replay"


def test_similar_incidents_come_with_what_was_decided(desk: Desk) -> None:
    for n, monitor in enumerate(["loss", "feed:rate", "loss", "labels:truth"]):
        desk.alarm(f"a{n}", 30.0 * n, monitor=monitor, cause="feed" if n in (1, 3) else "world")
        desk.says("resolve", f"a{n}", reason=f"reason {n}")
    found = similar(desk.store, desk.alarm("a9", 200, cause="feed"))
    assert [(one.incident.id, one.likeness) for one in found] == [
        ("a2", "the same"),
        ("a0", "the same"),
        ("a3", "the same cause"),
        ("a1", "the same cause"),
    ]
    assert [one.reason for one in found[0].decided] == ["reason 2"]
    assert similar(desk.store, desk.incidents.get("a0")) == []
