"""Alarm: a claim that the world changed, with its evidence."""

from math import nan
from typing import Literal, NamedTuple

Direction = Literal["worse", "better", "changed"]
DIRECTIONS: tuple[Direction, ...] = ("worse", "better", "changed")

Phase = Literal["first", "worse", "eased", "recovered"]
PHASES: tuple[Phase, ...] = ("first", "worse", "eased", "recovered")

Severity = Literal["page", "info"]
SEVERITIES: tuple[Severity, ...] = ("page", "info")

Cause = Literal["", "world", "feed", "schema", "source", "model"]
CAUSES: tuple[Cause, ...] = ("", "world", "feed", "schema", "source", "model")


class Alarm(NamedTuple):
    """One change of one watched quantity, as a monitor saw it.

    ``before`` and ``after`` are means of the quantity (in [0, 1]) over ``n_before`` and ``n_after``
    observations on the two sides of the estimated onset; ``onset`` and ``time`` are event times in
    seconds since 1970 UTC, of the change and of the alarm; ``n`` counts the observations the monitor
    had seen when it spoke.

    ``low`` and ``high`` bound the effect with 95 % confidence, widened by ``dependence``: how many
    times the variance of a mean is larger than for independent observations. Seen at the moment of an
    alarm an effect is larger than it will turn out to be: the alarm came because it looked large.
    ``score`` is the evidence in standard errors, ``needed`` what the budget of false alarms asked for;
    ``season`` is the size of the daily or weekly rhythm that was taken out first.

    ``phase`` places it in the life of a change: the first alarm of one, or what became of it. ``part``
    says which part of what the monitor watches moved (``missing``, ``carrier=UA``). ``severity`` says
    whether somebody has to be called: an input that moves while the loss does not is information.
    ``cause`` names what is likely behind a page; empty where nothing points anywhere.
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
    low: float = nan
    high: float = nan
    score: float = nan
    needed: float = nan
    dependence: float = 1.0
    season: float = 0.0
    phase: Phase = "first"
    part: str = ""
    severity: Severity = "page"
    cause: Cause = ""
    because: str = ""

    @property
    def effect(self) -> float:
        """After minus before, in the units of the quantity."""
        return self.after - self.before
