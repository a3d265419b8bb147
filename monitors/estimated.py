"""Estimated loss: what the confidence of predictions says about their loss while labels are late.

Confidence is made to mean what labels taught it to mean: the mean loss of past predictions that were
as confident (calibration by bins; Zadrozny and Elkan, 2001). What the world does to the relation
between inputs and truth cannot be seen this way; inputs that the model is less sure of can.
"""

from bisect import bisect_right
from collections.abc import Mapping
from math import nan

from monitors.alarm import Alarm
from monitors.level import Level
from monitors.spec import LevelSpec

BINS = 20
PRIOR = 10.0
"""Outcomes that the confidence itself counts for in each bin."""

MEMORY = 5000.0
"""Outcomes of a bin after which older ones fade."""

BLOCK = 512
"""Predictions whose estimate is compared with what labels say."""

OPEN = 64
"""Blocks that wait for their labels; beyond, two become one."""

JUDGED = 0.5
"""The share of a block's labels that make a judgement."""

LEARNS = 0.1
"""The weight of the newest block in the track record, at least."""


def expected(forecast: float | Mapping[str, float]) -> tuple[int, float] | None:
    """The bin of a forecast and the bounded loss that it expects itself; None where it says nothing.

    >>> expected(0.9), expected({"a": 0.5, "b": 0.5}), expected({})
    ((18, 0.18), (10, 0.5), None)
    """
    if isinstance(forecast, float):
        return min(int(forecast * BINS), BINS - 1), round(2.0 * forecast * (1.0 - forecast), 12)
    where = bin_of(forecast)
    return None if where is None else (where, 1.0 - sum([share * share for share in forecast.values()]))


def bin_of(forecast: float | Mapping[str, float]) -> int | None:
    """The bin of a forecast alone, as its confidence has it."""
    if isinstance(forecast, float):
        return min(int(forecast * BINS), BINS - 1)
    return min(int(max(forecast.values()) * BINS), BINS - 1) if forecast else None


class Block:
    """Predictions of a stretch of event time: the sum of their estimates, and what labels said of them."""

    __slots__ = ("estimates", "known", "last", "losses", "n", "start")

    def __init__(self, start: float) -> None:
        self.start = self.last = start
        self.n = self.known = 0
        self.estimates = self.losses = 0.0

    def join(self, other: "Block") -> None:
        """Take in the block that follows."""
        self.last = max(self.last, other.last)
        self.n, self.known = self.n + other.n, self.known + other.known
        self.estimates += other.estimates
        self.losses += other.losses


class Estimated:
    """Estimates the loss of predictions before their labels come, and keeps a record of how well it does."""

    name = "estimated_loss"

    def __init__(self, spec: LevelSpec, horizon: float) -> None:
        self.level = Level(self.name, spec)
        self._horizon = horizon
        self._size = BLOCK
        self.error: float | None = None
        self.judged = 0
        self.rearm()

    def rearm(self) -> None:
        """The model is another one: what its confidence means has to be learned anew."""
        self.level.rearm()
        self._n, self._loss = [0.0] * BINS, [0.0] * BINS
        self._blocks: list[Block] = []

    @property
    def estimate(self) -> tuple[float, float] | None:
        """Mean estimate of the newest predictions and mean absolute error of past ones; None before any."""
        n = total = 0.0
        for block in self._blocks[-2:]:
            n, total = n + block.n, total + block.estimates
        return (total / n, self.error if self.error is not None else nan) if n else None

    def predicted(self, forecast: float | Mapping[str, float], time: float) -> Alarm | None:
        """Take a forecast with its event time; the alarm that it raised."""
        found = expected(forecast)
        if found is None:
            return None
        estimate = self._of(*found)
        if not self._blocks or self._blocks[-1].n >= self._size:
            self._open(time)
        block = self._blocks[-1]
        block.n += 1
        block.estimates += estimate
        block.last = max(block.last, time)
        self.level.update(estimate, time)
        return self.level.alarm

    def outcome(self, forecast: float | Mapping[str, float], loss: float, time: float, now: float) -> None:
        """Take what came of a forecast made at event time ``time``."""
        where = bin_of(forecast)
        if where is None:
            return
        at = bisect_right(self._blocks, time, key=lambda block: block.start) - 1
        if at >= 0:
            block = self._blocks[at]
            block.known += 1
            block.losses += loss
        self._n[where] += 1.0
        self._loss[where] += loss
        if self._n[where] > MEMORY:
            self._n[where] *= 0.5
            self._loss[where] *= 0.5
        self._settle(now)

    def _of(self, where: int, own: float) -> float:
        return (PRIOR * own + self._loss[where]) / (PRIOR + self._n[where])

    def _open(self, time: float) -> None:
        last = self._blocks[-1].start if self._blocks else time
        self._blocks.append(Block(max(time, last)))
        if len(self._blocks) > OPEN:
            self._size *= 2
            pairs = self._blocks
            for one, other in zip(pairs[::2], pairs[1::2], strict=False):
                one.join(other)
            self._blocks = pairs[::2]

    def _settle(self, now: float) -> None:
        """Judge the oldest block when nearly all its labels are there, or will not come any more."""
        while len(self._blocks) > 2:
            block = self._blocks[0]
            if block.known < 0.97 * block.n and now < block.last + self._horizon:
                return
            if block.known >= JUDGED * block.n:
                self.judged += 1
                error = abs(block.estimates / block.n - block.losses / block.known)
                weight = max(1.0 / self.judged, LEARNS)
                self.error = error if self.error is None else self.error + weight * (error - self.error)
            del self._blocks[0]
