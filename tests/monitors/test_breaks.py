"""What breaks is said at once: right after an improvement, above a learning curve, where little varies."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest

from monitors.alarm import Alarm
from monitors.choice import choose
from monitors.comparison import Place
from monitors.dependence import Dependence
from monitors.level import Level
from monitors.spec import LevelSpec
from tests.bars.streams import UNSURE, Array, Stream, coins, probabilities, times

SEEDS = range(10)
BREAK = 24_100


def said(stream: Stream, budget: float = LevelSpec().budget) -> list[Alarm]:
    """Every alarm of a level over one stream."""
    level, alarms = Level("loss", LevelSpec(budget=budget, seasons=())), []
    for value, time in zip(stream.values, stream.times, strict=True):
        level.update(value, time)
        if level.alarm:
            alarms.append(level.alarm)
    return alarms


def learning(seed: int) -> Stream:
    """The loss of probabilities that get better all the time, until they break."""
    draw, n = np.random.default_rng(seed), BREAK + 2000
    rates: Array = 0.25 + 0.06 * np.exp(-np.arange(n) / 10_000.0)
    rates[BREAK:] = 0.75
    return Stream(draw.beta(2.0 * rates, 2.0 * (1.0 - rates)).tolist(), times(n), (BREAK,))


def test_a_break_right_after_an_improvement_is_said() -> None:
    """What was seen of an improvement belongs to it for twice as long: that is no time to look away."""
    for seed in SEEDS:
        slow = np.where(np.arange(30_000) < 8000, 0.30, 0.25)
        at = next(alarm.n for alarm in said(coins(seed, slow)) if alarm.direction == "better")
        rates = np.concatenate([slow[: at + 50], np.full(1000, 0.7)])
        first, second, *_ = said(coins(seed, rates))
        assert (first.direction, second.direction) == ("better", "worse")
        assert first.n_after >= 400
        assert second.n < at + 50 + 100


def test_a_break_is_said_above_a_learning_curve() -> None:
    for seed in SEEDS:
        alarms = [alarm for alarm in said(learning(seed)) if alarm.direction == "worse"]
        assert alarms, "never said"
        assert BREAK < alarms[0].n <= BREAK + 72


def test_a_rest_between_two_disturbances_is_no_excursion() -> None:
    """A feed that fails for some hours and then works for months: that it works again is seen each time."""
    spec = LevelSpec(seasons=(), two_sided=True, counted=True, block=128, settle=1024, smallest_change=0.03)
    rates = ((0.002, 300), (0.3, 4), (0.002, 1000), (0.6, 4), (0.002, 1000), (0.9, 4), (0.002, 60))
    for seed in SEEDS:
        draw, level, phases = np.random.default_rng(seed), Level("missing", spec), []
        for n, rate in enumerate(np.repeat(*zip(*rates, strict=True))):
            level.push(128, float(draw.binomial(128, rate)), 128.0 * n)
            if level.alarm:
                phases.append(level.alarm.phase)
        assert phases[-2:] == ["first", "recovered"], (seed, phases)


def test_the_interval_of_a_change_keeps_to_what_a_level_can_be() -> None:
    for before, after in ((0.0, 1.0), (1.0, 0.0)):
        rates = np.where(np.arange(6000) < 4000, before, after)
        alarms = said(coins(1, rates))
        assert alarms
        for one in alarms:
            assert -1.0 <= one.low <= one.after - one.before <= one.high <= 1.0


def test_what_got_better_does_not_come_before_what_breaks() -> None:
    better = Place(4000, 16_040, 0.30, 0.25, 0.0, ratio=40.0, needed=12.0, onset=1.0, unsure=0.0)
    broken = Place(20_000, 40, 0.25, 0.60, 0.0, ratio=30.0, needed=15.0, onset=2.0, unsure=0.0)
    for two_sided, onset in ((False, broken.onset), (True, better.onset)):
        chosen = choose([broken, better], Dependence(8), LevelSpec(two_sided=two_sided))
        assert chosen is not None
        assert chosen.onset == onset


def test_probabilities_vary_less_than_errors_and_need_less() -> None:
    waited = [said(probabilities(seed, UNSURE, 30_000, 20_000))[0].n - 20_000 for seed in SEEDS]
    assert min(waited) > 0
    assert median(waited) < 600


def test_rare_large_losses_are_chance_where_all_others_are_small() -> None:
    """Ten are within the budget; 16 of these streams bring one where the law is taken for a normal one."""
    n, found = 50_000, 0
    for seed in range(20):
        losses = np.where(np.random.default_rng(seed).random(n) < 0.03, 0.5, 0.05)
        found += bool(said(Stream(losses.tolist(), times(n)), 1.0))
    assert found <= 10


@pytest.mark.parametrize("budget", [10.0, 100.0])
def test_the_knob_is_followed_where_little_varies(budget: float) -> None:
    """By the time to the first alarm: within a factor of 6, which so few tell from what is right."""
    n, runs = 40_000, 20
    firsts = [said(probabilities(seed, UNSURE, n), budget) for seed in range(runs)]
    watched = sum(alarms[0].n if alarms else n for alarms in firsts) - runs * LevelSpec().warmup
    rate = 1e5 * sum(map(bool, firsts)) / watched
    assert budget / 6 <= rate <= 6 * budget
