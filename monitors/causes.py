"""Causes: what is likely behind a change, read off what else moved near its beginning."""

from collections import deque
from collections.abc import Iterable, Mapping
from math import inf
from typing import NamedTuple

from monitors.alarm import Alarm, Cause
from monitors.level import Level
from monitors.sides import Sides, sides, since
from monitors.slices import Slices

DAY = 86400.0

KEPT = 64
"""Alarms that are remembered."""

SURE = 5.0
"""Standard errors that a level has to have moved before it explains anything."""

CARRIES = 0.7
"""The share of a change that one slice has to carry, beyond its share of outcomes, to be its source."""

FAULTS = 0.01
"""The share of calls in which the model fails that explains a loss."""

LASTS = 0.5
"""The share of a change's length for which something has to have lasted to be behind it."""

SCHEMA_PARTS = ("missing", "new", "new tokens")
"""Parts of a field that change when somebody changes what is sent."""


class Verdict(NamedTuple):
    """A likely cause and a sentence for a person."""

    cause: Cause
    because: str


class Causes:
    """Remembers what moved, and names what is likely behind a change.

    ``reach`` is how long before the onset of a change (event seconds) something may have moved to be
    behind it.
    """

    def __init__(self, reach: float) -> None:
        self._reach = reach
        self._moves: deque[Alarm] = deque(maxlen=KEPT)
        self._exchanged = -inf
        self._calls = self._faults = 0
        self._faulty = 0.0

    def note(self, alarm: Alarm) -> None:
        """Remember an alarm."""
        self._moves.append(alarm)

    def exchanged(self, now: float) -> None:
        """The model was replaced at this stream time."""
        self._exchanged = now

    def called(self, faults: int) -> None:
        """The model was asked; so many of its calls have failed by now."""
        self._calls += 1
        if self._calls >= 256:
            self._faulty = (faults - self._faults) / self._calls
            self._faults, self._calls = faults, 0

    def near(self, alarm: Alarm) -> list[Alarm]:
        """What else moved near the onset of a change and did not soon go back, the closest first."""
        reach = self._reach + _unsure(alarm)
        found = [
            one
            for one in self._moves
            if one.monitor != alarm.monitor
            and one.phase in ("first", "worse")
            and one.onset <= min(alarm.onset + reach, alarm.time)
            and one.onset >= alarm.onset - reach - _unsure(one)
            and not self._passed(one, alarm)
        ]
        return sorted(found, key=lambda one: (abs(one.onset - alarm.onset), one.monitor, one.part))

    def _passed(self, move: Alarm, alarm: Alarm) -> bool:
        """Whether a move went back so soon that it cannot be behind a change that has lasted longer."""
        same = (one for one in self._moves if (one.monitor, one.part) == (move.monitor, move.part))
        backs = [one.onset for one in same if one.phase == "recovered" and one.time > move.time]
        return bool(backs) and min(backs) - move.onset < LASTS * (alarm.time - alarm.onset)

    def harmed(self, alarm: Alarm) -> bool:
        """Whether the loss got worse near the onset of a change, or was expected to."""
        return any(is_loss(one.monitor) and one.direction == "worse" for one in self.near(alarm))

    def of(
        self, alarm: Alarm, slices: Iterable[Slices], waits: Slices | None, others: Mapping[str, Level]
    ) -> Verdict:
        """The likely cause of a loss that got worse.

        ``waits`` tells prompt labels from late ones, ``others`` are levels of truths and predictions.
        """
        near = self.near(alarm)
        return (
            _schema(near)
            or _feed(near)
            or _delay(alarm, near, waits)
            or self._model(alarm)
            or _source(alarm, near, slices)
            or _world(alarm, near, others)
        )

    def _model(self, alarm: Alarm) -> Verdict | None:
        if self._faulty > FAULTS:
            return Verdict("model", f"the model fails in {self._faulty:.1%} of its calls")
        if alarm.onset - self._exchanged <= self._reach:
            return Verdict("model", "the loss rose soon after the model was replaced")
        return None


def _unsure(alarm: Alarm) -> float:
    """By how many seconds its onset may be wrong: a slow change began nobody knows when."""
    return 0.25 * (alarm.time - alarm.onset)


