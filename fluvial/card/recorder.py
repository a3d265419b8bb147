"""Recorder: a shard that steps the journal once more and takes note of what a card is made of.

Its monitors are mute: they have spoken already, and they are half the work.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

from consumers.event import Event, Rejection, Truth, Value
from consumers.record import Record
from fluvial.aftermath import Taken
from fluvial.card.window import Window
from fluvial.config import Pipeline
from fluvial.history import History, Past
from fluvial.shard import Output, Shard, contract_of
from fluvial.state import State
from learners.prediction import Outcome, Prediction
from learners.scoring import Forecast
from monitors.alarm import Alarm
from monitors.watch import Watch


class Arrival(NamedTuple):
    """An event as it came: ``at`` in stream time, ``time`` its own (s); ``filled`` were missing."""

    id: str
    at: float
    time: float
    values: Mapping[str, Value]
    filled: tuple[str, ...]
    source: str | None


class Known(NamedTuple):
    """An event whose truth became known at ``at`` (stream time, s). ``delay`` is None by default."""

    id: str
    at: float
    time: float
    values: Mapping[str, Value]
    forecast: Forecast
    truth: Truth
    loss: float
    cost: float
    wrong: float
    delay: float | None
    source: str | None


class Refusal(NamedTuple):
    """A record that could not be read."""

    at: float
    stream: str
    reason: str
    detail: str


class Recording(NamedTuple):
    """What happened in a window, each in the order of stream time; ``model`` is that of the onset.

    ``times`` maps each batch to the stream time at its end, ``counts`` to the events before its end.
    """

    arrivals: list[Arrival]
    known: list[Known]
    refusals: list[Refusal]
    times: dict[int, float]
    counts: dict[int, int]
    model: Any
    state: State | None


class Mute(Watch):
    """Monitors that hear nothing and say nothing."""

    def __init__(self) -> None:
        """They hold nothing, not even what monitors begin with."""

    def drain(self) -> list[Alarm]:
        """Nothing."""
        return []

    @property
    def alarmed(self) -> bool:
        """Never."""
        return False

    @property
    def standings(self) -> dict[str, Any]:
        """None."""
        return {}

    def exchanged(self, now: float) -> None:
        """Nothing to forget."""

    def record(self, stream: str, now: float) -> None:
        """Not counted."""

    def refused(self, stream: str, reason: str) -> None:
        """Not counted."""

    def event(self, event: Event, forecast: Forecast, now: float) -> None:
        """Not looked at."""

    def outcome(self, outcome: Outcome, now: float, faults: int) -> None:
        """Not looked at."""

    def never(self, times: int, now: float) -> None:
        """Not counted."""


class Recorder(Shard):
    """A shard without monitors and without a digest that takes note of what it steps."""

    def __init__(self, pipeline: Pipeline, index: int, state: State) -> None:
        super().__init__(pipeline, index, state)
        state.watch = Mute()
        self.awake = False
        self.arrivals: list[Arrival] = []
        self.known: list[Known] = []
        self.refusals: list[Refusal] = []

    def steps(self, records: Sequence[Record]) -> list[Output]:
        """Take records without what follows from them: nothing is published and nobody is called."""
        for record, read in zip(records, self._read(records), strict=True):
            self._note(self.take(record, read))
        return []

    def _predict(self, event: Event, arrival: float) -> Prediction | None:
        prediction = super()._predict(event, arrival)
        entry = None if prediction is None else self.state.learner.ledger.entry(prediction.id)
        if self.awake and entry is not None:
            values, now = entry.features | entry.context, self.state.clock.now / 1000
            self.arrivals.append(Arrival(event.id, now, event.time, values, event.filled, event.source))
        return prediction

    def _note(self, taken: Taken) -> None:
        if not self.awake:
            return
        for outcome in (*taken.expired, *filter(None, [taken.outcome])):
            self.known.append(self._known(outcome, taken.now))
        if isinstance(taken.read, Rejection):
            stream = "events" if taken.record.topic == self.pipeline.topic("events") else "labels"
            self.refusals.append(Refusal(taken.now, stream, taken.read.reason, taken.read.detail))

    def _known(self, outcome: Outcome, now: float) -> Known:
        task, forecast, truth = self.state.learner.task, outcome.forecasts[0], outcome.truth
        decided: Any = task.decide(forecast)
        wrong = abs(decided - truth) if task.name == "regression" else float(decided != truth)
        delay = None if outcome.defaulted else outcome.time - outcome.event_time
        return Known(
            outcome.id,
            now,
            outcome.event_time,
            outcome.values,
            forecast,
            truth,
            outcome.bounded,
            task.cost(forecast, truth),
            wrong,
            delay,
            outcome.source,
        )


def record(
    history: History,
    past: Past,
    window: Window,
    until: float = inf,
    heard: Callable[[int, int], None] = lambda batch, last: None,
) -> Recording:
    """Step the journal from ``past`` through the window. Raises Gap, StepFailed, and what the log raises.

    It ends with the batch that reaches ``until`` (stream time, s). The model is copied right before the
    batch that holds the onset. ``past`` is used up. ``heard`` is told after each batch how far it is.
    """
    recorder = Recorder(history.pipeline, history.index, past.shard.state)
    past = Past(recorder, past.positions)
    times: dict[int, float] = {}
    counts: dict[int, int] = {}
    model: Any = None
    stops = [stop for stop in (window.first - 1, window.onset - 1) if stop > past.batch]
    for stop in [*dict.fromkeys(stops), window.last]:
        recorder.awake = past.batch >= window.first - 1
        if past.batch >= window.onset - 1 and model is None:
            model = copy.deepcopy(recorder.state.learner.model)
        for row, _ in history.walk(past, stop):
            times[row.number] = recorder.state.clock.now / 1000
            counts[row.number] = recorder.state.events
            heard(row.number, window.last)
            if times[row.number] >= until:
                break
    if model is None:
        model = copy.deepcopy(recorder.state.learner.model)
    return Recording(
        recorder.arrivals,
        recorder.known,
        recorder.refusals,
        times,
        counts,
        model,
        recorder.state,
    )


def inputs(history: History, window: Window) -> Recording:
    """What can be read in a window without a model: events and refusals, no outcomes. Raises Gap."""
    contract, events = contract_of(history.pipeline), history.pipeline.topic("events")
    found = Recording([], [], [], {}, {}, None, None)
    now, so_far = 0.0, 0
    for row, records in history.read(window.first - 1, window.last):
        for one in records:
            now = max(now, one.timestamp / 1000)
            if one.topic != events or one.value is None:
                continue
            so_far += 1
            event = contract.event(one)
            if isinstance(event, Rejection):
                found.refusals.append(Refusal(now, "events", event.reason, event.detail))
            else:
                values = event.features | event.context
                found.arrivals.append(Arrival(event.id, now, event.time, values, event.filled, event.source))
        found.times[row.number], found.counts[row.number] = now, so_far
    return found
