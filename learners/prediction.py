"""Prediction and Outcome: what a learner said, and what became of it."""

from typing import NamedTuple

from consumers.event import Truth
from learners.scoreboard import Point
from learners.scoring import Forecast


class Prediction(NamedTuple):
    """What the champion said about one event, before anybody knew the truth."""

    id: str
    time: float
    forecast: Forecast


class Outcome(NamedTuple):
    """A prediction whose truth became known.

    ``bounded`` is the task's loss in [0, 1], for monitors. ``time`` is when the truth became known,
    in event seconds. ``learned`` is False while learning is paused; ``point`` is the quality curve's
    next point where this outcome completed one. ``forecasts`` are the champion's and then the
    baselines', as they were when the event came.
    """

    id: str
    time: float
    truth: Truth
    bounded: float
    learned: bool
    point: Point | None = None
    forecasts: tuple[Forecast, ...] = ()
