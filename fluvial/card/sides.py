"""Sides: what was recorded before the onset and what after it."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple, TypeVar

from fluvial.card.lean import sample
from fluvial.card.recorder import Arrival, Known, Recording

T = TypeVar("T")

SAMPLE = 4_000
"""Events of each side whose fields are compared, at most; they lie evenly over the side."""

FEWEST = 500
"""Outcomes of before that are compared even where the monitor compared fewer."""

SMALL = 0.25
"""A delay of labels that is a larger part of the stretch before makes arrivals useless for a drift of
the loss: then the events are compared whose truth came before and after."""


class Sides(NamedTuple):
    """Events and outcomes of the two sides, all of them, and samples of events for their fields.

    ``by_arrival`` says whether those are sides by when events came, or by when their truth did;
    ``onset`` is where events were parted.
    """

    known: tuple[Sequence[Known], Sequence[Known]]
    events: tuple[Sequence[Arrival | Known], Sequence[Arrival | Known]]
    arrived: tuple[int, int]
    by_arrival: bool
    onset: float
    spans: tuple[float, float]

    def sampled(self) -> tuple[Sequence[Arrival | Known], Sequence[Arrival | Known]]:
        """At most so many events of each side."""
        return sample(self.events[0], SAMPLE), sample(self.events[1], SAMPLE)


class Stretch(NamedTuple):
    """Event times (s) of a change: its onset, and when it was over.

    ``outcomes`` are those that the monitor held against the onset; 0 where it did not see the change
    when the truth came, but by something else.
    """

    onset: float
    until: float
    outcomes: int = 0


def sides(recorded: Recording, stretch: Stretch) -> Sides:
    """The two sides of an onset.

    What a monitor noticed when the truth came began earlier, by as long as labels take: that much
    earlier events are parted. What lies before the outcomes that it compared was another regime.
    """
    onset, until = stretch.onset, stretch.until
    known = _parted(recorded.known, onset, until, lambda one: one.at)
    began, first = onset, recorded.arrivals[0].at if recorded.arrivals else onset
    if stretch.outcomes:
        delay = _delay(known[0])
        known = known[0][-max(stretch.outcomes, FEWEST) :], known[1]
        began -= delay
        first = max(first, known[0][0].at - delay) if known[0] else first
    by_arrival = not known[0] or onset - began <= SMALL * (onset - first)
    came = [one for one in recorded.arrivals if one.at >= first]
    arrived = _parted(came, began if by_arrival else onset, until, lambda one: one.at)
    ends = [one.at for one in arrived[1][-1:]] + [one.at for one in known[1][-1:]]
    last = min(until, max(ends, default=onset))
    return Sides(
        known=known,
        events=arrived if by_arrival else known,
        arrived=(len(arrived[0]), len(arrived[1])),
        by_arrival=by_arrival,
        onset=began if by_arrival else onset,
        spans=((began if by_arrival else onset) - first, last - (began if by_arrival else onset)),
    )


def _delay(known: Sequence[Known]) -> float:
    delays = [one.delay for one in known if one.delay is not None]
    return max(0.0, median(delays)) if delays else 0.0


def _parted(
    some: Sequence[T], onset: float, until: float, at: Callable[[T], float]
) -> tuple[list[T], list[T]]:
    before = [one for one in some if at(one) < onset]
    return before, [one for one in some if onset <= at(one) < until]
