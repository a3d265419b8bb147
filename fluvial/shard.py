"""Shard: everything learned from one stream of records, as a deterministic state machine.

``steps`` and ``decide`` do no I/O and read time only from records. The same journal replayed on any
machine, under any hash seed and in batches of any size gives the same digest: a rolling SHA-256
over every prediction (its IEEE bytes) and every alarm.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from consumers.contract import Contract
from consumers.event import Event, Label, Rejection
from consumers.record import Record
from fluvial.aftermath import Aftermath, Taken, address
from fluvial.config import Pipeline
from fluvial.decision import Decision, wants_model
from fluvial.output import Curve, Output, Published, Raised
from fluvial.state import State, fresh_state
from fluvial.summary import summary
from learners.prediction import Outcome, Prediction
from monitors.status import ShardStatus

__all__ = [
    "Curve",
    "Models",
    "Output",
    "Published",
    "Raised",
    "Shard",
    "State",
    "StepFailed",
    "batch_step",
    "contract_of",
    "no_models",
]

RUN = 64
"""Records that are read, learned from and told of together."""


Models = Callable[[Decision, int], Any]
"""Gives the model that a decision brings which is taken up after a batch."""


def no_models(decision: Decision, after: int) -> Any:
    """For who has no journal at hand. Raises LookupError."""
    raise LookupError(f"the model that {decision.action} wants after batch {after} is not at hand")


class Shard:
    """One shard of a pipeline: feed it records and decisions, collect what comes out.

    ``at`` is the record that it works on, None where it has none of a batch yet.
    """

    run = RUN

    def __init__(self, pipeline: Pipeline, index: int, state: State | None = None) -> None:
        self.pipeline, self.index = pipeline, index
        self.at: Record | None = None
        self.state = state or fresh_state(pipeline)
        self._contract = contract_of(pipeline)
        self._aftermath = Aftermath(pipeline, index, self.state, private=self._contract.private)
        self._readers: dict[str, Callable[[Record], Event | Label | Rejection]]
        self._events = pipeline.topic("events")
        self._readers = {self._events: self._contract.event}
        if pipeline.has_label_topic:
            self._readers[pipeline.topic("labels")] = self._contract.truth

    def step(self, record: Record) -> list[Output]:
        """Take one record of an input topic; total: nothing a record holds makes it raise."""
        return self.steps((record,))

    def steps(self, records: Sequence[Record]) -> list[Output]:
        """Take records of input topics, in order: the same as one step after the other, and faster."""
        outputs: list[Output] = []
        taken = [self.take(record, read) for record, read in zip(records, self._read(records), strict=True)]
        for one in taken:
            self.at = one.record
            self._aftermath.of(one, outputs)
        return outputs

    def _read(self, records: Sequence[Record]) -> list[Event | Label | Rejection | None]:
        """What the records say; None for a tombstone."""
        read: list[Event | Label | Rejection | None] = []
        for record in records:
            self.at = record
            read.append(None if record.value is None else self._readers[record.topic](record))
        return read

    def take(self, record: Record, read: Event | Label | Rejection | None) -> Taken:
        """Let the learner have one record by what it says; its aftermath is still to come."""
        self.at, state = record, self.state
        now, arrival = self._tell_time(record.timestamp)
        expired, in_vain = self._expire(now) if state.learner.ledger.due(now) else ((), 0)
        prediction = outcome = None
        if read is None:
            state.ignored += 1
        elif record.topic == self._events:
            state.events += 1
            if type(read) is Event:
                prediction = self._predict(read, arrival)
                outcome = None if prediction is None else self._learn_at_once(read, arrival)
        else:
            state.labels += 1
            if type(read) is Label:
                outcome = state.learner.label(read, arrival)
        return Taken(record, now, read, prediction, outcome, expired, in_vain)

    def _tell_time(self, timestamp: int) -> tuple[float, float]:
        """Stream time in seconds, and when the present record came: infinite while that is in doubt.

        What came at a doubted time before is dated on the way.
        """
        clock = self.state.clock
        before = clock.doubted
        clock.advance(timestamp)
        now = clock.now / 1000
        if before is not None:
            self.state.learner.ledger.date(min(before / 1000, now))
        return now, now if clock.doubted is None else inf

    def _expire(self, now: float) -> tuple[list[Outcome], int]:
        """Close what waited for too long: what came of it, and how many waited in vain."""
        learner = self.state.learner
        before = learner.ledger.counts["expired"] + learner.defaulted
        expired = list(learner.expire(now))
        return expired, learner.ledger.counts["expired"] + learner.defaulted - before

    def _predict(self, event: Event, arrival: float) -> Prediction | None:
        return self.state.learner.event(event, arrival)

    def _learn_at_once(self, event: Event, arrival: float) -> Outcome | None:
        """Learn where the event carried its truth, or its label came first."""
        if event.label is not None:
            self.state.labels += 1  # it counts as the label it brought
        label = self.state.learner.truth_at_hand(event)
        return None if label is None else self.state.learner.label(label, arrival)

    def decide(self, decision: Decision, model: Any = None) -> list[Output]:
        """Let a person's decision take effect; it holds from the next record on.

        ``model`` is the one that a rollback or an adoption brings.
        """
        learner, args = self.state.learner, decision.args
        if "failed" in args:
            return []  # the journal says that it had no effect, and why
        match decision.action:
            case "pause":
                learner.paused = True
            case "resume":
                learner.paused = False
            case "reset":
                self._exchange(None)
            case "rollback" | "adopt":
                self._exchange(model)
            case "reset_part":
                learner.renew(str(args["part"]))
                self.state.watch.exchanged(self.state.clock.now / 1000)
            case "exclude_source":
                learner.source = self.pipeline.source
                learner.excluded = tuple(sorted({*learner.excluded, str(args["source"])}))
            case "include_source":
                learner.excluded = tuple(one for one in learner.excluded if one != args["source"])
            case "set_budget":
                base = self.pipeline.monitor
                self.state.watch.retune((base.budget, base.smallest_change), args)
            case "keep_learning" | "resume_shard" | "accept_gap":
                pass  # the journal row alone is the effect
            case _:
                raise ValueError(f"no shard knows the action {decision.action!r}")
        return []

    def _exchange(self, model: Any | None) -> None:
        """Go on with another model, or with a fresh one; what the monitors knew of the old one is void."""
        self.state.learner.exchange(model)
        self.state.watch.exchanged(self.state.clock.now / 1000)

    def status(self) -> ShardStatus:
        """Count everything; costs milliseconds."""
        return summary(self.pipeline, self.index, self.state)


class StepFailed(Exception):
    """The model or the code around it failed on a journaled batch: this shard stands still."""


def batch_step(
    shard: Shard,
    number: int,
    decisions: list[Decision],
    records: list[Record],
    *,
    models: Models = no_models,
    alive: Callable[[], None] = lambda: None,
) -> list[Output]:
    """Step one journaled batch: its decisions first, in order, then its records.

    ``alive`` is called now and then: a slow model must not pass for a worker that hangs. Raises
    StepFailed. It would fail again in every replay, so the caller halts the shard and a
    person decides: a worker that crashes over it would take the other shards down, one after another.
    """
    skips = any(decision.action == "accept_gap" for decision in decisions)
    if number != shard.state.batch + 1 and not (skips and number > shard.state.batch):
        raise AssertionError(f"batch {number} does not follow batch {shard.state.batch}")
    # Outside the frame below: a log or a store that is away is no failure of the model.
    wanted = {d.id: models(d, shard.state.batch) for d in decisions if wants_model(d)}
    outputs: list[Output] = []
    shard.at = None
    try:
        for decision in decisions:
            outputs += shard.decide(decision, wanted.get(decision.id))
        for n in range(0, len(records), shard.run):
            alive()
            outputs += shard.steps(records[n : n + shard.run])
    except Exception as error:  # whatever a River model can raise: this frame is the shard's outermost
        at = "its decisions" if shard.at is None else address(shard.at)
        raise StepFailed(f"batch {number}, at {at}: {type(error).__name__}: {error}") from error
    shard.state.batch = number
    return outputs


def contract_of(pipeline: Pipeline) -> Contract:
    """The contract that a pipeline file declares."""
    return Contract(
        pipeline.fields,
        pipeline.label,
        id_field=pipeline.id,
        time_field=pipeline.time,
        source_field=pipeline.source,
    )
