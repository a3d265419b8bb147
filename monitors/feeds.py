"""Feeds: whether records come as they used to: how many, how late, how many of them unfit to read."""

from monitors.alarm import Alarm
from monitors.level import State
from monitors.pace import Pace
from monitors.rare import Rare
from monitors.silence import Silence
from monitors.slices import worst
from monitors.spec import LevelSpec


class Lateness:
    """How far event time is behind stream time: ``l / (l + usual)``, usual being the median of the first."""

    name = "feed:lateness"
    FIRST = 255

    def __init__(self, spec: LevelSpec, horizon: float) -> None:
        self.rare = Rare(self.name, spec._replace(smallest_change=max(spec.smallest_change, 0.1)))
        self._block, self._n, self._total = spec.block, 0, 0.0
        self._first: list[float] = []
        self._usual, self._least = 0.0, max(0.001 * horizon, 1.0)

    def update(self, seconds: float, now: float) -> Alarm | None:
        """Take the lateness of an event; the alarm that it raised."""
        late = max(seconds, 0.0)
        if not self._usual:
            self._first.append(late)
            if len(self._first) >= self.FIRST:
                self._usual = max(sorted(self._first)[self.FIRST // 2], self._least)
                self._first = []
            return None
        self._n += 1
        self._total += late / (late + self._usual)
        if self._n < self._block:
            return None
        n, total, self._n, self._total = self._n, self._total, 0, 0.0
        return self.rare.push(n, total, now)


SMALL = 0.02
"""The share of refused records that is worth telling."""


class Refusals:
    """The share of records that are not fit to read; ``reasons`` are of those that were refused lately."""

    name = "feed:quarantine"
    KEPT = 64

    def __init__(self, spec: LevelSpec) -> None:
        self.rare = Rare(self.name, spec._replace(smallest_change=min(spec.smallest_change, SMALL)))
        self._block = spec.block
        self._n = self._bad = 0
        self._reasons: list[tuple[str, str]] = []

    def record(self, now: float) -> Alarm | None:
        """A record came; the alarm that those before it raised."""
        alarm = self._close(now) if self._n >= self._block else None
        self._n += 1
        return alarm

    def refused(self, stream: str, reason: str) -> None:
        """The record that came last is not fit to read."""
        self._bad += 1
        self._reasons = [*self._reasons[1 - self.KEPT :], (stream, reason)]

    def _close(self, now: float) -> Alarm | None:
        n, bad, self._n, self._bad = self._n, self._bad, 0, 0
        alarm = self.rare.push(n, float(bad), now)
        return None if alarm is None else self._said(alarm)

    def _said(self, alarm: Alarm) -> Alarm:
        why = max(sorted(set(self._reasons)), key=self._reasons.count, default=("", ""))
        shares = f"refused {alarm.before:.1%} -> {alarm.after:.1%}"
        because = f"{shares}, most often {why[0]} for {why[1]}" if why[0] else shares
        return alarm._replace(part=why[1], cause="schema", because=because)


class Feeds:
    """The feeds of a shard: ``events``, and ``labels`` where these have a topic of their own.

    ``spec`` is that of one quantity; all times are stream time in seconds, but for ``lateness``,
    which compares it with event time.
    """

    CHANNELS = 3

    def __init__(self, spec: LevelSpec, *, labels: bool, dated: bool, horizon: float) -> None:
        self.pace = Pace(spec)
        self.refusals = Refusals(spec)
        self.lateness = Lateness(spec, horizon) if dated else None
        streams = ("events", "labels") if labels else ("events",)
        self.silences = {name: Silence(name, spec.warmup, spec.seasons) for name in streams}

    @property
    def standings(self) -> dict[str, tuple[State, float]]:
        """State and level by monitor."""
        silent = list(self.silences.values())
        found: dict[str, tuple[State, float]] = {
            "feed:rate": (self.pace.state, self.pace.estimate),
            "feed:silence": (worst({one.state for one in silent}), max(one.estimate for one in silent)),
        }
        for one in (self.lateness, self.refusals):
            if one is not None:
                found[one.name] = one.rare.state, one.rare.estimate
        return found

    def record(self, stream: str, now: float) -> list[Alarm]:
        """A record came on ``stream``."""
        told: list[Alarm] = []
        for name, silence in self.silences.items():
            if name != stream and (alarm := silence.tick(now)) is not None:
                told.append(alarm)
        if (alarm := self.silences[stream].record(now)) is not None:
            told.append(alarm)
        pace = self.pace
        if (alarm := pace.record(now) if stream == "events" else pace.tick(now)) is not None:
            told.append(alarm)
        if (alarm := self.refusals.record(now)) is not None:
            told.append(alarm)
        return told
