"""Change: what a monitor has said and is not over yet; whether it grows, eases or goes back."""

from typing import NamedTuple

from monitors.alarm import Phase
from monitors.window import Window

DOUBLED = 0.75
"""How much further an open change has to go to be said again, in what it was before."""

BACK = 0.25
"""What may be left of a change that is over, in what it was."""

RESTS = 16.0
"""How many times as long as what disturbed it a level lasts that is at rest."""


class Step(NamedTuple):
    """One change as it was said; ``begun`` counts the observations before it.

    ``held`` is how many of them the level before it had lasted: what was there from the start, for ever.
    """

    change: float
    begun: int
    held: float

    def excursion(self, lasted: float) -> float:
        """How many observations the stream was away from its level, this step being undone after so many.

        Where it is disturbed now and then, the rest in between is no excursion, however long it lasts.
        """
        return self.held if lasted > RESTS * self.held else lasted


class Change(NamedTuple):
    """The level before a change, the one it came to, and the way: 1 up, -1 down.

    >>> change = Change(0.1, 0.2, 1)
    >>> change.phase(0.2, 0.15, 0.02), change.phase(0.2, 0.1, 0.02), change.phase(0.2, 0.4, 0.02)
    ('eased', 'recovered', 'worse')
    """

    base: float
    reached: float
    side: int

    @property
    def size(self) -> float:
        """How far it went."""
        return abs(self.reached - self.base)

    def worth(self, step: float, smallest: float) -> float:
        """The smallest further step to speak of: it is said again when it is much larger."""
        return smallest if self.side * step < 0 else max(smallest, DOUBLED * self.size)

    def phase(self, before: float, after: float, smallest: float) -> Phase:
        """What a further step makes of it; ``smallest`` is the least change that counts as one."""
        if (after - self.base) * self.side <= max(smallest, BACK * self.size):
            return "recovered"
        return "eased" if (after - before) * self.side < 0 else "worse"

    def gone(self, level: float) -> bool:
        """Whether hardly anything is left of it at this level."""
        return (level - self.base) * self.side <= BACK * self.size

    def left(self, window: Window, late: Window) -> int:
        """How many observations of a window were still of it, where the later part is not."""
        n, total = window.n - late.n, window.total - late.total
        return round(min(max((total - n * late.mean) / (self.reached - late.mean), 0.0), n))
