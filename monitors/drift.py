"""Drift of a bounded quantity: ADWIN proposes, a before/after comparison gives it a direction.

ADWIN (Bifet and Gavaldà, Learning from Time-Changing Data with Adaptive Windowing, 2007) says
*that* the mean of a stream changed. It does not say which way, it fires while a learner is still
learning, and right after a detection its own estimate is not the new mean. So the monitor keeps
its own block means, looks for the split that explains them best, and speaks once for a change.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field
from river import drift

from monitors.alarm import Alarm

State = Literal["warming", "quiet", "settling"]
STATES: tuple[State, ...] = ("warming", "quiet", "settling")


class DriftSpec(BaseModel):
    """How watchful a pipeline's drift monitor is.

    ``delta`` is ADWIN's significance for one cut, ``block`` how many observations make one of its
    inputs (more lets a daily rhythm average out), ``warmup`` how many observations a new learner
    gets before anybody may complain, ``smallest_change`` the difference in loss worth a person's
    time, ``settle`` how many observations after an alarm belong to the same change.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    delta: float = Field(default=0.002, gt=0, lt=1)
    block: int = Field(default=32, ge=1, le=100_000)
    warmup: int = Field(default=1000, ge=0)
    smallest_change: float = Field(default=0.02, ge=0, le=1)
    settle: int = Field(default=1000, ge=0)


class Monitor(Protocol):
    """Watches one bounded quantity: update it, then read its state."""

    name: str
    state: State
    alarm: Alarm | None
    """The alarm raised by the last ``update``, if any."""

    def update(self, value: float, time: float) -> None:
        """Take one observation in [0, 1] with its event time in seconds since 1970 UTC."""
        ...

    @property
    def estimate(self) -> float:
        """The present level of the quantity; 0.0 before the first observation."""
        ...

    def rearm(self) -> None:
        """Forget the reference: the learner was replaced, or the new level was accepted."""
        ...


class Block(NamedTuple):
    """A run of observations: their count, sum and last event time."""

    n: int
    total: float
    time: float


class Split(NamedTuple):
    """Where a sequence of blocks falls apart best: ``at`` blocks before, the rest after."""

    at: int
    n_before: int
    n_after: int
    before: float
    after: float


def best_split(blocks: Sequence[Block]) -> Split:
    """Return the split whose two means explain the blocks best (least squares change point).

    Maximises n0 * n1 / n * (mean0 - mean1)**2; the earliest wins a tie. Needs two blocks.

    >>> best_split([Block(10, 1.0, 0.0), Block(10, 1.0, 1.0), Block(10, 5.0, 2.0)])
    Split(at=2, n_before=20, n_after=10, before=0.1, after=0.5)
    """
    n, total = sum(b.n for b in blocks), sum(b.total for b in blocks)
    n0, total0, best, gain = 0, 0.0, Split(0, 0, n, 0.0, total / n), -1.0
    for index, block in enumerate(blocks[:-1], start=1):
        n0, total0 = n0 + block.n, total0 + block.total
        n1, before, after = n - n0, total0 / n0, (total - total0) / (n - n0)
        if (explained := n0 * n1 / n * (before - after) ** 2) > gain:
            best, gain = Split(index, n0, n1, before, after), explained
    return best


class LossMonitor:
    """Watches a prequential loss in [0, 1] for a lasting change of its mean.

    >>> monitor = LossMonitor("loss", DriftSpec(warmup=100, block=10))
    >>> for i in range(4000):
    ...     monitor.update(0.1 if i < 2000 else 0.6, time=float(i))
    ...     if monitor.alarm:
    ...         print(monitor.alarm.direction, round(monitor.alarm.before, 2), round(monitor.alarm.after, 2))
    worse 0.1 0.6
    """

    keep = 4096
    """Blocks held for the before/after comparison; the oldest half goes when they are full."""

    def __init__(self, name: str, spec: DriftSpec) -> None:
        self.name, self._spec = name, spec
        self.n = self._open_n = self._until = 0
        self._open_total = 0.0
        self.state: State = "warming"
        self.alarm: Alarm | None = None
        self._blocks: list[Block] = []
        self._adwin: Any = None
        self.rearm()

    def rearm(self) -> None:
        """Forget the reference and warm up again."""
        self.state, self.alarm = "warming", None
        self._until = self.n + self._spec.warmup
        self._restart([])

    @property
    def estimate(self) -> float:
        """The level of the loss as it is now: the mean of ADWIN's window, or of the first block so far."""
        if not self._blocks:
            return self._open_total / self._open_n if self._open_n else 0.0
        return float(self._adwin.estimation) / self._spec.block

    def update(self, value: float, time: float) -> None:
        """Take one loss; ``alarm`` then holds what it brought about, mostly None."""
        self.alarm = None
        self.n += 1
        self._open_n += 1
        self._open_total += value
        if self._open_n >= self._spec.block:
            self._close(time)

    def _close(self, time: float) -> None:
        block = Block(self._open_n, self._open_total, time)
        self._open_n, self._open_total = 0, 0.0
        self._blocks.append(block)
        if len(self._blocks) > self.keep:
            del self._blocks[: self.keep // 2]
        self._adwin.update(block.total)
        if self.state != "quiet":
            self._settle()
        elif self._adwin.drift_detected and len(self._blocks) > 1:
            self._judge(time)

    def _settle(self) -> None:
        if self.n < self._until:
            return
        # What was seen while warming up or settling is still on the move: the newer half is the reference.
        self._restart(self._blocks[len(self._blocks) // 2 :])
        self.state = "quiet"

    def _judge(self, time: float) -> None:
        split = best_split(self._blocks)
        if abs(split.after - split.before) < self._spec.smallest_change:
            return
        self.alarm = Alarm(
            monitor=self.name,
            direction="worse" if split.after > split.before else "better",
            time=time,
            onset=self._blocks[split.at].time,
            n=self.n,
            before=split.before,
            after=split.after,
            n_before=split.n_before,
            n_after=split.n_after,
        )
        self.state, self._until = "settling", self.n + self._spec.settle
        self._restart(self._blocks[split.at :])

    def _restart(self, blocks: list[Block]) -> None:
        self._blocks = blocks
        self._open_n, self._open_total = 0, 0.0
        # ADWIN is fed block sums, not means: its bound then is the one for single observations looked at
        # once a block. min_window and grace count its inputs, which are blocks here.
        self._adwin = drift.ADWIN(delta=self._spec.delta, clock=1, min_window_length=4, grace_period=8)
        for block in blocks:
            self._adwin.update(block.total)
