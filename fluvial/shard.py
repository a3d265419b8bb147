"""Shard: everything learned from one stream of records, as a deterministic state machine.

``step`` and ``decide`` do no I/O and read time only from records. The same journal replayed on any
machine, under any hash seed and in batches of any size gives the same digest: a rolling SHA-256
over every prediction (its IEEE bytes) and every alarm.
"""

import hashlib
import struct
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

from pydantic_core import to_json

from consumers.contract import Contract
from consumers.event import Label, Rejection
from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.decision import Decision, wants_model
from fluvial.fingerprint import contract_version, model_version
from fluvial.state import State, fresh_state
from fluvial.summary import summary
from learners.prediction import Outcome, Prediction
from learners.scoreboard import Point
from monitors.alarm import Alarm
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


class Published(NamedTuple):
    """Bytes for the topic that plays ``role`` (predictions, quarantine), keyed and placed as their source.

    What is quarantined has no key where a field is private: the key may hold it.
    """

    role: str
    key: bytes | None
    value: bytes
    timestamp: int
    partition: int


class Raised(NamedTuple):
    """An alarm with the id that it gets in every replay."""

    id: str
    alarm: Alarm


class Curve(NamedTuple):
    """A point of the quality curve, with the monitors' estimates at that moment."""

    point: Point
    estimates: dict[str, float]


Output = Published | Raised | Curve


Models = Callable[[Decision, int], Any]
"""Gives the model that a decision brings which is taken up after a batch."""


def no_models(decision: Decision, after: int) -> Any:
    """For who has no journal at hand. Raises LookupError."""
    raise LookupError(f"the model that {decision.action} wants after batch {after} is not at hand")


