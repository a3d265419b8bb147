"""Pace: how many records come in a stretch of time, against the rhythm they have."""

from monitors.alarm import Alarm
from monitors.level import Level, State
from monitors.spec import LevelSpec

EVENTS = 64
"""Records that a stretch of time holds on average."""

COUNTS_AS = 16
"""Observations that one stretch counts as."""

WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Lengths of a stretch in seconds; a stream in which less happens is looked at by whole hours."""

LONGEST_GAP = 64
"""Empty stretches in a row that count; a feed that is gone for longer is silent."""


class Pace:
    """Watches records per stretch of time: ``c / (c + usual)``, so that the usual number is one half."""

    name = "feed:rate"

    def __init__(self, spec: LevelSpec) -> None:
        self._warmup = max(spec.warmup // 4, 2 * EVENTS)
        self._spec = spec
        self._level: Level | None = None
        self._shortest = min(spec.seasons, default=0.0)
        self._first: float | None = None
        self._count = 0
        self._width = self._usual = self._end = 0.0

    @property
    def state(self) -> State:
        """Where it stands."""
        return "warming" if self._level is None else self._level.state

    @property
    def estimate(self) -> float:
        """One half where as many records come as usual; 0.0 where none do."""
        return 0.0 if self._level is None else self._level.estimate

    def record(self, now: float) -> Alarm | None:
        """A record came at this stream time; the alarm that the time before it raised."""
        if not self._width:
            self._count += 1
            if self._first is None:
                self._first = now
            elif self._count >= self._warmup and now > self._first:
                self._fit(now, (now - self._first) / self._count)
            return None
        alarm = self._close(now) if now >= self._end else None
        self._count += 1
        return alarm

    def tick(self, now: float) -> Alarm | None:
        """Time went on, whatever came; the alarm that this raised."""
        return self._close(now) if self._width and now >= self._end else None

    def _fit(self, now: float, gap: float) -> None:
        wanted = EVENTS * gap
        if self._shortest:
            wanted = min(wanted, self._shortest / 24)
        hours = wanted // 3600 * 3600.0
        self._width = hours or float(max((w for w in WIDTHS if w <= wanted), default=1))
        self._usual = self._width / gap
        self._end = (now // self._width + 2) * self._width  # what is under way has lost its beginning
        self._count = -(1 << 62)
        per_event = COUNTS_AS / max(self._usual, 1.0)
        cycles = 2 * self._shortest / self._width  # a rhythm that has moved, as by summer time, is said once
        self._level = Level(
            self.name,
            self._spec._replace(
                budget=self._spec.budget / per_event,
                warmup=int(self._spec.warmup * per_event),
                smallest_change=max(self._spec.smallest_change, 0.1),
                block=COUNTS_AS,
                settle=max(8, int(cycles)) * COUNTS_AS,
                two_sided=True,
            ),
        )

    def _close(self, now: float) -> Alarm | None:
        assert self._level is not None
        count, end = self._count, self._end
        behind = int((now - end) // self._width)
        self._end, self._count = end + (behind + 1) * self._width, 0
        if count < 0:
            return None
        self._level.push(COUNTS_AS, COUNTS_AS * count / (count + self._usual), end - 0.5 * self._width)
        alarm = self._level.alarm
        if behind:
            self._level.push(COUNTS_AS * min(behind, LONGEST_GAP), 0.0, end + 0.5 * self._width)
            alarm = alarm or self._level.alarm
        return alarm
