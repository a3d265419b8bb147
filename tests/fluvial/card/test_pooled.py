"""Several shards, one drift: what is compared is compared over all of them, each around its own onset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fluvial.card.card import Card
from fluvial.card.collect import collect
from fluvial.card.facts import facts_of
from fluvial.card.harm import measures
from fluvial.card.pooled import balanced, pooled
from fluvial.incidents import Incidents
from monitors.alarm import Alarm
from tests.fluvial.card.made import known
from tests.fluvial.world import START, World, coins, embedded_world, tosses

BEFORE, AFTER = 2400, 1600
ONSET = START / 1000 + BEFORE


def loss_of(before: list[Any], after: list[Any]) -> Any:
    return next(one for one in measures("binary", before, after, pooled) if one.name == "loss")


def test_a_shard_with_a_longer_stretch_before_is_no_change() -> None:
    good, bad = known(4000, loss=0.1), known(200, loss=0.5, seed=2)
    after = [known(500, loss=0.1, seed=3, first=4000), known(500, loss=0.5, seed=4, first=4000)]
    plain = sum(one.loss for one in [*good, *bad]) / 4200
    assert plain < 0.13, "the mean of before would make a rise of what is none"
    found = loss_of([good, bad], after)
    assert found.before.mean == pytest.approx(0.3, abs=0.01)
    assert found.low < 0 < found.high
    assert (found.before.n, found.after.n) == (4200, 1000)


def test_more_shards_make_a_change_surer_and_the_change_is_theirs_together() -> None:
    before = [known(600, loss=0.2, seed=n) for n in range(4)]
    after = [known(600, loss=0.4, seed=10 + n, first=600) for n in range(4)]
    one, four = loss_of(before[:1], after[:1]), loss_of(before, after)
    assert four.change == pytest.approx(0.2, abs=0.01)
    assert four.high - four.low < 0.8 * (one.high - one.low)


def test_what_hits_all_shards_at_once_is_no_independent_evidence() -> None:
    waves = [known(100, loss=0.2 + 0.2 * (n % 2), first=100 * n, seed=n) for n in range(20)]
    common = [one for wave in waves for one in wave]
    alone = loss_of([common], [common])
    four = loss_of([common] * 4, [common] * 4)
    assert four.high - four.low > 0.9 * (alone.high - alone.low)


def test_outcomes_of_before_are_thinned_to_the_shares_of_after() -> None:
    before, after = [known(3000), known(300)], [known(200), known(100)]
    thinned = balanced(before, after)
    assert [len(some) for some in thinned] == [600, 300]
    assert balanced(before[:1], after[:1]) == before[:1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sharded")


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[World]:
    """Four shards; the truth is turned round in all of them at once."""
    quiet = {"warmup": 500_000, "seasons": []}
    several = {"learn": "per-partition", "partitions": 4, "snapshot_every": 400}
    made = embedded_world(folder, coins(**several, monitor=quiet))
    with closing(made.log), closing(made.store):
        made.feed(tosses(BEFORE))
        made.run()
        made.feed(tosses(AFTER, seed=2, first=BEFORE, flip_after=BEFORE))
        made.run()
        yield made


def alarm(shard: int, *, score: float = 6.0, late: float = 0.0) -> Alarm:
    """What a monitor of a shard says of the fault."""
    return Alarm(
        "loss", "worse", ONSET + 900 + shard, ONSET + late, 1000, 0.1, 0.4, 300, 200 + shard, score=score
    )


def card_of(world: World, name: str, alarms: dict[int, Alarm]) -> Card:
    for shard, said in alarms.items():
        Incidents(world.store).record("coins", shard, [(f"{name}-{shard}", said)])
    (incident,) = Incidents(world.store).listing(state="firing")
    made = collect(world.place(), facts_of(world.store, incident))
    world.decide("resolve", incident=incident.id)
    return made


def test_a_fault_in_all_shards_is_one_card_of_all_of_them(world: World) -> None:
    alarms = {shard: alarm(shard, score=9.0 if shard == 2 else 5.0, late=shard) for shard in range(4)}
    made = card_of(world, "all", alarms)
    assert made.missing == []
    assert [one.shard for one in made.shards] == [2, 3, 1, 0], "the one with the most evidence first"
    assert made.shard == 2
    assert made.watching is not None
    assert made.watching.shard == 0, "it called first"
    assert {one.shard: one.onset - ONSET for one in made.shards} == {0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0}
    assert made.after is not None
    assert made.after.events == pytest.approx(AFTER, abs=20)
    assert made.after.events == sum(one.events for one in made.shards)
    loss = made.measures[0]
    assert (loss.before.n, loss.after.n) == (
        sum(one.n_before for one in made.shards),
        sum(one.n_after for one in made.shards),
    )
    assert loss.low is not None
    assert loss.low > 0
    assert all((one.after or 0) > (one.before or 1) for one in made.shards)
    assert made.volume is not None
    assert made.volume.after_per_hour == pytest.approx(3600, rel=0.05), "one event a second over all shards"
    assert made.labels is not None
    assert made.labels.per_hour_after == pytest.approx(3600, rel=0.1)
    assert {pair.after.id for pair in made.examples}


def test_a_fault_in_one_shard_is_a_card_of_that_shard(world: World) -> None:
    made = card_of(world, "one", {3: alarm(3)})
    assert ([one.shard for one in made.shards], made.shard) == ([3], 3)
    assert made.after is not None
    assert made.after.events == pytest.approx(AFTER / 4, rel=0.25)
    assert made.shards[0].n_after == made.measures[0].after.n


def test_a_shard_that_cannot_be_looked_at_is_named_and_the_others_tell(world: World) -> None:
    for partition in (1,):
        world.trim("events", 700, partition)
    made = card_of(world, "gone", {shard: alarm(shard) for shard in range(3)})
    assert [one.shard for one in made.shards] == [2, 0]
    (said,) = made.missing
    assert said.startswith("Shard 1: The events around the onset cannot be looked at again")
