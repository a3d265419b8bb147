"""Story: what a level has said so far: the change that is not over, and the step that came last."""

from math import inf

from monitors.alarm import Direction, Phase
from monitors.change import Change, Step
from monitors.comparison import Split, whole
from monitors.effect import Effect
from monitors.spec import LevelSpec
from monitors.window import Window

CLEARLY = 4.5
"""The evidence (nats) for a change to be over before it has settled: three standard errors."""


class Story:
    """The life of the changes of one level.

    >>> story = Story(LevelSpec())
    >>> story.worth(0.05), story.way(0.05), story.improved
    (True, 'worse', False)
    >>> story.step(0.05, 5000, inf), story.step(-0.04, 5200, 200.0)  # it went back after 200 observations
    (None, (0.04, 200.0))
    """

    def __init__(self, spec: LevelSpec) -> None:
        self._two_sided, self._smallest = spec.two_sided, spec.smallest_change
        self.open: Change | None = None
        self.last: Step | None = None

    def forget(self) -> None:
        """Begin anew: the learner was replaced, or the new level was accepted."""
        self.open = self.last = None

    @property
    def improved(self) -> bool:
        """Whether the last step was one down."""
        return self.last is not None and self.last.change < 0

    @property
    def direction(self) -> Direction | None:
        """Which way the last step went; None before there is one."""
        return None if self.last is None else self.way(self.last.change)

    def way(self, change: float) -> Direction:
        """What a change is called."""
        if self._two_sided:
            return "changed"
        return "worse" if change > 0 else "better"

    def worth(self, change: float) -> bool:
        """Whether a change is large enough to speak of."""
        least = self.open.worth(change, self._smallest) if self.open else self._smallest
        return abs(change) >= least

    def phase(self, split: Split) -> Phase:
        """Where a split stands in the life of a change, which goes on by it."""
        if self.open is None:
            if self._two_sided or split.change > 0:
                self.open = Change(split.before, split.after, 1 if split.change > 0 else -1)
            return "first"
        phase = self.open.phase(split.before, split.after, self._smallest)
        if phase == "recovered":
            self.open = None
        elif phase == "worse":
            self.open = self.open._replace(reached=split.after)
        return phase

    def since(self, begun: int) -> float:
        """How many observations lie between the last step and this one; for ever where there is none."""
        return begun - self.last.begun if self.last is not None else inf

    def step(self, change: float, begun: int, lasted: float) -> tuple[float, float] | None:
        """Go on by a step, with the level before it having lasted so long.

        Returns the height and the length of the excursion that ends by it, if any.
        """
        last, self.last = self.last, Step(change, begun, lasted)
        if last is None or last.change * change >= 0:
            return None
        return min(abs(last.change), abs(change)), last.excursion(lasted)

    def settled(self, level: float) -> None:
        """What was said looked larger than it is: this is the level that it came to."""
        if self.open is not None:
            self.open = self.open._replace(reached=level)

    def over(self, n: int, window: Window, late: Window, effect: Effect) -> Split | None:
        """How the open change went back before it settled; None where it did not.

        ``window`` is what was seen since its alarm, ``late`` its later part, ``n`` counts all observations;
        ``effect`` is that of dependence on the later part.
        """
        change = self.open
        if change is None or not change.gone(late.mean):
            return None
        before = n - window.n - self.last.begun if self.last is not None else 0
        held = max(1, before + change.left(window, late))
        split = whole(held, change.reached, late, effect)
        return split if split.score >= CLEARLY else None
