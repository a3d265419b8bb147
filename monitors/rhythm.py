"""Rhythm: the seasons of one quantity together, a longer one on top of what a shorter one leaves."""

from collections.abc import Iterable

from monitors.season import Curve, Season
from monitors.window import Bucket, Window

PARTS = {86400.0: 24, 604800.0: 28}
"""Bins of the periods that people live by; any other has 24."""


class Rhythm:
    """What has to be taken off an observation because of its hour and its day; ``periods`` are in seconds."""

    def __init__(self, periods: Iterable[float]) -> None:
        self.seasons = [Season(period, PARTS.get(period, 24)) for period in sorted(periods)]
        self._now: list[Curve] = []
        self.width = min((s.period / s.bins for s in self.seasons), default=0.0)

    @property
    def shortest(self) -> float:
        """The shortest period in seconds; 0.0 without any."""
        return self.seasons[0].period if self.seasons else 0.0

    @property
    def cycles(self) -> int:
        """How many whole cycles of the shortest season were learned."""
        return self.seasons[0].cycles if self.seasons else 0

    @property
    def size(self) -> float:
        """The size of all profiles together."""
        return sum(season.size for season in self.seasons)

    def offset(self, time: float) -> float:
        """What the rhythm adds at an event time."""
        return sum(season.offset(time) for season in self.seasons)

    def add(self, n: int, total: float, time: float) -> list[list[float]]:
        """Count observations of one bin; the profiles as they were before where one has changed by it."""
        before = [season.profile for season in self.seasons]
        changed = False
        for season in self.seasons:
            changed |= season.add(n, total, time)
            total -= n * season.offset(time)
        if changed:
            self._now = _curves((s.period, s.profile) for s in self.seasons)
        return before if changed else []

    def spoil(self) -> None:
        """A change happened: the shortest cycle, which it is most of, teaches nothing."""
        for season in self.seasons[:1]:
            season.spoilt = True

    def mean(self, start: float, end: float) -> float:
        """What the seasons have added on average between two event times."""
        return sum([curve.mean_between(start, end) for curve in self._now])

    def unsure(self, seconds: float) -> float:
        """The variance of a mean over so many seconds that comes from what is not known of the seasons."""
        return sum([season.unsure(seconds) for season in self.seasons if season.doubt])

    def roughness(self, seconds: float) -> float:
        """The mean squared difference that the seasons make between two neighbouring stretches."""
        steps, cycle = 48, max((s.period for s in self.seasons), default=0.0)
        curves, told = self._now, 0.0
        for i in range(steps):
            at = i * cycle / steps
            before = sum([curve.mean_between(at - seconds, at) for curve in curves])
            after = sum([curve.mean_between(at, at + seconds) for curve in curves])
            told += (after - before) ** 2
        return told / steps

    def restated(self, window: Window, before: list[list[float]]) -> list[tuple[int, Bucket]]:
        """The buckets, oldest first, as they would be had the profiles always been as they are now."""
        moved = _curves(
            (season.period, [new - was for new, was in zip(season.profile, old, strict=True)])
            for season, old in zip(self.seasons, before, strict=True)
        )
        found, since = [], window.since
        for row, (n, total, time) in window.oldest_first():
            off = sum([curve.mean_between(since, time) for curve in moved])
            found.append((row, Bucket(n, total - n * off, time)))
            since = time
        return found


def _curves(profiles: Iterable[tuple[float, list[float]]]) -> list[Curve]:
    """The profiles (with their periods) that say anything: one of nothing but zeros adds nothing."""
    return [Curve(period, profile) for period, profile in profiles if any(profile)]