class Shard:
    """One shard of a pipeline: feed it records and decisions, collect what comes out."""

    def __init__(self, pipeline: Pipeline, index: int, state: State | None = None) -> None:
        self.pipeline, self.index = pipeline, index
        self._now = 0.0  # of the present record in stream time, seconds; 0 while the very first is in doubt
        self.state = state or fresh_state(pipeline)
        self._contract = contract_of(pipeline)
        self._versions = {"model": model_version(pipeline), "contract": contract_version(pipeline)}
        events, labels = pipeline.topic("events"), pipeline.topic("labels")
        self._handlers: dict[str, Callable[[Record, list[Output]], None]] = {events: self._event}
        if pipeline.has_label_topic:
            self._handlers[labels] = self._label

    def step(self, record: Record) -> list[Output]:
        """Take one record of an input topic; total: nothing a record holds makes it raise."""
        outputs: list[Output] = []
        self._now = self._tell_time(record.timestamp)
        self._expire(self._now, outputs)
        if record.value is None:
            self.state.ignored += 1
        else:
            self._handlers[record.topic](record, outputs)
        if self.state.watch.alarmed:
            outputs += [self._raise(alarm) for alarm in self.state.watch.drain()]
        return outputs

    def _expire(self, now: float, outputs: list[Output]) -> None:
        """Close what waited for too long."""
        learner = self.state.learner
        if not learner.ledger.due(now):
            return
        before = learner.ledger.counts["expired"] + learner.defaulted
        for outcome in learner.expire(now):
            self._watch(outcome, outputs)
        in_vain = learner.ledger.counts["expired"] + learner.defaulted - before
        if in_vain:
            self.state.watch.never(in_vain, now)

    def _tell_time(self, timestamp: int) -> float:
        """Stream time in seconds; what came at a doubted time before is dated on the way."""
        clock = self.state.clock
        doubted = clock.doubted
        clock.advance(timestamp)
        if doubted is not None:
            self.state.learner.ledger.date(min(doubted, clock.now) / 1000)
        return clock.now / 1000

    @property
    def _arrival(self) -> float:
        """When the present record came, in seconds of stream time; infinite while that is in doubt."""
        return self._now if self.state.clock.doubted is None else inf

    def _came(self, stream: str) -> None:
        if self._now > 0:
            self.state.watch.record(stream, self._now)

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
            case "keep_learning" | "resume_shard" | "accept_gap":
                pass  # the journal row alone is the effect
            case _:
                raise ValueError(f"no shard knows the action {decision.action!r}")
        return []

    def _exchange(self, model: Any | None) -> None:
        """Go on with another model, or with a fresh one; what the monitors knew of the old one is void."""
        self.state.learner.exchange(model)
        self.state.watch.exchanged(self.state.clock.now / 1000)

    def _event(self, record: Record, outputs: list[Output]) -> None:
        self.state.events += 1
        self._came("events")
        event = self._contract.event(record)
        if isinstance(event, Rejection):
            self._quarantine("events", record, event, outputs)
            return
        prediction = self.state.learner.event(event, self._arrival)
        if prediction is None:
            return
        self._predicted(prediction, record, outputs)
        if self._now > 0:
            self.state.watch.event(event, prediction.forecast, self._now)
        if event.label is not None:
            self.state.labels += 1  # the event carried its truth: it counts as the label it brought
        if (label := self.state.learner.truth_at_hand(event)) is not None:
            self._learn(label, outputs)

    def _learn(self, label: Label, outputs: list[Output]) -> None:
        if (outcome := self.state.learner.label(label, self._arrival)) is not None:
            self._watch(outcome, outputs)

    def _label(self, record: Record, outputs: list[Output]) -> None:
        self.state.labels += 1
        self._came("labels")
        label = self._contract.truth(record)
        if isinstance(label, Rejection):
            self._quarantine("labels", record, label, outputs)
            return
        self._learn(label, outputs)

    def _predicted(self, prediction: Prediction, record: Record, outputs: list[Output]) -> None:
        packed = self.state.learner.task.pack(prediction.forecast)
        self._mix(b"P" + prediction.id.encode("utf-8", "surrogatepass") + b"\0" + packed)
        shown = {
            "id": prediction.id,
            "time": prediction.time,
            **self.state.learner.task.show(prediction.forecast),
            "model": f"{self._versions['model']}.{self.state.learner.version}",
            "contract": self._versions["contract"],
            "shard": self.index,
            "source": f"{record.topic}:{record.partition}:{record.offset}",
        }
        outputs.append(
            Published("predictions", record.key, to_json(shown), record.timestamp, record.partition)
        )

    def _watch(self, outcome: Outcome, outputs: list[Output]) -> None:
        watch = self.state.watch
        if self._now > 0:
            watch.outcome(outcome, self._now, self.state.learner.task.faults)
        if outcome.point is not None:
            levels = {name: level for name, (_, level) in watch.standings.items()}
            outputs.append(Curve(outcome.point, levels))

    def _raise(self, alarm: Alarm) -> Raised:
        self.state.alarms += 1
        key = (alarm.monitor, alarm.direction)
        self.state.drifts[key] = self.state.drifts.get(key, 0) + 1
        numbers = struct.pack(">dddd", alarm.time, alarm.onset, alarm.before, alarm.after)
        self._mix(b"A" + alarm.monitor.encode() + b"\0" + alarm.direction.encode() + b"\0" + numbers)
        named = f"{self.pipeline.pipeline}/{self.index}/{self.state.alarms}/{self.state.digest.hex()}"
        return Raised(hashlib.sha256(named.encode()).hexdigest()[:12], alarm)

    def _quarantine(self, stream: str, record: Record, why: Rejection, outputs: list[Output]) -> None:
        if self._now > 0:
            self.state.watch.refused(stream, why.reason)
        key = (stream, why.reason)
        self.state.quarantined[key] = self.state.quarantined.get(key, 0) + 1
        shown = {
            "stream": stream,
            "reason": why.reason,
            "detail": why.detail,
            "view": why.view,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
        }
        name = None if self._contract.private else record.key
        outputs.append(Published("quarantine", name, to_json(shown), record.timestamp, record.partition))

    def _mix(self, what: bytes) -> None:
        self.state.digest = hashlib.sha256(self.state.digest + what).digest()

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
    at = "its decisions"
    try:
        for decision in decisions:
            outputs += shard.decide(decision, wanted.get(decision.id))
        for n, record in enumerate(records):
            if n % 64 == 0:
                alive()
            at = f"{record.topic}:{record.partition}:{record.offset}"
            outputs += shard.step(record)
    except Exception as error:  # whatever a River model can raise: this frame is the shard's outermost
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