def is_loss(monitor: str) -> bool:
    """Whether a monitor is about the loss, known or expected.

    >>> is_loss("loss"), is_loss("loss:origin"), is_loss("field:loss")
    (True, True, False)
    """
    return monitor in ("loss", "estimated_loss") or monitor.startswith("loss:")


def moved(alarm: Alarm) -> str:
    """What an alarm says, in a clause."""
    what = alarm.monitor.replace("labels:", "label ").replace("feed:", "feed ").replace("field:", "")
    if alarm.monitor.startswith("field:") and alarm.because:
        return f"{what}: {alarm.because}"
    part = f" ({alarm.part})" if alarm.part else ""
    return f"{what}{part} {alarm.before:.2f} -> {alarm.after:.2f}"


def _schema(near: list[Alarm]) -> Verdict | None:
    for one in near:
        if one.monitor == "feed:quarantine":
            return Verdict("schema", f"records are {one.because} at that time")
        if one.monitor.startswith("field:") and one.part in SCHEMA_PARTS:
            return Verdict("schema", f"at that time {moved(one)}")
    return None


def _feed(near: list[Alarm]) -> Verdict | None:
    for one in near:
        if one.monitor in ("labels:delay", "labels:share", "feed:silence", "feed:lateness"):
            return Verdict("feed", f"at that time {one.because or moved(one)}")
    return None


def _delay(alarm: Alarm, near: list[Alarm], waits: Slices | None) -> Verdict | None:
    found = None if waits is None else _carrier(alarm, near, waits)
    if found is None or found[1] != "delay=late":
        return None
    return Verdict("feed", f"labels that come late carry {min(found[0], 1.0):.0%} of the change")


def _source(alarm: Alarm, near: list[Alarm], slices: Iterable[Slices]) -> Verdict | None:
    best: tuple[float, str] | None = None
    for one in slices:
        found = _carrier(alarm, near, one)
        if found is not None and (best is None or found > best):
            best = found
    if best is None:
        return None
    return Verdict("source", f"{best[1]} carries {min(best[0], 1.0):.0%} of the change")


def _carrier(alarm: Alarm, near: list[Alarm], slices: Slices) -> tuple[float, str] | None:
    """The value that carries the change, and how much of it, where one does and others do not."""
    told = {one.part: one for one in reversed([alarm, *near]) if one.monitor == slices.name}
    seen: dict[str, Sides] = {}
    for value, level in slices.levels.items():
        one = told.get(slices.part(value))
        both = sides(level, alarm.onset) if one is None else since(level, one)
        if both is not None:
            seen[value] = both
    rise = sum(max(one.rise, 0.0) * one.n_after for one in seen.values())
    outcomes = sum(one.n_after for one in seen.values())
    if len(seen) < 2 or rise <= 0.0:
        return None
    shares = [
        (one.rise * one.n_after / rise, slices.part(value), one.n_after / outcomes)
        for value, one in seen.items()
        if one.score > SURE
    ]
    found = max(shares, default=None)
    if found is None or found[0] < CARRIES or found[0] < 1.5 * found[2]:
        return None
    return found[:2]


def _world(alarm: Alarm, near: list[Alarm], others: Mapping[str, Level]) -> Verdict:
    inputs = [one for one in near if one.monitor.startswith("field:")]
    if inputs:
        return Verdict("world", f"inputs moved: {'; '.join(moved(one) for one in inputs[:3])}")
    if truth := next((one for one in near if one.monitor == "labels:truth"), None):
        return Verdict("world", f"the truth itself moved: {moved(truth)}")
    if rate := next((one for one in near if one.monitor == "feed:rate"), None):
        return Verdict("feed", f"at that time {moved(rate)}")  # seldom a cause, and better than none
    for name, level in others.items():
        found = sides(level, alarm.onset)
        if found is not None and abs(found.score) > SURE and abs(found.rise) > 0.05:
            return Verdict("world", f"at that time {name} moved {found.before:.2f} -> {found.after:.2f}")
    return Verdict("world", "no input moved: the relation between inputs and truth is another one")
