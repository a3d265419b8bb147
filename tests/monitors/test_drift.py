"""Drift monitors: every one keeps the contract, and the contract tells the useless ones apart."""

import pickle
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitors.alarm import Alarm
from monitors.drift import STATES, Block, DriftSpec, LossMonitor, Monitor, State, best_split
from tests.monitors.monitor_contract import (
    PROMISES,
    STEPS,
    WARMUP,
    Make,
    calm,
    coins,
    follows_the_level,
    losses,
    quiet_at_first,
    sees,
    speaks_once,
    watch,
)

SPEC = DriftSpec(warmup=WARMUP, settle=1000)


def loss_monitor() -> Monitor:
    return LossMonitor("loss", SPEC)


MONITORS: dict[str, Make] = {"loss": loss_monitor}
"""Every monitor there is: a new one is tested by standing here."""


class Stub:
    """What the two controls share: they look at nothing."""

    def __init__(self) -> None:
        self.name = "stub"
        self.state: State = "warming"
        self.alarm: Alarm | None = None
        self.n = 0

    @property
    def estimate(self) -> float:
        return 0.0

    def rearm(self) -> None:
        self.state, self.alarm = "warming", None


class Never(Stub):
    """Never says anything."""

    def update(self, value: float, time: float) -> None:
        self.n, self.state = self.n + 1, "quiet"


class Always(Stub):
    """Says every hundredth time that it got worse."""

    def update(self, value: float, time: float) -> None:
        self.n, self.state = self.n + 1, "quiet"
        self.alarm = Alarm("stub", "worse", time, time, self.n, 0.1, 0.2, 1, 1) if self.n % 100 == 0 else None


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", MONITORS)
def test_a_monitor_keeps_its_promise(name: str, promise) -> None:  # type: ignore[no-untyped-def]
    assert promise(MONITORS[name])


@pytest.mark.parametrize(("before", "after", "direction"), STEPS)
@pytest.mark.parametrize("name", MONITORS)
def test_a_monitor_sees_a_step_and_says_which_way(
    name: str, before: float, after: float, direction: str
) -> None:
    assert sees(MONITORS[name], before, after, direction)


def test_a_monitor_that_never_speaks_is_calm_and_breaks_what_matters() -> None:
    assert calm(Never)
    assert quiet_at_first(Never)
    assert not speaks_once(Never)
    assert not follows_the_level(Never)
    assert not any(sees(Never, *step) for step in STEPS)


def test_a_monitor_that_always_speaks_breaks_every_promise_about_silence() -> None:
    assert not calm(Always)
    assert not quiet_at_first(Always)
    assert not speaks_once(Always)
    assert not any(sees(Always, *step) for step in STEPS)


@pytest.mark.parametrize("name", MONITORS)
@given(st.lists(st.floats(0, 1), max_size=300), st.integers(0, 300))
def test_a_monitor_goes_on_after_pickling_as_if_nothing_had_happened(
    name: str, values: list[float], cut: int
) -> None:
    one = MONITORS[name]()
    watch(one, values[:cut])
    other = pickle.loads(pickle.dumps(one))
    for monitor in (one, other):
        watch(monitor, values[cut:], cut)
    assert (one.state, one.estimate, one.alarm) == (other.state, other.estimate, other.alarm)


@pytest.mark.parametrize("name", MONITORS)
@given(st.lists(st.sampled_from([0.0, 1.0, 0.5, 5e-324, 1.0 - 2**-53]), max_size=200), st.booleans())
def test_whatever_the_losses_a_monitor_has_a_state_and_an_estimate(
    name: str, values: list[float], rearm: bool
) -> None:
    monitor = MONITORS[name]()
    watch(monitor, values)
    if rearm:
        monitor.rearm()
    assert monitor.state in STATES
    assert isfinite(monitor.estimate)
    assert -1e-9 <= monitor.estimate <= 1.0 + 1e-9


# ---- the loss monitor by itself


def test_it_goes_from_warming_to_quiet_and_settles_after_an_alarm() -> None:
    monitor, states = loss_monitor(), []
    for at, value in enumerate(coins(1, (0.1, 4000), (0.6, 4000))):
        monitor.update(value, float(at))
        states += [monitor.state] if states[-1:] != [monitor.state] else []
    assert states == ["warming", "quiet", "settling", "quiet"]


def test_a_change_too_small_for_a_person_is_not_announced() -> None:
    spec = DriftSpec(warmup=WARMUP, settle=1000, smallest_change=0.1)
    parts = ((0.2, 6000), (0.27, 14_000))
    assert watch(loss_monitor(), losses(1, *parts)).directions() == ["worse"]
    assert watch(LossMonitor("loss", spec), losses(1, *parts)).directions() == []


def test_the_estimate_is_there_before_the_first_block_is_full() -> None:
    monitor = LossMonitor("loss", DriftSpec(block=100))
    watch(monitor, [0.0, 1.0, 0.5])
    assert monitor.estimate == 0.5


def test_without_warmup_it_is_quiet_after_its_first_block() -> None:
    monitor = LossMonitor("loss", DriftSpec(warmup=0, block=4))
    watch(monitor, [0.5] * 4)
    assert monitor.state == "quiet"


def test_what_it_holds_is_bounded_however_long_nothing_happens() -> None:
    monitor = LossMonitor("loss", DriftSpec(warmup=0, block=1))
    watch(monitor, coins(1, (0.2, 10_000)))
    assert len(monitor._blocks) <= LossMonitor.keep


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=2, max_size=30))
def test_the_best_split_explains_more_than_any_other(parts: list[tuple[int, float]]) -> None:
    blocks = [Block(n, n * mean, float(i)) for i, (n, mean) in enumerate(parts)]

    def squares(some: list[Block]) -> float:
        n, total = sum(b.n for b in some), sum(b.total for b in some)
        return sum(b.n * (b.total / b.n - total / n) ** 2 for b in some)

    split = best_split(blocks)
    left = [squares(blocks[:at]) + squares(blocks[at:]) for at in range(1, len(blocks))]
    assert left[split.at - 1] == pytest.approx(min(left), abs=1e-9)
    assert split.n_before + split.n_after == sum(b.n for b in blocks)


@pytest.mark.parametrize(
    "wrong",
    [
        {"delta": 0},
        {"delta": 1},
        {"block": 0},
        {"warmup": -1},
        {"settle": -1},
        {"smallest_change": 2},
        {"x": 1},
    ],
)
def test_a_monitor_cannot_be_told_what_makes_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        DriftSpec(**wrong)
