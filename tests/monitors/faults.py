"""Streams with planted faults, as a shard's monitors see them: a season's rhythm, labels an hour later."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from consumers.event import Event
from learners.prediction import Outcome
from monitors.alarm import Alarm
from monitors.spec import MonitorSpec
from monitors.watch import Watch, Watched

START = 1_735_516_800.0
DAY = 86_400.0
SPEC = MonitorSpec()
WHAT = Watched(
    "binary",
    horizon=7 * DAY,
    dated=True,
    slices={"town": ()},
    kinds={"x": "number", "town": "category"},
)


@dataclass
class Fault:
    """What is wrong from ``at`` on, as functions of the event's number and its random generator."""

    at: int = 1 << 60
    comes: bool = True
    labelled: bool = True
    delay: Callable[[random.Random, bool], float] | None = None
    error: Callable[[random.Random, str, str], float] | None = None
    chance: Callable[[random.Random], float] | None = None
    x: Callable[[float], float] | None = None
    refused: float = 0.0
    late: float = 0.0


@dataclass
class Stream:
    """Feeds a watch ``a_day`` events a day, more by day than by night; errors come in one of ten."""

    fault: Fault = field(default_factory=Fault)
    seed: int = 1
    a_day: int = 2000
    spec: MonitorSpec = SPEC
    what: Watched = WHAT
    delay: Callable[[random.Random, bool], float] = lambda r, wrong: r.expovariate(1 / 3600.0)
    end: float = 0.0

    def run(self, n: int) -> list[Alarm]:
        """All alarms over so many events and the labels that come while they do."""
        self.watch, alarms = Watch(self.spec, self.what), []
        for now, stream, thing in sorted(self._records(n), key=lambda one: one[:2]):
            if now > self.end:
                break
            self._feed(now, stream, thing)
            alarms += self.watch.drain()
        return alarms

    def _feed(self, now: float, stream: str, thing: Any) -> None:
        if isinstance(thing, Outcome):
            self.watch.record(stream, now)
            self.watch.outcome(thing, now, 0)
        elif isinstance(thing, int):
            self.watch.never(thing, now)
        else:
            event, forecast, refused = thing
            self.watch.record(stream, now)
            if refused:
                self.watch.refused("events", "wrong_type")
            else:
                self.watch.event(event, forecast, now)

    def _records(self, n: int) -> Iterator[tuple[float, str, Any]]:
        time, r = START, random.Random(self.seed)
        for i in range(n):
            busy = 1.0 + 0.8 * math.sin(2 * math.pi * (time / DAY - 0.25))
            time += r.expovariate(self.a_day / DAY * busy)
            self.end = time
            yield from self._one(i, time, r)

    def _one(self, i: int, time: float, r: random.Random) -> Iterator[tuple[float, str, Any]]:
        fault = self.fault if i >= self.fault.at else Fault()
        x, town, source = r.gauss(50.0, 10.0), r.choice("AABBBC"), r.choice("pqr")
        chance = (fault.chance or (lambda r: r.choice((0.1, 0.1, 0.1, 0.9))))(r)
        wrong = r.random() < (fault.error or (lambda r, town, source: 0.1))(r, town, source)
        truth = (chance > 0.5) != wrong
        refused, delay = r.random() < fault.refused, (fault.delay or self.delay)(r, wrong)
        x = fault.x(x) if fault.x else x
        event = Event(f"e{i}", time - fault.late, {"x": x, "town": town}, {})
        if fault.comes:
            yield time, "events", (event, chance, refused)
        if not fault.labelled or delay > self.what.horizon:
            yield time + self.what.horizon, "labels", 1
        elif fault.comes and not refused:
            loss = 1.0 - chance if truth else chance
            values: dict[str, Any] = {"x": x, "town": town}
            yield (
                time + delay,
                "labels",
                Outcome(
                    f"e{i}", time + delay, truth, loss, True, None, (chance,), event.time, values, source
                ),
            )


def pages(alarms: list[Alarm]) -> list[tuple[str, str]]:
    """Monitor and cause of what called somebody, in order."""
    return [(one.monitor, one.cause) for one in alarms if one.severity == "page"]
