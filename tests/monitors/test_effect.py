"""What single observations tell of how much a mean varies, and when they are not believed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from monitors.dependence import Dependence
from monitors.effect import EXACT, Singles, spread
from monitors.level import Level
from monitors.spec import LevelSpec
from tests.bars import streams
from tests.bars.streams import SURE, UNSURE, Stream

BLOCK = 8


def ladder(values: list[float], *, told: bool = True) -> Dependence:
    """What a stream's blocks tell, and its single observations where those are told."""
    made, level = Dependence(BLOCK), spread(float(np.mean(values)))
    for at in range(0, len(values), BLOCK):
        block = values[at : at + BLOCK]
        made.add(sum(block) / BLOCK, level)
        if told:
            made.single(BLOCK, sum(v * (1.0 - v) for v in block), level)
    return made


def coins(seed: int) -> Stream:
    return streams.steps(seed, (0.2, 16_000))


def test_nothing_is_told_by_none() -> None:
    assert Singles().effect is None


@pytest.mark.parametrize("rate", [0.0, 0.003, 0.2, 1.0])
def test_of_all_or_nothing_the_variance_is_known_and_not_estimated(rate: float) -> None:
    singles = Singles()
    for _ in range(5000):
        singles.add(1000, 0.0, spread(rate))
    assert singles.effect == (1.0, EXACT)


@pytest.mark.parametrize("shape", [SURE, UNSURE], ids=["sure", "unsure"])
def test_of_probabilities_it_is_what_their_variance_is(shape: tuple[float, float]) -> None:
    values = streams.probabilities(7, shape, 16_000).values
    effect = ladder(values)._singles.effect
    assert effect is not None
    assert effect.size == pytest.approx(np.var(values) / spread(float(np.mean(values))), rel=0.02)
    # 40 other draws lie about it as its freedom says, or nearer: that is what it has at least
    sizes = [ladder(streams.probabilities(seed, shape, 4000).values)._singles.effect for seed in range(40)]
    apart = np.std([one.size / effect.size for one in sizes if one is not None])
    least = min(one.freedom for one in sizes if one is not None)
    assert 0.0 < apart < 1.2 * np.sqrt(2.0 / least)


def test_what_is_old_counts_less_and_less() -> None:
    singles = Singles()
    for _ in range(4000):
        singles.add(8, 8 * 0.25, spread(0.5))
    for _ in range(20_000):
        singles.add(8, 0.0, spread(0.25))
    assert singles.effect is not None
    assert singles.effect.size == pytest.approx(1.0, abs=0.001)


def test_coins_are_taken_for_what_they_are_and_their_blocks_for_what_they_seem() -> None:
    known = [ladder(coins(seed).values).reading().effect.size for seed in range(30)]
    seem = [ladder(coins(seed).values, told=False).reading().effect.size for seed in range(30)]
    assert known.count(1.0) > 22  # eleven lengths stray by two standard errors now and then
    assert seem.count(1.0) == 0
    assert np.std(known) < np.std(seem)


@pytest.mark.parametrize("make", [streams.bursts, streams.wander])
def test_single_observations_are_not_believed_where_blocks_tell_otherwise(
    make: Callable[[int, int], Stream],
) -> None:
    for seed in range(10):
        values = make(seed, 16_000).values
        assert ladder(values).reading() == ladder(values, told=False).reading()


def test_while_little_is_seen_dependence_is_what_blocks_tell() -> None:
    for seed in range(10):
        early, values = coins(seed).values[:8000], coins(seed).values
        assert ladder(early).reading() == ladder(early, told=False).reading()
        assert ladder(values).shortest <= 1.0


def test_a_length_that_surely_varies_more_is_believed_alone() -> None:
    """26 errors in any 128, of which one half has 20: what is longer never varies at all."""
    draw, values = np.random.default_rng(4), []
    for _ in range(125):
        for errors in draw.permutation([6, 20]).tolist():
            values += draw.permutation([1.0] * errors + [0.0] * (64 - errors)).tolist()
    assert ladder(values).reading().at(64).size > 2.0


def test_a_change_is_found_sooner_by_who_knows_how_single_errors_vary() -> None:
    """Over 40 streams: what is told of single errors is dropped for the others."""

    def delay(seed: int, *, told: bool) -> int:
        stream = streams.steps(seed, (0.2, 8000), (0.3, 3000))
        level = Level("loss", LevelSpec(seasons=()))
        for at, (value, time) in enumerate(zip(stream.values, stream.times, strict=True)):
            if told:
                level.update(value, time)
            elif at % BLOCK == BLOCK - 1:
                level.push(BLOCK, sum(stream.values[at - BLOCK + 1 : at + 1]), time)
            if at >= 8000 and level.alarm is not None:
                return at - 8000
        return 3000

    sooner = [delay(seed, told=False) - delay(seed, told=True) for seed in range(40)]
    assert np.mean(sooner) > 10
    assert sum(one >= 0 for one in sooner) >= 30
