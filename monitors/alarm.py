"""Alarm: a claim that the world changed, with its evidence."""

from typing import Literal, NamedTuple

Direction = Literal["worse", "better"]
DIRECTIONS: tuple[Direction, ...] = ("worse", "better")


class Alarm(NamedTuple):
    """One change of one watched quantity, as a monitor saw it.

    ``before`` and ``after`` are means of the quantity (a loss in [0, 1]) over ``n_before`` and
    ``n_after`` observations on the two sides of the estimated onset; ``onset`` and ``time`` are
    event times in seconds since 1970 UTC, of the change and of the alarm; ``n`` counts the
    observations the monitor had seen when it spoke. ``worse`` calls a person, ``better`` is
    information.
    """

    monitor: str
    direction: Direction
    time: float
    onset: float
    n: int
    before: float
    after: float
    n_before: int
    n_after: int

    @property
    def effect(self) -> float:
        """After minus before, in the units of the quantity."""
        return self.after - self.before
