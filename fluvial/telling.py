"""Telling: a shard that also hands over what it predicted and what came of it, for who compares."""

from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.shard import Output, Shard
from fluvial.state import State
from learners.prediction import Outcome, Prediction


class Telling(Shard):
    """A shard whose predictions and outcomes can be taken out between two batches."""

    def __init__(self, pipeline: Pipeline, index: int, state: State | None = None) -> None:
        super().__init__(pipeline, index, state)
        self._predictions: list[Prediction] = []
        self._outcomes: list[Outcome] = []

    def told_predictions(self) -> list[Prediction]:
        """The predictions since the last time."""
        told, self._predictions = self._predictions, []
        return told

    def told_outcomes(self) -> list[Outcome]:
        """The outcomes since the last time."""
        told, self._outcomes = self._outcomes, []
        return told

    def _predicted(self, prediction: Prediction, record: Record, outputs: list[Output]) -> None:
        self._predictions.append(prediction)
        super()._predicted(prediction, record, outputs)

    def _watch(self, outcome: Outcome, outputs: list[Output]) -> None:
        self._outcomes.append(outcome)
        super()._watch(outcome, outputs)
