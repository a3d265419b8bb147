"""Learner: predict, remember, and learn when the truth comes.

The order is prequential (test, then train): Gama, Sebastião and Rodrigues, On evaluating stream
learning algorithms, 2013. The features of a prediction are frozen when the event arrives, recent
statistics included; what is learned later is what was known then.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from consumers.event import Event, Label, Truth, Value
from learners.asked import category_of
from learners.category import forget
from learners.ledger import Ledger, Waiting
from learners.parts import renew
from learners.prediction import Outcome, Prediction
from learners.recent import Recent
from learners.scoreboard import Scoreboard
from learners.task import Task


class Learner:
    """The champion of one shard with its ledger, its recent statistics and its scoreboard.

    ``make`` builds a fresh model; ``default`` is the truth learned when a horizon passes without
    a label (None: the event expires unlearned). What the sources in ``excluded`` bring is predicted and
    scored but not learned; the field ``source`` says of an event from where it comes.
    """

    excluded: tuple[str, ...] = ()
    source: str | None = None

    def __init__(
        self,
        make: Callable[[], Any],
        task: Task,
        ledger: Ledger,
        recent: Recent,
        board: Scoreboard,
        *,
        default: Truth | None = None,
    ) -> None:
        self._make, self.task, self.ledger = make, task, ledger
        self.recent, self.board, self._default = recent, board, default
        self.paused = False
        self.version = 1
        self.learned = self.predict_only = self.defaulted = self.predictions = 0
        self.model = make()

    def exchange(self, model: Any | None) -> None:
        """Go on with another model, or with a fresh one; what waits for a label keeps waiting."""
        self.model = self._make() if model is None else model
        self.version += 1

    def renew(self, part: str) -> None:
        """Let one step of the model, or one category, be forgotten. Raises LookupError."""
        category = category_of(part)
        if category is None:
            renew(self.model, part)
        else:
            forget(self.model, self.recent, category)
        self.version += 1

    def event(self, event: Event, now: float) -> Prediction | None:
        """Predict an event and remember it. None for a duplicate: nothing is predicted twice.

        ``now`` is stream time in seconds, infinite where it is in doubt: see ``Ledger.date``.
        """
        if self.ledger.known(event):
            return None
        values = event.features | event.context
        recent = self.recent.features(values, event.time)
        features = event.features | recent if recent else event.features
        forecast = self.task.predict(self.model, features)
        self.recent.event(values, event.time)
        self.predictions += 1
        self.ledger.remember(event, features, (forecast, *self.board.foresee(values)), now)
        return Prediction(event.id, event.time, forecast)

    def truth_at_hand(self, event: Event) -> Label | None:
        """The label of an event that has just been predicted, if the event or an early label brought it."""
        if event.label is not None:
            return Label(event.id, event.label, event.time, event.source)
        return self.ledger.early_label(event.id)

    def label(self, label: Label, now: float) -> Outcome | None:
        """Learn from a label. None where nothing waited for it: then the ledger counted why."""
        entry = self.ledger.match(label, now)
        if entry is None:
            return None
        self.board.delays.add(label.time - entry.time)
        self.ledger.settle(entry, label.value)
        return self._judge(entry, label.value, label.time, label.source)

    def expire(self, now: float) -> Iterable[Outcome]:
        """Close what waited longer than the horizon; yields an outcome where a default is learned."""
        return self._expired(now) if self.ledger.due(now) else ()

    def _expired(self, now: float) -> Iterator[Outcome]:
        for entry in self.ledger.overdue(now):
            if self._default is None:
                self.ledger.expire(entry)
            else:
                self.defaulted += 1
                self.ledger.settle(entry, None)
                yield self._judge(entry, self._default, entry.deadline)._replace(defaulted=True)

    def _judge(self, entry: Waiting, truth: Truth, time: float, source: str | None = None) -> Outcome:
        """Compare, then learn."""
        event_id, event_time, _, features, context, forecasts = entry
        values: Mapping[str, Value] = features | context
        barred = bool(self.excluded) and comes_from(self.excluded, source, values, self.source)
        task, learned = self.task, not (self.paused or barred)
        bounded = task.bounded_loss(forecasts[0], truth)
        point = self.board.add(forecasts, truth, values, time, self.ledger.waiting)
        if not barred:  # what such a source says would else come in by the statistics
            self.recent.label(values, truth, time)
        if learned:
            task.learn(self.model, features, truth)
            self.learned += 1
        else:
            self.predict_only += 1
        told = (forecasts, event_time, values, source)
        return Outcome(
            *(event_id, time, truth, bounded, learned, point, *told), faults=task.faults, features=features
        )


def comes_from(
    sources: Collection[str], label: str | None, values: Mapping[str, Value], field: str | None
) -> bool:
    """Whether a label or the event that it is about is of one of some sources.

    >>> comes_from(["UA"], None, {"carrier": "UA"}, "carrier"), comes_from(["UA"], "AA", {}, None)
    (True, False)
    """
    if label is not None and label in sources:
        return True
    value = None if field is None else values.get(field)
    return value is not None and str(value) in sources
