"""Labels: what they say, how late they come, how many never do, and how right each source is."""

from collections.abc import Collection

from monitors.alarm import Alarm
from monitors.figures import channels, figure
from monitors.level import Level, State
from monitors.rare import Rare
from monitors.slices import MOST, Slices
from monitors.spec import LevelSpec


class Delay:
    """How long labels take: ``d / (d + usual)``, usual being the median of the first."""

    name = "labels:delay"
    FIRST = 255

    def __init__(self, spec: LevelSpec, horizon: float) -> None:
        self.level = Level(self.name, spec._replace(smallest_change=max(spec.smallest_change, 0.05)))
        self._first: list[float] = []
        self._usual, self._least = 0.0, 1e-4 * horizon

    def late(self, seconds: float) -> bool | None:
        """Whether that is more than twice the usual; None while nobody knows."""
        return seconds > 2.0 * self._usual if self._usual else None

    def update(self, seconds: float, now: float) -> Alarm | None:
        """Take the delay of a label; the alarm that it raised."""
        delay = max(seconds, 0.0)
        if not self._usual:
            self._first.append(delay)
            if len(self._first) >= self.FIRST:
                self._usual = max(sorted(self._first)[self.FIRST // 2], self._least)
                self._first = []
            return None
        self.level.update(delay / (delay + self._usual), now)
        return self.level.alarm


class Labels:
    """Watches the truths of a shard; ``apart`` says that labels have a topic, and so may be late or missing.

    ``spec`` is how one quantity is watched, ``sliced`` how one source is.

    Times are stream time in seconds.
    """

    def __init__(
        self,
        spec: LevelSpec,
        sliced: LevelSpec,
        task: str,
        classes: Collection[str],
        *,
        apart: bool,
        horizon: float,
    ) -> None:
        self.truth = figure(task, "labels:truth", spec, classes)
        self.delay = Delay(spec, horizon) if apart else None
        self.share = Rare("labels:share", spec) if apart else None
        self._n, self._lost, self._block = 0, 0, spec.block
        held = sliced._replace(smallest_change=2.0)  # never said: it is there to see what carries a change
        waits = ("prompt", "late")
        self.waits = Slices("labels:delay", "delay", held, waits) if apart else None
        self.sources = Slices("labels:source", "source", sliced)

    @staticmethod
    def channels(task: str) -> int:
        """How many quantities are watched at most."""
        return channels(task) + 2 + MOST

    @property
    def standings(self) -> dict[str, tuple[State, float]]:
        """State and level by monitor."""
        found: dict[str, tuple[State, float]] = {"labels:truth": (self.truth.state, self.truth.estimate)}
        if self.delay is not None:
            found[self.delay.name] = self.delay.level.state, self.delay.level.estimate
        if self.share is not None:
            found[self.share.name] = self.share.state, self.share.estimate
        found[self.sources.name] = self.sources.state, self.sources.estimate
        return found

    def never(self, times: int, now: float) -> Alarm | None:
        """So many events have waited for a whole horizon."""
        self._n, self._lost = self._n + times, self._lost + times
        return self._close(now) if self._n >= self._block else None

    def came(self, now: float) -> Alarm | None:
        """A label came in time."""
        self._n += 1
        return self._close(now) if self._n >= self._block else None

    def _close(self, now: float) -> Alarm | None:
        if self.share is None:
            return None
        n, lost, self._n, self._lost = self._n, self._lost, 0, 0
        return self.share.push(n, float(lost), now)

    def waited(self, seconds: float, loss: float, now: float) -> Alarm | None:
        """A label came so long after its event, with this loss; the alarm that its delay raised."""
        if self.delay is None or self.waits is None:
            return None
        if (late := self.delay.late(seconds)) is not None:
            self.waits.update("late" if late else "prompt", loss, now)
        return self.delay.update(seconds, now)
