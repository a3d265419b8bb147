"""Prediction and Outcome: what a learner said, and what became of it."""

from collections.abc import Mapping
from typing import NamedTuple

from consumers.event import Truth, Value
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
    baselines', as they were when the event came. ``event_time`` and ``values`` are those of the event;
    ``source`` is who sent the label, ``defaulted`` that none came and the default was learned;
    ``faults`` counts the calls in which the model has failed so far; ``features`` are those of the
    ``values`` that the model gets to see.
    """

    id: str
    time: float
    truth: Truth
    bounded: float
    learned: bool
    point: Point | None = None
    forecasts: tuple[Forecast, ...] = ()
    event_time: float = 0.0
    values: Mapping[str, Value] = {}
    source: str | None = None
    defaulted: bool = False
    faults: int = 0
    features: dict[str, Value] = {}
