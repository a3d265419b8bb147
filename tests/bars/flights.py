"""The flights of 2013 as the example's learner met them: every loss of the year, and what was said about it.

Nothing is planted in this year. A monitor does not touch the learner, so the losses are made once,
by the example's own pipeline file, and kept under build/ for as long as the code that made them stays.
"""

from __future__ import annotations

import hashlib
from array import array
from datetime import datetime
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from consumers.event import Event, Label
from consumers.record import Record
from fluvial.config import load
from fluvial.shard import contract_of
from fluvial.state import fresh_state
from tests.bars.said import Said
from tests.bars.streams import Stream
from tests.examples.playing import EXAMPLES, producer

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "bars"
MADE_BY = ("consumers", "learners", "examples/flights")
NEW_YORK = ZoneInfo("America/New_York")


def year() -> Stream:
    """The bounded loss of every flight whose landing is known, at the time of its landing, in that order."""
    path = KEPT / f"flights-{_fingerprint()}.f64"
    if not path.exists():
        made = learned()
        KEPT.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(array("d", chain(made.values, made.times)).tobytes())
        part.replace(path)
    both = array("d", path.read_bytes())
    half = len(both) // 2
    return Stream(both[:half].tolist(), both[half:].tolist())


def _fingerprint() -> str:
    files = chain.from_iterable(sorted((ROOT / folder).glob("*")) for folder in MADE_BY)
    told = hashlib.sha256()
    for path in files:
        if path.suffix in (".py", ".yaml"):
            told.update(path.read_bytes())
    return told.hexdigest()[:12]


def learned(limit: int | None = None) -> Stream:
    """Let the example's learner go through the year: predict, wait for the landing, learn."""
    pipeline = load(EXAMPLES / "flights" / "pipeline.yaml")
    learner, contract = fresh_state(pipeline).learner, contract_of(pipeline)
    values, times = [], []
    for stream, key, value, timestamp in producer("flights").records(limit):
        record, now = Record(stream, 0, 0, timestamp, key, value), timestamp / 1000
        list(learner.expire(now))
        if stream == "events":
            event = contract.event(record)
            assert isinstance(event, Event)
            learner.event(event, now)
            continue
        label = contract.truth(record)
        assert isinstance(label, Label)
        if (outcome := learner.label(label, now)) is not None:
            values.append(outcome.bounded)
            times.append(outcome.time)
    return Stream(values, times)


def day(time: float) -> str:
    """An event time on New York's calendar."""
    return f"{datetime.fromtimestamp(time, NEW_YORK):%d %b}"


def diary(said: list[Said]) -> tuple[str, ...]:
    """Each announcement of ours: begun, said, which way, levels."""
    alarms = [one.alarm for one in said if one.alarm is not None]
    return tuple(
        f"{number} | {day(a.onset)} | {day(a.time)} | {a.direction}, {a.phase} | {a.before:.3f} | {a.after:.3f} "
        f"| {a.score:.1f} / {a.needed:.1f}"
        for number, a in enumerate(alarms, start=1)
    )
