"""What the console shows of evidence: an alarm of a monitor, a shard that stands still, an alert.

Times are event times unless it is said otherwise, in seconds since 1970 UTC.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from fluvial.console.phrases import visible
from fluvial.evidence import calls
from monitors.alarm import Cause, Direction, Phase, Severity

Text = Annotated[str, BeforeValidator(visible)]
"""Text that may come from events: nothing in it can hide or disguise the rest."""


class GivenUp(BaseModel):
    """What accepting a gap costs: what was learned after a batch, and offsets that are never read."""

    after: int = Field(description="the batch whose state can be rebuilt")
    batches: int = Field(description="batches that are forgotten")
    records: int = Field(description="records in them")
    skipped: dict[Text, tuple[int, int]] = Field(
        description="partition: where reading stood and where it goes on; lower where the log was cut back"
    )


class Evidence(BaseModel):
    """One alarm: means of the watched quantity before and after the onset, and how sure that is."""

    monitor: Text
    direction: Direction
    time: float
    onset: float | None
    n: int
    before: float | None
    after: float | None
    n_before: int
    n_after: int
    low: float | None = Field(None, description="the change is larger with 95 % confidence")
    high: float | None = Field(None, description="the change is smaller with 95 % confidence")
    score: float | None = Field(None, description="the evidence, in standard errors")
    needed: float | None = Field(None, description="the evidence that the budget of false alarms asks for")
    dependence: float | None = Field(1.0, description="so many observations count as one")
    season: float | None = Field(0.0, description="size of the daily or weekly rhythm that was taken out")
    phase: Phase = Field("first", description="a new change, or what became of one")
    part: Text = Field("", description="which part of what the monitor watches")
    severity: Severity = Field("page", description="page: it called somebody; info: it did not")
    cause: Cause = Field("", description="what is likely behind it; empty where nothing points anywhere")
    because: Text = Field("", description="why that cause")

    @property
    def called(self) -> bool:
        """Whether it called somebody."""
        return calls(self.model_dump())


class Signal(Evidence):
    """One alarm of a pipeline, whether or not it called anybody."""

    shard: int
    incident: Text | None = Field(description="the incident that it opened or stands beside")


class Standstill(BaseModel):
    """Why a shard stands still. The times are clock times."""

    monitor: Text
    direction: Literal["halted"]
    time: float
    onset: float
    why: Text
    retried: bool = Field(description="whether it is tried again every minute without anybody's decision")
    gives_up: GivenUp | None = Field(
        None, description="what accepting the gap would give up; null while a topic is missing"
    )


class Called(BaseModel):
    """What an alert said when Alertmanager told of it. The times are clock times."""

    monitor: Text
    direction: Literal["called"]
    time: float
    onset: float
    why: Text
    labels: dict[Text, Text] = Field(description="those of the alert: a silence asks for all of them")
