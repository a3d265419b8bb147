"""What every monitor promises: the contract that each implementation is tested against.

A monitor takes one observation in [0, 1] at a time and is then read. The streams are random and
seeded, so a bound below is a statement about many of them; time runs at 5,000 observations a day.
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from math import isfinite
from typing import NamedTuple, Protocol

from monitors.alarm import Alarm, Direction

STATES = ("warming", "quiet", "suspected", "alarm")
START, STEP = 1_735_516_800.0, 86_400.0 / 5_000


class Monitor(Protocol):
    """Watches one bounded quantity: update it, then read its state."""

    name: str
    state: str
    alarm: Alarm | None

    @property
    def direction(self) -> Direction | None:
        """Which way it went, in the state ``alarm``."""
        ...

    @property
    def estimate(self) -> float:
        """The present level; 0.0 before the first observation."""
        ...

    def update(self, value: float, time: float) -> None:
        """Take one observation with its event time in seconds."""
        ...

    def rearm(self) -> None:
        """The learner was replaced, or the new level was accepted."""
        ...


class Subject(NamedTuple):
    """A monitor under test: how it is made, after how many observations it is warm, what it calls up and down."""

    make: Callable[[], Monitor]
    warm: int
    up: Direction = "worse"
    down: Direction = "better"


class Heard(NamedTuple):
    """An alarm with the number of the observation it came with."""

    at: int
    alarm: Alarm


def coins(seed: int, *parts: tuple[float, int]) -> Iterator[float]:
    """Zeros and ones: for each part a rate and how long it holds."""
    draw = random.Random(seed)
    return chain.from_iterable((float(draw.random() < rate) for _ in range(n)) for rate, n in parts)


def losses(seed: int, *parts: tuple[float, int]) -> Iterator[float]:
    """Losses between 0 and 1 around a level that holds for a time."""
    draw = random.Random(seed)
    return chain.from_iterable(
        (min(1.0, max(0.0, draw.gauss(level, 0.15))) for _ in range(n)) for level, n in parts
    )


def evenly(at: int) -> float:
    """The event time of an observation: one follows the other evenly."""
    return START + at * STEP


def watch(
    monitor: Monitor, values: Iterable[float], first: int = 0, when: Callable[[int], float] = evenly
) -> list[Heard]:
    """Feed a stream and collect the alarms."""
    heard = []
    for at, value in enumerate(values, start=first):
        monitor.update(value, when(at))
        if monitor.alarm is not None:
            heard.append(Heard(at, monitor.alarm))
    return heard


def ways(heard: Iterable[Heard]) -> list[str]:
    """Where the alarms point."""
    return [one.alarm.direction for one in heard]


# ---- silence


def is_calm(subject: Subject) -> bool:
    """At most one alarm in 20 streams of 20,000 observations in which nothing changes, at two rates."""
    found = [watch(subject.make(), coins(s, (rate, 20_000))) for s in range(10) for rate in (0.05, 0.2)]
    return sum(map(len, found)) <= 1


def lets_a_learner_begin(subject: Subject) -> bool:
    """A loss that falls while it warms up is a learner that learns: nothing then, and nothing bad later."""
    if subject.up != "worse":
        return True  # an input learns nothing
    parts = ((0.5, 300), (0.3, 300), (0.2, 400), (0.1, 20_000))
    heard = [one for seed in range(5) for one in watch(subject.make(), coins(seed, *parts))]
    early = [one for one in heard if one.at < subject.warm]
    return not early and "worse" not in ways(heard)


def says_nothing_to_the_same(subject: Subject) -> bool:
    """Told one value again and again it stays quiet and says that value."""
    for value in (0.0, 0.3, 1.0):
        monitor = subject.make()
        if watch(monitor, [value] * (subject.warm + 5000)) or abs(monitor.estimate - value) > 1e-6:
            return False
    return True


def is_calm_whatever_the_clocks_say(subject: Subject) -> bool:
    """Times that go back, stand still or leap over months are no change of the level."""
    draw = random.Random(7)
    leaps = sorted(draw.sample(range(30_000), 3))
    clocks: tuple[Callable[[int], float], ...] = (
        lambda at: evenly(at - at * 7919 % 2500),
        lambda at: START,
        lambda at: evenly(at) + 1e7 * sum(at >= leap for leap in leaps),
    )
    return not any(watch(subject.make(), coins(3, (0.1, 30_000)), when=when) for when in clocks)


# ---- speech


def sees(subject: Subject, before: float, after: float) -> bool:
    """One alarm in the right direction within 2,000 observations of a step, in nine of ten streams."""
    way, right = subject.up if after > before else subject.down, 0
    for seed in range(10):
        heard = watch(subject.make(), coins(seed, (before, subject.warm + 5000), (after, 2000)))
        right += ways(heard) == [way] and heard[0].at >= subject.warm + 5000
    return right >= 9


def sees_through_disorder(subject: Subject) -> bool:
    """Times out of order do not hide a step."""
    values = coins(5, (0.1, subject.warm + 5000), (0.4, 3000))
    heard = watch(subject.make(), values, when=lambda at: evenly(at - at * 7919 % 500))
    return ways(heard) == [subject.up]


def speaks_once(subject: Subject) -> bool:
    """For one step one alarm, and then none for 20,000 observations at the new level."""
    parts = ((0.1, subject.warm + 5000), (0.3, 20_000))
    return all(ways(watch(subject.make(), coins(seed, *parts))) == [subject.up] for seed in range(5))


def tells_the_story(subject: Subject) -> bool:
    """Up, further up and back: a first alarm, a worse one, a recovery."""
    parts = ((0.1, subject.warm + 5000), (0.3, 10_000), (0.5, 10_000), (0.1, 10_000))
    told = [("first", subject.up), ("worse", subject.up), ("recovered", subject.down)]
    for seed in range(3):
        heard = watch(subject.make(), coins(seed, *parts))
        if [(one.alarm.phase, one.alarm.direction) for one in heard] != told:
            return False
    return True


def says_a_collapse_at_once(subject: Subject) -> bool:
    """When the loss leaps from a tenth to nine tenths, fifty observations are enough."""
    first = subject.warm + 5000
    heard = [watch(subject.make(), coins(seed, (0.1, first), (0.9, 1000))) for seed in range(5)]
    return all(ways(one) == [subject.up] and one[0].at < first + 50 for one in heard)


# ---- evidence


def has_evidence(subject: Subject) -> bool:
    """An alarm tells the levels on both sides, when it began, how sure that is and how much it has seen."""
    first = subject.warm + 5000
    for seed in range(5):
        monitor = subject.make()
        heard = watch(monitor, losses(seed, (0.2, first), (0.5, 2000)))
        if len(heard) != 1 or not _holds(heard[0], monitor.name, first):
            return False
    return True


def _holds(heard: Heard, name: str, first: int) -> bool:
    at, alarm = heard
    return (
        alarm.monitor == name
        and abs(alarm.before - 0.2) < 0.03
        and abs(alarm.after - 0.5) < 0.15
        and abs(alarm.onset - evenly(first)) < 150 * STEP
        and alarm.time == evenly(at)
        and alarm.n == at + 1
        and alarm.n_before > 1000
        and 0 < alarm.n_after <= at + 1
        and alarm.low < alarm.effect < alarm.high
        and 0.0 < alarm.needed <= alarm.score < 1e3
    )


def its_intervals_hold_the_truth(subject: Subject) -> bool:
    """The interval holds the true effect in 14 of 20 streams: what raises an alarm looks larger than it is."""
    held = 0
    for seed in range(20):
        heard = watch(subject.make(), coins(seed, (0.1, subject.warm + 5000), (0.3, 4000)))
        held += len(heard) == 1 and heard[0].alarm.low < 0.2 < heard[0].alarm.high
    return held >= 14


def follows_the_level(subject: Subject) -> bool:
    """The estimate is 0 at first, and near the level later, also after a step."""
    monitor = subject.make()
    if monitor.estimate != 0.0:
        return False
    watch(monitor, losses(1, (0.2, subject.warm + 5000)))
    before = monitor.estimate
    watch(monitor, losses(2, (0.6, 6000)), subject.warm + 5000)
    return abs(before - 0.2) < 0.05 and abs(monitor.estimate - 0.6) < 0.05


# ---- states


def says_where_it_stands(subject: Subject) -> bool:
    """Warming, then quiet or suspected; alarm, and which way, from an alarm on until it has settled."""
    monitor, met = subject.make(), []
    if monitor.state != "warming" or monitor.alarm is not None:
        return False
    for at, value in enumerate(coins(1, (0.1, subject.warm + 5000), (0.6, 8000))):
        monitor.update(value, evenly(at))
        state = "quiet" if monitor.state == "suspected" else monitor.state
        if (monitor.direction is None) == (state == "alarm"):
            return False
        if monitor.alarm is not None and monitor.direction != monitor.alarm.direction:
            return False
        met += [state] if met[-1:] != [state] else []
    return met == ["warming", "quiet", "alarm", "quiet"]


def suspects_before_it_speaks(subject: Subject) -> bool:
    """A change that takes time to be sure of is suspected first."""
    monitor, states = subject.make(), []
    for at, value in enumerate(coins(2, (0.1, subject.warm + 5000), (0.2, 2000))):
        monitor.update(value, evenly(at))
        if monitor.alarm is not None:
            return states[-1] == "suspected"
        states.append(monitor.state)
    return False


def forgets_when_rearmed(subject: Subject) -> bool:
    """After it is rearmed it warms up again and takes the new level for granted."""
    monitor = subject.make()
    watch(monitor, coins(1, (0.1, subject.warm + 5000)))
    monitor.rearm()
    if monitor.state != "warming" or monitor.alarm is not None:
        return False
    heard = watch(monitor, coins(2, (0.5, subject.warm + 10_000)), subject.warm + 5000)
    calm = monitor.state in ("quiet", "suspected")
    return not heard and calm and abs(monitor.estimate - 0.5) < 0.05


def goes_on_after_pickling(subject: Subject) -> bool:
    """Put away and taken out anywhere in a stream it says the same at the same observations."""
    values = list(coins(4, (0.1, subject.warm + 3000), (0.3, 3000), (0.1, 3000)))
    whole = watch(subject.make(), values)
    for cut in (1, 777, subject.warm + 3020, subject.warm + 4000):
        monitor = subject.make()
        heard = watch(monitor, values[:cut])
        monitor = pickle.loads(pickle.dumps(monitor))
        heard += watch(monitor, values[cut:], cut)
        if heard != whole or not whole:
            return False
    return True


def bears_anything(subject: Subject) -> bool:
    """Whatever the values in [0, 1] and whenever it is rearmed: it has a state, and an estimate in [0, 1]."""
    draw = random.Random(1)
    extremes = (0.0, 1.0, 0.5, 5e-324, 1.0 - 2**-53)
    for rearm_at in (0, 5, 3000):
        monitor = subject.make()
        for at in range(6000):
            monitor.update(draw.choice(extremes[: 1 + at // 1200]), evenly(at))
            if at == rearm_at:
                monitor.rearm()
            if monitor.state not in STATES or not (isfinite(monitor.estimate) and 0 <= monitor.estimate <= 1):
                return False
    return True


PROMISES: tuple[Callable[[Subject], bool], ...] = (
    is_calm,
    lets_a_learner_begin,
    says_nothing_to_the_same,
    is_calm_whatever_the_clocks_say,
    sees_through_disorder,
    speaks_once,
    tells_the_story,
    says_a_collapse_at_once,
    has_evidence,
    its_intervals_hold_the_truth,
    follows_the_level,
    says_where_it_stands,
    suspects_before_it_speaks,
    forgets_when_rearmed,
    goes_on_after_pickling,
    bears_anything,
)
STEPS = ((0.1, 0.3), (0.3, 0.1), (0.5, 0.8), (0.05, 0.15))
