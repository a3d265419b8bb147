"""Messages: what stands in the topics of a pipeline, as shapes that other programs can be checked against.

The hot path writes these messages without the shapes; a test holds both against each other.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fluvial.console.evidence import Called, Evidence, Standstill
from fluvial.incident import State
from fluvial.lifecycle import Mark
from fluvial.review import Request
from monitors.alarm import Cause, Phase


class EventMessage(BaseModel):
    """Something that happened: a JSON object with the fields that the pipeline file declares.

    Other fields are ignored. A record without a value is ignored too.
    """

    model_config = ConfigDict(extra="allow")


class LabelMessage(BaseModel):
    """The truth about an event."""

    model_config = ConfigDict(extra="allow")

    id: str | int | float | bool = Field(description="the event's id, as it stands in the event")
    label: str | float | bool = Field(description="a number, true or false, or the name of a class")
    time: str | float | None = Field(
        None, description="when it became known: ISO 8601 or seconds; without it the record's timestamp"
    )
    source: str | None = Field(None, description="who says so")


class ReviewMessage(Request):
    """A person's decision, about an incident or a pipeline, signed with a key of theirs."""

    who: str = Field("", max_length=200, description="follows from the key, unless that is the store's")
    key: str = Field(description="the name of the key")
    nonce: str = Field(description="makes the message one of a kind: it is taken once")
    good_until: float = Field(description="seconds since 1970 UTC after which nobody takes it any more")
    id: str = Field(min_length=1, max_length=100, description="the same id changes nothing a second time")
    signature: str = Field(
        description="hex HMAC-SHA256 of the object without it, as JSON with sorted keys and no white space"
    )


class PredictionMessage(BaseModel):
    """What the model says of an event, before anybody knows the truth."""

    id: str = Field(description="the event's id")
    time: float = Field(description="the event's time")
    prediction: str | float | bool | None = Field(description="a class, a number, true or false")
    probability: float | None = Field(None, description="of true; binary tasks only")
    probabilities: dict[str, float] | None = Field(None, description="by class; multiclass tasks only")
    model: str = Field(description="fingerprint of the model and its number on the shard")
    contract: str = Field(description="fingerprint of the declared fields")
    shard: int
    source: str = Field(description="topic:partition:offset of the event")


class IncidentMessage(BaseModel):
    """An incident as it stands. Times ending in ``_at`` are clock times, others event times."""

    id: str
    pipeline: str
    shard: int = Field(description="that reported it first")
    monitor: str = Field(description="that reported it first; halt, or alert:NAME, where no monitor did")
    state: State
    severity: str
    phase: Phase | None
    cause: Cause | str = Field(description="what is likely behind it; empty where nothing points anywhere")
    because: str
    alarms_cause: Cause | str = Field(
        description="what the alarms said of it where the evidence card says otherwise; else empty"
    )
    alarms_because: str
    opened_at: float
    last_time: float
    alarms: int = Field(description="that called somebody")
    version: int = Field(description="rises with every change")
    acknowledged_by: str | None
    acknowledged_at: float | None
    resolved_by: str | None
    resolved_at: float | None
    verdict: str | None
    marks: list[Mark] = Field(description="what has to be seen beside the state")
    fires_at: float = Field(description="until then it is pending")
    escalates_at: float | None = Field(description="escalated from then on, if nobody has it")
    grew_at: float | None = Field(description="when it got worse last")
    snoozed_by: str | None
    snoozed_until: float | None
    fingerprint: str = Field(description="the same for drifts of the same kind")
    regressed_from: str | None = Field(description="the incident that was resolved before it came back")
    scenario: str | None = Field(description="the scenario in which it was expected")
    evidence: list[Annotated[Evidence | Standstill | Called, Field(discriminator="direction")]]


class QuarantineMessage(BaseModel):
    """A record that was refused."""

    stream: str = Field(description="events, labels or reviews")
    reason: str
    detail: str = Field(description="a sentence for a person")
    view: str | None = Field(None, description="how the record began, private fields and long values removed")
    topic: str
    partition: int
    offset: int
    timestamp: int = Field(description="milliseconds since 1970 UTC, as the log has it")
