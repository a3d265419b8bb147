"""Telling: a shard that also hands over what it predicted and what came of it, for who compares."""

from typing import NamedTuple

from consumers.event import Event, Label, Rejection
from consumers.record import Record
from fluvial.aftermath import Taken
from fluvial.config import Pipeline
from fluvial.shard import Shard
from fluvial.state import State
from learners.prediction import Outcome, Prediction


class Told(NamedTuple):
    """What a shard predicted, and what came of earlier predictions."""

    predictions: list[Prediction]
    outcomes: list[Outcome]


class Telling(Shard):
    """A shard whose predictions and outcomes can be taken out between two batches."""

    def __init__(self, pipeline: Pipeline, index: int, state: State | None = None) -> None:
        super().__init__(pipeline, index, state)
        self._told = Told([], [])

    def told(self) -> Told:
        """Everything since the last time."""
        told, self._told = self._told, Told([], [])
        return told

    def take(self, record: Record, read: Event | Label | Rejection | None) -> Taken:
        """Let the learner have one record, and remember what it said and what came of it."""
        taken = super().take(record, read)
        if taken.prediction is not None:
            self._told.predictions.append(taken.prediction)
        self._told.outcomes.extend(taken.expired)
        if taken.outcome is not None:
            self._told.outcomes.append(taken.outcome)
        return taken
