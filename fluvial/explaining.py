"""Explaining: a published prediction made again from the state right before it, and what became of it."""

from collections.abc import Callable
from typing import NamedTuple

from consumers.event import Event, Label, Rejection, Truth, Value
from consumers.record import Record
from fluvial.ablation import Contribution, ablate
from fluvial.aftermath import Taken
from fluvial.config import Pipeline
from fluvial.copies import copy_of
from fluvial.earlier import NotHere, pipeline_of
from fluvial.errors import Gap
from fluvial.fingerprint import contract_version, definition, model_version
from fluvial.found import Found
from fluvial.history import History, Past
from fluvial.inforce import InForce, in_force
from fluvial.journal import Batch
from fluvial.place import Place
from fluvial.said import Address
from fluvial.shard import Shard, batch_step, contract_of
from fluvial.state import State
from learners.ledger import Waiting
from learners.prediction import Outcome, Prediction
from learners.scoring import Forecast

BEFORE, ROWS = 1_000, 200
"""Events before it that say what is typical, and the rows in which they are looked for."""

Progress = Callable[[int, int], None]


class Moment(NamedTuple):
    """One prediction as it was made again: its bytes, what the ledger keeps of it, the state by then."""

    value: bytes
    entry: Waiting
    state: State


class Fate(NamedTuple):
    """What became of it: learned, predict_only, expired or waiting; ``delay`` and ``time`` in seconds.

    ``truth`` came with a label, or, where ``defaulted``, because none had come within the horizon.
    """

    what: str
    batch: int
    truth: Truth | None = None
    time: float | None = None
    delay: float | None = None
    defaulted: bool = False
    loss: float | None = None


class Explanation(NamedTuple):
    """Everything about one prediction. ``same`` says that it was made again bit for bit.

    ``definition`` is the one that stepped the batch; ``instead`` says why another one had to make it
    again. ``start`` is the batch of the snapshot that the replay began with, 0 without.
    """

    found: Found
    batch: int
    definition: str
    instead: str | None
    start: int
    again: bytes
    same: bool
    forecast: Forecast
    pipeline: Pipeline
    state: State
    context: dict[str, Value]
    contributions: list[Contribution]
    decisions: InForce
    fate: Fate


class Probe(Shard):
    """A shard that takes note of one prediction on its way, and of what becomes of it."""

    run = 1  # so that the state at that moment is as if nothing came after

    def __init__(self, pipeline: Pipeline, index: int, state: State, source: Address) -> None:
        super().__init__(pipeline, index, state)
        self._source = source
        self.moment: Moment | None = None
        self.outcome: Outcome | None = None

    def take(self, record: Record, read: Event | Label | Rejection | None) -> Taken:
        """Let the learner have one record, and see whether it settles what became of the prediction."""
        taken = super().take(record, read)
        if self.moment is not None and self.outcome is None:
            settled = [*taken.expired, *([taken.outcome] if taken.outcome else [])]
            self.outcome = next((one for one in settled if one.id == self.moment.entry.id), None)
        return taken

    def _predict(self, event: Event, arrival: float) -> Prediction | None:
        prediction, record = super()._predict(event, arrival), self.at
        if prediction is None or record is None:
            return prediction
        if (record.topic, record.partition, record.offset) == (*self._source.tp, self._source.offset):
            entry = self.state.learner.ledger.entry(prediction.id)
            if entry is not None:
                said = self._aftermath.published(prediction, record)
                self.moment = Moment(said.value, entry, copy_of(self.state))
        return prediction


