"""Silence: nothing comes, for far longer than ever at such a time of the day and of the week."""

from math import floor, sqrt

from monitors.alarm import Alarm
from monitors.level import State

FAR = 3.0
"""How many times the longest pause so far, in records that should have come, a pause has to be."""

LEAST = 40.0
"""Records that should have come before anybody calls it silence."""

KEEP = 0.7
"""What the rates of earlier cycles count for."""

PAUSES = 16
"""The longest pauses of the first cycle that are kept in mind until its rates are known."""

HOUR = 3600.0


class Silence:
    """Measures a pause by how many records usually come in such hours.

    A night without trade is no silence, and a minute at noon may be one. Rates are learned by the
    hour of the longest of ``seasons`` (seconds); until that was seen once it says nothing. Without
    seasons there is one rate, known after ``warmup`` records. ``part`` says what is silent.
    """

    name = "feed:silence"

    def __init__(self, part: str, warmup: int, seasons: tuple[float, ...]) -> None:
        self.part, self._warmup = part, max(warmup, 1)
        self.state: State = "warming"
        self.n = 0
        self._period = max(seasons, default=0.0)
        bins = max(1, min(168, round(self._period / HOUR)))
        self._width = self._period / bins
        self._counts = [0] * bins
        self._rates: list[float] = []
        self._pauses: list[tuple[float, float]] = []
        self._longest = 0.0
        self._patience = 0.0
        self._last: float | None = None
        self._cycle = 0.0
        self._n_cycle = self._bin = 0
        self._start = self._end = 0.0

    @property
    def estimate(self) -> float:
        """1.0 while the feed is silent, else 0.0."""
        return 1.0 if self.state == "alarm" else 0.0

    def record(self, now: float) -> Alarm | None:
        """A record came at this stream time; the alarm about the time before it, or that it is over."""
        last, self._last = self._last, now
        self.n += 1
        if last is None:
            self._cycle = now
            return None
        alarm = None
        if self.state == "alarm":
            alarm = self._over(last, now)
        elif now - last > self._patience:
            alarm = self._look(last, now)
            self._learn(last, now)
        if self._start <= now < self._end:
            self._counts[self._bin] += 1
        else:
            self._count(now)
        return alarm

    def tick(self, now: float) -> Alarm | None:
        """Time went on; the alarm that this raised."""
        if self._last is None or self.state != "quiet" or now - self._last <= self._patience:
            return None
        if (alarm := self._look(self._last, now)) is not None:
            self.state = "alarm"  # until a record comes
        return alarm

    def _look(self, last: float, now: float) -> Alarm | None:
        if self.state != "quiet":
            return None
        missed, allowed = self._missed(last, now), max(FAR * self._longest, LEAST)
        return self._said(last, now, missed, allowed) if missed > allowed else None

    def _said(self, last: float, now: float, missed: float, allowed: float) -> Alarm:
        return Alarm(
            monitor=self.name,
            direction="worse",
            time=now,
            onset=last,
            n=self.n,
            before=0.0,
            after=1.0,
            n_before=self.n,
            n_after=floor(missed),
            low=1.0,
            high=1.0,
            score=sqrt(2.0 * missed),
            needed=sqrt(2.0 * allowed),
            part=self.part,
            cause="feed",
            because=f"nothing came on {self.part} for {lasting(now - last)}, "
            f"where {missed:,.0f} records are usual",
        )

    def _over(self, last: float, now: float) -> Alarm:
        self.state = "quiet"
        self._longest = max(self._longest, min(self._missed(last, now), 2.0 * max(self._longest, LEAST)))
        self._tell_patience()
        return Alarm(
            monitor=self.name,
            direction="better",
            time=now,
            onset=now,
            n=self.n,
            before=1.0,
            after=0.0,
            n_before=1,
            n_after=1,
            low=-1.0,
            high=-1.0,
            phase="recovered",
            part=self.part,
            severity="info",
            because=f"{self.part} came again after {lasting(now - last)}",
        )

    # ---- rates

    def _count(self, now: float) -> None:
        """A record of another hour than the last one, or of a feed without hours."""
        if self._period:
            self._turn(now)
            self._counts[self._bin] += 1
        else:
            self._n_cycle += 1
            if self._n_cycle >= self._warmup and now > self._cycle:
                self._learn_rates([self._n_cycle / (now - self._cycle)])
                self._cycle, self._n_cycle = now, 0

    def _turn(self, now: float) -> None:
        """Another hour begins."""
        if floor(now / self._period) != floor(self._cycle / self._period):
            self._close(now)
        index = floor(now / self._width)
        self._bin = index % len(self._counts)
        self._start, self._end = index * self._width, (index + 1) * self._width

    def _close(self, now: float) -> None:
        """A cycle is over; the first one, begun somewhere in its middle, is joined to the second."""
        begun, whole = self._cycle, now - self._cycle >= 0.99 * self._period
        if not self._rates and not whole:
            return
        if self.n >= self._warmup or self._rates:
            spent = max(1.0, round((now - begun) / self._period)) if not self._rates else 1.0
            self._learn_rates([count / (spent * self._width) for count in self._counts])
        self._counts, self._cycle = [0] * len(self._counts), now

    def _learn_rates(self, found: list[float]) -> None:
        if self._rates:
            found = [KEEP * old + (1.0 - KEEP) * new for old, new in zip(self._rates, found, strict=True)]
        first, self._rates = not self._rates, found
        if first:
            self._longest = max((self._missed(*pause) for pause in self._pauses), default=0.0)
            self._pauses, self.state = [], "quiet"
        self._tell_patience()

    def _tell_patience(self) -> None:
        most = max(self._rates)
        self._patience = 0.5 * max(self._longest, LEAST / FAR) / most if most else 0.0

    def _learn(self, last: float, now: float) -> None:
        if self._rates:
            missed = min(self._missed(last, now), FAR * max(self._longest, LEAST / FAR))
            if missed > self._longest:
                self._longest = missed
                self._tell_patience()
            return
        self._pauses.append((last, now))
        if len(self._pauses) > PAUSES:
            self._pauses.sort(key=lambda pause: (pause[0] - pause[1], pause[0]))
            start, end = self._pauses.pop()
            self._patience = end - start  # a shorter one is not kept anyway

    def _missed(self, start: float, end: float) -> float:
        """How many records usually come between two times."""
        if not self._period:
            return self._rates[0] * (end - start)
        usual = sum(self._rates) * self._width
        whole = floor((end - start) / self._period)
        at, missed = start + whole * self._period, whole * usual
        while at < end:
            index = floor(at / self._width)
            until = min(end, (index + 1) * self._width)
            if until <= at:  # times so large that a bin is less than their grain
                break
            missed += self._rates[index % len(self._rates)] * (until - at)
            at = until
        return missed


def lasting(seconds: float) -> str:
    """A length of time for a person.

    >>> lasting(45), lasting(5400), lasting(400_000)
    ('45 s', '1.5 h', '4.63 days')
    """
    for unit, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= (2 * unit if name == "days" else unit):
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} s"
