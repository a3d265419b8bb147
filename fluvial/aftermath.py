"""Aftermath: what follows once the learner is done with a record: monitors, outputs, the digest.

Nothing of it reaches the learner. So a shard learns from a run of records and sees to their aftermath
then, in the same order: what is done to one record after another stays in the processor's caches.
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic_core import to_json

from consumers.event import Event, Label, Rejection
from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.fingerprint import contract_version, model_version
from fluvial.output import Curve, Output, Published, Raised
from fluvial.state import State
from learners.prediction import Outcome, Prediction
from monitors.alarm import Alarm


class Taken(NamedTuple):
    """What a shard read in a record and what its learner made of it.

    ``now`` is stream time in seconds, 0 while the very first record is in doubt. ``expired`` came of
    events whose horizon had passed by then, ``in_vain`` counts those without a label, ``outcome`` is
    of the event that the record labels.
    """

    record: Record
    now: float
    read: Event | Label | Rejection | None
    prediction: Prediction | None = None
    outcome: Outcome | None = None
    expired: Sequence[Outcome] = ()
    in_vain: int = 0


class Aftermath:
    """Lets the monitors of a shard see what was taken, and makes its outputs.

    ``private`` says that nothing undeclared of a record may be shown, nor its key.
    """

    def __init__(self, pipeline: Pipeline, index: int, state: State, *, private: bool) -> None:
        self._name, self._index, self._state, self._private = pipeline.pipeline, index, state, private
        self._streams = {pipeline.topic(stream): stream for stream in ("events", "labels")}
        self._model, self._contract = model_version(pipeline), contract_version(pipeline)

    def of(self, taken: Taken, outputs: list[Output]) -> None:
        """See to the aftermath of one record; what comes out of it is added to ``outputs``."""
        record, now, read, prediction, outcome, expired, in_vain = taken
        watch = self._state.watch
        if in_vain:
            for one in expired:
                self._came_of(one, now, outputs)
            watch.never(in_vain, now)
        if read is not None:
            if now > 0:
                watch.record(self._streams[record.topic], now)
            if type(read) is Rejection:
                self._refused(read, record, now, outputs)
            if prediction is not None:
                self._predicted(prediction, record, outputs)
                if now > 0:
                    watch.event(read, prediction.forecast, now)  # type: ignore[arg-type]
            if outcome is not None:
                self._came_of(outcome, now, outputs)
        if watch.alarmed:
            outputs += [self._raised(alarm) for alarm in watch.drain()]

    def published(self, prediction: Prediction, record: Record) -> Published:
        """A prediction as the model that is there now has it published; changes nothing."""
        learner = self._state.learner
        shown: dict[str, Any] = {
            "id": prediction.id,
            "time": prediction.time,
            **learner.task.show(prediction.forecast),
            "model": f"{self._model}.{learner.version}",
            "contract": self._contract,
            "shard": self._index,
            "source": address(record),
        }
        return Published("predictions", record.key, to_json(shown), record.timestamp, record.partition)

    def _predicted(self, prediction: Prediction, record: Record, outputs: list[Output]) -> None:
        packed = self._state.learner.task.pack(prediction.forecast)
        self._mix(b"P%b\0%b" % (prediction.id.encode("utf-8", "surrogatepass"), packed))
        outputs.append(self.published(prediction, record))

    def _came_of(self, outcome: Outcome, now: float, outputs: list[Output]) -> None:
        watch = self._state.watch
        if now > 0:
            watch.outcome(outcome, now, outcome.faults)
        if outcome.point is not None:
            levels = {name: level for name, (_, level) in watch.standings.items()}
            outputs.append(Curve(outcome.point, levels))

    def _raised(self, alarm: Alarm) -> Raised:
        state = self._state
        state.alarms += 1
        key = (alarm.monitor, alarm.direction)
        state.drifts[key] = state.drifts.get(key, 0) + 1
        numbers = struct.pack(">dddd", alarm.time, alarm.onset, alarm.before, alarm.after)
        self._mix(b"A" + alarm.monitor.encode() + b"\0" + alarm.direction.encode() + b"\0" + numbers)
        named = f"{self._name}/{self._index}/{state.alarms}/{state.digest.hex()}"
        return Raised(hashlib.sha256(named.encode()).hexdigest()[:12], alarm)

    def _refused(self, why: Rejection, record: Record, now: float, outputs: list[Output]) -> None:
        state, stream = self._state, self._streams[record.topic]
        if now > 0:
            state.watch.refused(stream, why.reason)
        key = (stream, why.reason)
        state.quarantined[key] = state.quarantined.get(key, 0) + 1
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
        name = None if self._private else record.key
        outputs.append(Published("quarantine", name, to_json(shown), record.timestamp, record.partition))

    def _mix(self, what: bytes) -> None:
        self._state.digest = hashlib.sha256(self._state.digest + what).digest()


def address(record: Record) -> str:
    """Where a record stands in its log."""
    return f"{record.topic}:{record.partition}:{record.offset}"