def explain(place: Place, found: Found, *, progress: Progress = lambda batch, last: None) -> Explanation:
    """Make a published prediction again and take it apart. Raises Gap, StepFailed."""
    index = int(found.shown["shard"])
    row, following = _row(place, index, found.source)
    pipeline, instead = _maker(place, found, row, following)
    place = place._replace(pipeline=pipeline)
    history = History(place, index)
    if any(void.holds(row.number) for void in history.voids()):
        raise Gap(f"its batch {row.number} was given up when a gap was accepted")
    past = history.start(row.number - 1)
    start = past.batch
    probe = Probe(pipeline, index, past.shard.state, found.source)
    past = Past(probe, past.positions)
    last, _ = place.journal.reached(index)
    for before, _ in history.walk(past, row.number - 1):
        progress(before.number, row.number)
    for one, records in history.read(past.batch, row.number):
        batch_step(probe, one.number, one.decisions, records, models=history.model_for)
        past.moved(one)
    if probe.moment is None:
        raise Gap(f"{found.source} is in batch {row.number}, and a replay of it predicts nothing there")
    return Explanation(
        found,
        row.number,
        row.definition,
        instead,
        start,
        probe.moment.value,
        probe.moment.value == found.record.value,
        probe.moment.entry.forecasts[0],
        pipeline,
        probe.moment.state,
        probe.moment.entry.context,
        _contributions(place, history, probe.moment, row.number),
        in_force(place.journal, index, row.number),
        _fate(history, past, probe, lambda batch: progress(batch, last)),
    )


def _row(place: Place, shard: int, source: Address) -> tuple[Batch, Batch | None]:
    """The newest row that holds an event, and the one after it. Raises Gap."""
    last, _ = place.journal.reached(shard)
    following: Batch | None = None
    for until in range(last, 0, -500):
        for row in reversed(place.journal.batches(shard, max(0, until - 500), until)):
            done = row.ranges.get(source.tp)
            if done is not None and done.start <= source.offset < done.end:
                return row, following
            following = row
    raise Gap(f"no batch in the journal of shard {shard} holds {source}")


def _maker(place: Place, found: Found, row: Batch, following: Batch | None) -> tuple[Pipeline, str | None]:
    """The pipeline that made a prediction, or ours with the reason why that one cannot run here.

    What was journaled right before an upgrade may have been predicted by the next definition.
    """
    made_by = str(found.shown.get("model")).partition(".")[0], found.shown.get("contract")
    ours, reason = definition(place.pipeline), None
    for name in dict.fromkeys([row.definition, following.definition if following else row.definition]):
        try:
            pipeline = place.pipeline if name == ours else pipeline_of(place.journal, name)
        except NotHere as why:
            reason = reason or f"the definition {name} made it, and {why}"
            continue
        if (model_version(pipeline), contract_version(pipeline)) == made_by:
            return pipeline, None
    return place.pipeline, reason or f"nothing in the store makes predictions of model {made_by[0]}"


def _contributions(place: Place, history: History, moment: Moment, batch: int) -> list[Contribution]:
    learner = copy_of(moment.state).learner
    before = _features_before(place, history, batch)
    return ablate(history.pipeline, learner.task, learner.model, moment.entry.features, before)


def _features_before(place: Place, history: History, batch: int) -> list[dict[str, Value]]:
    """The features of the last events before a batch; none where their records are gone."""
    contract, events = contract_of(history.pipeline), history.pipeline.topic("events")
    rows = place.journal.batches(history.index, max(0, batch - 1 - ROWS), batch - 1)
    first, count = batch, 0
    while rows and count < BEFORE:
        row = rows.pop()
        first, count = row.number, count + sum(r.count for tp, r in row.ranges.items() if tp.topic == events)
    try:
        records = [record for _, some in history.read(first - 1, batch - 1) for record in some]
    except Gap:
        return []
    read = [contract.event(one) for one in records if one.topic == events and one.value is not None]
    return [event.features for event in read if not isinstance(event, Rejection)][-BEFORE:]


def _fate(history: History, past: Past, probe: Probe, progress: Callable[[int], None]) -> Fate:
    """Go on until the label has come, the horizon has passed, or the journal ends."""
    assert probe.moment is not None
    ledger, entry = probe.state.learner.ledger, probe.moment.entry
    if probe.outcome is None and ledger.entry(entry.id) is not None:
        for row, _ in history.walk(past):
            progress(row.number)
            if probe.outcome is not None or ledger.entry(entry.id) is None:
                break
    if (outcome := probe.outcome) is None:
        waits = ledger.entry(entry.id) is not None
        return Fate("waiting" if waits else "expired", past.batch)
    loss = probe.state.learner.task.loss(entry.forecasts[0], outcome.truth)
    what = "learned" if outcome.learned else "predict_only"
    delay = outcome.time - entry.time
    return Fate(what, past.batch, outcome.truth, outcome.time, delay, outcome.defaulted, loss)
