"""Season: the daily or weekly rhythm of a quantity, learned so that it never hides a change of level."""

from itertools import accumulate
from math import floor

FULL = 0.8
"""The share of bins that a cycle must have met to count."""

KEEP = 0.96
"""What a cycle's weight is worth one cycle later."""

DOUBT = 4.0
"""How many times its noise, over the number of cycles, a profile has to be before any of it is believed."""


class Season:
    """A profile over one ``period`` (seconds) in ``bins`` equal parts, each a difference to the cycle's mean.

    Every whole cycle is made to average 0 before it is learned: a lasting change moves the mean, not
    the profile. How much of the profile is believed follows from how alike the cycles are: empirical
    Bayes, with the variance between cycles as noise (James and Stein, 1961).
    """

    doubt = 0.0
    """The variance of one bin of the profile before it is smoothed; 0 while none of it is believed."""

    def __init__(self, period: float, bins: int) -> None:
        self.period, self.bins = period, bins
        self.profile = [0.0] * bins
        self.cycles = 0
        self.spoilt = False
        self._cycle: int | None = None
        self._n, self._total = [0] * bins, [0.0] * bins
        self._weight = self._weight2 = 0.0
        self._sum, self._square = [0.0] * bins, [0.0] * bins

    @property
    def size(self) -> float:
        """The difference between the profile's highest and lowest bin."""
        return max(self.profile) - min(self.profile)

    def offset(self, time: float) -> float:
        """What the profile adds at this event time."""
        return self.profile[floor(time * self.bins / self.period) % self.bins]

    def unsure(self, seconds: float) -> float:
        """The variance of the profile's mean over so long: whole cycles are sure, they average 0."""
        length = seconds * self.bins / self.period
        part = length / self.bins % 1.0
        return self.doubt * self.bins * part * (1.0 - part) / max(length, 1.0) ** 2

    def add(self, n: int, total: float, time: float) -> bool:
        """Count observations of one bin; whether the profile has changed by it."""
        index = floor(time * self.bins / self.period)
        cycle, changed = index // self.bins, False
        if self._cycle is None:
            self._cycle = cycle
        elif cycle > self._cycle:
            changed = self._close()
            self._cycle = cycle
        self._n[index % self.bins] += n
        self._total[index % self.bins] += total
        return changed

    def _close(self) -> bool:
        met = [i for i, n in enumerate(self._n) if n]
        whole = len(met) >= FULL * self.bins and not self.spoilt
        unlike = self._learn(met) if whole else 0.0
        self._n, self._total, self.spoilt = [0] * self.bins, [0.0] * self.bins, False
        if not whole or self.cycles < 2:
            return False
        before, self.profile = self.profile, self._believed(unlike)
        return self.profile != before

    def _learn(self, met: list[int]) -> float:
        """Count a whole cycle; returns how unlike the first two are (a variance), 0.0 after any other."""
        means = {i: self._total[i] / self._n[i] for i in met}
        level = sum(means.values()) / len(means)
        moved = [means[i] - level if i in means else 0.0 for i in range(self.bins)]
        unlike = _unlike(self._sum, moved) if self.cycles == 1 else 0.0
        for i, by in enumerate(moved):
            self._sum[i] = self._sum[i] * KEEP + by
            self._square[i] = self._square[i] * KEEP + by * by
        self._weight = self._weight * KEEP + 1.0
        self._weight2 = self._weight2 * KEEP * KEEP + 1.0
        self.cycles += 1
        return unlike

    def _believed(self, least: float) -> list[float]:
        """The mean profile, smoothed over neighbours and drawn towards 0 by as much as it is noise.

        The noise of the smoothed profile is ``least`` (a variance) or more.
        """
        bins, weight = self.bins, self._weight
        raw = [s / weight for s in self._sum]
        smooth = _smooth(raw)
        cycles = weight * weight / self._weight2
        between = sum(max(q / weight - r * r, 0.0) for q, r in zip(self._square, raw, strict=True)) / bins
        doubt = between / max(cycles - 1.0, 0.5)
        noise = max(0.375 * doubt, least)  # of three bins weighted 1:2:1
        signal = sum(m * m for m in smooth) / bins - noise
        self.doubt = doubt if signal > DOUBT / cycles * noise else 0.0
        if signal <= DOUBT / cycles * noise:
            return [0.0] * bins
        believed = [m * signal / (signal + noise) for m in smooth]
        level = sum(believed) / bins
        return [m - level for m in believed]


def _unlike(one: list[float], other: list[float]) -> float:
    """The variance of the mean of two cycles, smoothed, by how much they differ from each other.

    A step within one of two cycles moves many bins together. Of the noise of single bins it is hardly any,
    and half of it would be taken for a rhythm; where there are more cycles the others outvote it.
    """
    apart = _smooth([a - b for a, b in zip(one, other, strict=True)])
    return sum(by * by for by in apart) / (4.0 * len(apart))


def _smooth(profile: list[float]) -> list[float]:
    """Each bin with half of its neighbours, the first one's being the last."""
    after = [*profile[1:], *profile[:1]]
    return [0.25 * profile[i - 1] + 0.5 * own + 0.25 * after[i] for i, own in enumerate(profile)]


class Curve:
    """A profile as it is now, to be asked often for its mean over a stretch of time."""

    def __init__(self, period: float, profile: list[float]) -> None:
        self._period, self._profile, self._bins = period, profile, len(profile)
        self._sums = list(accumulate(profile, initial=0.0))

    def mean_between(self, start: float, end: float) -> float:
        """What the profile adds on average between two event times, at an even rate."""
        if end - start < self._period / self._bins:
            return self._profile[floor(end * self._bins / self._period) % self._bins]
        return (self._area(end) - self._area(start)) / (end - start)

    def _area(self, time: float) -> float:
        """The profile's integral up to a time; whole cycles add nothing."""
        cycles = time / self._period
        at = (cycles - floor(cycles)) * self._bins
        whole = floor(at)
        part = self._sums[whole] + (at - whole) * self._profile[whole % self._bins]
        return part * self._period / self._bins
