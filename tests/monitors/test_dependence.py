"""What is known of how a stream resembles itself, before and after it was seen for long."""

from __future__ import annotations

import numpy as np
import pytest

from monitors.dependence import TRUST, Dependence
from monitors.level import Level
from monitors.scale import dependence
from monitors.sizes import Sizes
from monitors.spec import LevelSpec
from tests.bars.streams import Stream, autoregression, coins, times, wander

BLOCK = 128


def ladder(rho: float, blocks: int, memory: float, seed: int = 3) -> Dependence:
    """The blocks of an autoregression whose memory is told beforehand; its spread is 1."""
    made = Dependence(BLOCK, caution=TRUST, memory=memory)
    values = autoregression(np.random.default_rng(seed), rho, blocks * BLOCK)
    for mean in values.reshape(blocks, BLOCK).mean(axis=1).tolist():
        made.add(mean, 1.0)
    return made


def mean_size(memory: float, draws: int = 20) -> float:
    """The effect that ladders of 60 blocks show on average at 2,048 values of an AR(1) of .99: 199 in truth."""
    return float(np.mean([ladder(0.99, 60, memory, seed).reading().at(2048).size for seed in range(draws)]))


def test_who_knows_the_memory_of_a_stream_is_nearer_to_its_effect_while_little_is_seen() -> None:
    assert abs(mean_size(100.0) - 199.0) < abs(mean_size(0.0) - 199.0)
    assert mean_size(100.0) == pytest.approx(199.0, rel=0.35)


def test_what_was_told_beforehand_is_forgotten_over_what_is_seen() -> None:
    wrong, plain = (ladder(0.0, 4096, memory).reading().at(2048).size for memory in (100.0, 0.0))
    assert plain == pytest.approx(1.0, rel=0.25)
    assert wrong == pytest.approx(plain, rel=0.25)


@pytest.mark.parametrize(("rho", "memory"), [(0.0, 0.8), (0.9, 9.5), (0.99, 99.5)])
def test_a_memory_is_read_off_how_seldom_the_median_is_crossed(rho: float, memory: float) -> None:
    values = autoregression(np.random.default_rng(5), rho, 100_000)
    assert dependence(values) / 1.2337 == pytest.approx(memory, rel=0.25)
    assert Sizes(values.tolist()).memories["location"] == pytest.approx(memory, rel=0.25)


def test_a_reference_that_only_rises_has_no_longer_memory_than_it_can_tell() -> None:
    assert Sizes([float(i) for i in range(1024)]).memories == {"location": 128.0, "spread": 64.0}


def young_and_old(stream: Stream) -> tuple[float, float]:
    """The effects at 2,000 observations that are read at the end of a warm-up of this stream, and later."""
    made, blocks = Dependence(8), np.reshape(stream.values, (-1, 8)).mean(axis=1)
    spread = float(blocks.mean() * (1.0 - blocks.mean()))
    for mean in blocks.tolist():
        made.add(mean, spread)
    made.single(len(stream.values), 0.0, spread)
    return made.reading(young=True).at(2000).size, made.reading().at(2000).size


def test_a_level_that_wanders_is_expected_to_wander_further_while_it_was_hardly_seen() -> None:
    wandering = [young_and_old(wander(seed, 10_240)) for seed in range(12)]
    assert np.median([young / old for young, old in wandering]) > 1.4
    still = [young_and_old(coins(seed, np.full(10_240, 0.1))) for seed in range(12)]
    assert sum(young == old == 1.0 for young, old in still) >= 10


def test_harm_soon_after_an_improvement_is_said_before_that_has_settled() -> None:
    level = Level("loss", LevelSpec(seasons=()))
    rates = [0.2] * 6000 + [0.14] * 2600 + [0.3] * 1000
    thrown = (np.random.default_rng(5).random(len(rates)) < np.array(rates)).astype(float)
    said = []
    for value, time in zip(thrown.tolist(), times(len(rates)), strict=True):
        level.update(value, time)
        if level.alarm is not None:
            said.append(level.alarm)
    better, worse = said
    assert (better.direction, worse.direction) == ("better", "worse")
    assert better.n < 8600 < worse.n < better.n + 2 * better.n_after
