"""What every monitor promises: the contract that each implementation is tested against.

A monitor takes one observation in [0, 1] at a time and is then read. `figures` watches it over
a stream; the streams are random and seeded, so a bound below is a statement about many of them.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from monitors.alarm import Alarm
from monitors.drift import Monitor

Make = Callable[[], Monitor]

WARMUP = 1000
"""Observations within which every monitor under test keeps quiet."""


class Figures(NamedTuple):
    """The alarms over a stream, each with the number of the observation it came with."""

    alarms: list[tuple[int, Alarm]]

    def directions(self, first: int = 0) -> list[str]:
        """Where the alarms from an observation on point."""
        return [alarm.direction for at, alarm in self.alarms if at >= first]


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


def watch(monitor: Monitor, values: Iterable[float], first: int = 0) -> Figures:
    """Feed a stream, a second between two observations."""
    alarms = []
    for at, value in enumerate(values, start=first):
        monitor.update(value, float(at))
        if monitor.alarm is not None:
            alarms.append((at, monitor.alarm))
    return Figures(alarms)


def calm(make: Make) -> bool:
    """At most one alarm in 20 streams of 20,000 observations in which nothing changes, at two rates."""
    found = [watch(make(), coins(seed, (rate, 20_000))).alarms for seed in range(10) for rate in (0.05, 0.2)]
    return sum(map(len, found)) <= 1


def quiet_at_first(make: Make) -> bool:
    """No alarm while it warms up, whatever the learner does."""
    streams = [coins(seed, (0.9, WARMUP // 2), (0.1, WARMUP // 2)) for seed in range(5)]
    return not any(watch(make(), stream).alarms for stream in streams)


def sees(make: Make, before: float, after: float, direction: str) -> bool:
    """One alarm in the right direction within 2,000 observations of a step, in nine of ten streams."""
    right = 0
    for seed in range(10):
        found = watch(make(), coins(seed, (before, 6000), (after, 2000)))
        right += found.directions(6000) == found.directions() == [direction]
    return right >= 9


def speaks_once(make: Make) -> bool:
    """For one step one alarm, and then none for 20,000 observations at the new level."""
    found = [watch(make(), coins(seed, (0.1, 6000), (0.3, 20_000))) for seed in range(5)]
    return all(one.directions() == ["worse"] for one in found)


def sees_the_next(make: Make) -> bool:
    """Up, down and up again: three alarms that say so."""
    parts = ((0.1, 6000), (0.4, 6000), (0.1, 6000), (0.4, 6000))
    found = [watch(make(), coins(seed, *parts)).directions() for seed in range(5)]
    return all(one == ["worse", "better", "worse"] for one in found)


def has_evidence(make: Make) -> bool:
    """An alarm tells the levels on both sides, when it began, and how much it has seen of either."""
    for seed in range(5):
        found = watch(make(), losses(seed, (0.2, 6000), (0.5, 2000)))
        [(at, alarm)] = found.alarms or [(0, None)]
        if alarm is None or not (abs(alarm.before - 0.2) < 0.03 and abs(alarm.after - 0.5) < 0.12):
            return False
        if not (abs(alarm.onset - 6000) < 150 and alarm.time == at and alarm.n == at + 1):
            return False
        if not (0 < alarm.n_after <= at + 1 and alarm.n_before > 1000 and alarm.effect > 0.1):
            return False
    return True


def follows_the_level(make: Make) -> bool:
    """The estimate is 0 at first, and near the level later, also after a step."""
    monitor = make()
    if monitor.estimate != 0.0:
        return False
    watch(monitor, losses(1, (0.2, 6000)))
    before = monitor.estimate
    watch(monitor, losses(2, (0.6, 6000)), 6000)
    return abs(before - 0.2) < 0.05 and abs(monitor.estimate - 0.6) < 0.05


def forgets_when_rearmed(make: Make) -> bool:
    """After it is rearmed it warms up again and takes the new level for granted."""
    monitor = make()
    watch(monitor, coins(1, (0.1, 6000)))
    monitor.rearm()
    if monitor.state != "warming" or monitor.alarm is not None:
        return False
    found = watch(monitor, coins(2, (0.5, 20_000)), 6000)
    return not found.alarms and monitor.state == "quiet" and abs(monitor.estimate - 0.5) < 0.05


PROMISES = (
    calm,
    quiet_at_first,
    speaks_once,
    sees_the_next,
    has_evidence,
    follows_the_level,
    forgets_when_rearmed,
)
STEPS = ((0.1, 0.3, "worse"), (0.3, 0.1, "better"), (0.5, 0.8, "worse"), (0.05, 0.15, "worse"))
