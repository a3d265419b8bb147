"""Scene: what a level looks at: its window, how dependent the stream is, what the seasons add."""

from typing import NamedTuple

from monitors.choice import choose
from monitors.comparison import Far, Split, far_apart, places
from monitors.dependence import Dependence
from monitors.rhythm import Rhythm
from monitors.spec import LevelSpec
from monitors.window import Window


class Scene(NamedTuple):
    """All that a look needs; ``time`` is the present event time (seconds), ``young`` the end of a warm-up."""

    window: Window
    ladder: Dependence
    rhythm: Rhythm
    time: float
    spec: LevelSpec
    young: bool = False

    def far(self, budget: float) -> list[Far]:
        """The splits that may be spoken of within this budget or a smaller one."""
        return far_apart(self.window, self.spec._replace(budget=budget), self._least_effect)

    def split(self, far: list[Far], budget: float) -> Split | None:
        """Of these splits the one to speak of, if any."""
        if not far:  # so most looks end
            return None
        spec = self.spec._replace(budget=budget)
        found = places(self.window, far, spec, self._lift, self._unsure, self._least_effect)
        return choose(found, self.ladder, spec, young=self.young)

    @property
    def _least_effect(self) -> float:
        """Of what calls nobody only that is said which chance would not do with coins either."""
        return 1.0 if self.spec.two_sided else min(1.0, self.ladder.shortest)

    def _lift(self, since: float) -> float:
        return self.rhythm.mean(since, self.time) if self.time > since else 0.0

    def _unsure(self, onset: float) -> float:
        """The variance of the means on both sides of a moment from what is not known of the seasons."""
        return self.rhythm.unsure(self.time - onset) + self.rhythm.unsure(onset - self.window.since)
