"""Telling: a shard that also hands over what it predicted and what came of it, for who compares."""

from typing import NamedTuple

from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.shard import Output, Shard
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

    def _predicted(self, prediction: Prediction, record: Record, outputs: list[Output]) -> None:
        self._told.predictions.append(prediction)
        super()._predicted(prediction, record, outputs)

    def _watch(self, outcome: Outcome, outputs: list[Output]) -> None:
        self._told.outcomes.append(outcome)
        super()._watch(outcome, outputs)
