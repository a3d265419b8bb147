"""Late labels as a shard's watch meets them: events when they happen, outcomes when their labels come."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from consumers.event import Event
from learners.prediction import Outcome
from monitors.spec import DAY, MonitorSpec
from monitors.watch import Watch, Watched
from tests.bars.contenders import BUDGET, NAMED, OURS
from tests.bars.row import Make
from tests.bars.said import Run, Said, listen
from tests.bars.streams import START, STEP, Stream

HORIZON = 7.0 * DAY
"""How long a pipeline waits for a label, in seconds."""

SURE = 0.9
"""What the model says of everything; that it is wrong is no matter of its confidence here."""


def hears(make: Make) -> Callable[[str, int, int], Run]:
    """Play streams of late labels: to ours as to a shard, to the others as losses in the order of the labels."""
    made = lru_cache(maxsize=1)(make)

    def play(contender: str, seed: int, run: int) -> Run:
        stream = made(seed, run)
        return watched(stream) if contender == OURS else listen(NAMED[contender].loss(), stream)

    return play


def watched(stream: Stream) -> Run:
    """Let a shard's watch meet a stream; what it says about the loss, but for what it lays to the feed."""
    watch = Watch(MonitorSpec(budget=BUDGET), Watched("binary", HORIZON))
    said, events = [], 0
    for at, (wrong, time, came) in enumerate(zip(stream.values, stream.times, stream.came, strict=True)):
        while START + events * STEP <= came:
            happen(watch, START + events * STEP)
            events += 1
        watch.record("labels", came)
        truth = wrong == 0.0
        outcome = Outcome("", came, truth, wrong, True, forecasts=(SURE,), event_time=time)
        watch.outcome(outcome, came, 0)
        for alarm in watch.drain():
            if alarm.monitor == "loss" and alarm.cause != "feed":
                said.append(Said(at, alarm.direction, alarm.phase, alarm=alarm))
    return Run(said, stream.changes, len(stream.values))


def happen(watch: Watch, now: float) -> None:
    """One event, predicted as all are."""
    watch.record("events", now)
    watch.event(Event("", now, {}, {}), SURE, now)
