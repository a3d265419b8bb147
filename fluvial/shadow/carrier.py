"""Carrier: a shard that is replayed with other models beside its own."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from consumers.event import Event, Label, Rejection
from consumers.record import Record
from fluvial.aftermath import Taken
from fluvial.config import Pipeline
from fluvial.shadow.contender import Contender
from fluvial.state import State
from fluvial.telling import Telling
from learners.prediction import Outcome, Prediction
from learners.scoring import Forecast


class Judged(NamedTuple):
    """An outcome with what the contenders had said when its event came; None where one could say nothing."""

    outcome: Outcome
    forecasts: Sequence[Forecast | None]


class Carrier(Telling):
    """A shard whose contenders are asked and taught in the same step as its own model.

    ``judged`` is told each outcome whose event was predicted after batch ``since``. What the shard
    itself computes is not touched.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        index: int,
        state: State | None = None,
        contenders: Sequence[Contender] = (),
        *,
        judged: Callable[[Judged], None] = lambda judged: None,
        since: int = 0,
    ) -> None:
        super().__init__(pipeline, index, state)
        self.contenders = list(contenders)
        self._judged, self._since, self._most = judged, since, pipeline.ledger.waiting
        self._said: OrderedDict[str, list[Forecast | None]] = OrderedDict()
        self.settle()

    def settle(self) -> None:
        """Let those begin whose time has come. Call it before the first batch and after each."""
        for contender in self.contenders:
            contender.meet(self.state)

    def take(self, record: Record, read: Event | Label | Rejection | None) -> Taken:
        """Let the learner have one record, and the contenders hear what came of it."""
        taken = super().take(record, read)
        if taken.outcome is not None:
            self._hear(taken.outcome)
        return taken

    def _expire(self, now: float) -> tuple[list[Outcome], int]:
        expired, in_vain = super()._expire(now)
        for outcome in expired:
            self._hear(outcome)
        return expired, in_vain

    def _predict(self, event: Event, arrival: float) -> Prediction | None:
        prediction = super()._predict(event, arrival)
        if prediction is None or not self.contenders:
            return prediction
        entry = self.state.learner.ledger.entry(prediction.id)
        if entry is not None:
            said = [one.foresee(entry.features) for one in self.contenders]
            if self.state.batch >= self._since:
                self._said[prediction.id] = said
            if len(self._said) > self._most:  # the ledger waits for no more either
                self._said.popitem(last=False)
        return prediction

    def _hear(self, outcome: Outcome) -> None:
        said = self._said.pop(outcome.id, None)
        if said is not None:
            self._judged(Judged(outcome, said))
        batch, paused = self.state.batch + 1, self.state.learner.paused
        for contender in self.contenders:
            contender.hear(outcome, batch, paused=paused)
