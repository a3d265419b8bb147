"""Card: everything that a person sees of one drift, in the order in which it is read; JSON carries it.

Times are event times in seconds since 1970 UTC unless they end in ``_at``; what comes from events is
hostile text, made visible here and escaped where it is shown.
"""

from typing import Literal

from pydantic import BaseModel, Field

from fluvial.card.moves import FieldMove, Refused
from fluvial.console.evidence import Text
from monitors.alarm import Cause


class Mean(BaseModel):
    """A mean over outcomes, with bounds that hold it with 95 % confidence."""

    n: int
    mean: float | None
    low: float | None = None
    high: float | None = None


class Measure(BaseModel):
    """One quantity on the two sides of the onset; ``low`` and ``high`` bound its change (95 %)."""

    name: Literal["loss", "wrong", "error", "cost"]
    before: Mean
    after: Mean
    lately: Mean = Field(description="the newest quarter of what came after the onset")
    change: float | None = None
    low: float | None = None
    high: float | None = None


class Cost(BaseModel):
    """What the change costs, in the unit of the pipeline file."""

    unit: Text
    per_hour: float | None = Field(description="more than before, at the rate of events after the onset")
    low: float | None
    high: float | None
    lately: float | None = Field(description="the same by the newest quarter of what came after the onset")
    so_far: float | None = Field(description="more than before, over the stretch after the onset")


class Volume(BaseModel):
    """How many events there are, and how many of them the change hits."""

    before_per_hour: float | None
    after_per_hour: float | None
    hit_per_hour: float | None = Field(description="events after the onset that belong to ``where``")
    hit_share: float | None
    where: Text = Field("", description="the segment that carries the change; empty: all events")


class Labels(BaseModel):
    """When the truth came (seconds after its event), how often, and what it said."""

    delay_before: float | None
    delay_after: float | None
    late_before: float | None = Field(description="nine of ten came within it")
    late_after: float | None
    distance: float | None = Field(description="Kolmogorov-Smirnov distance of the delays, 0 to 1")
    per_hour_before: float | None
    per_hour_after: float | None
    truth_before: float | None = Field(description="share of yes, or the mean; null for classes")
    truth_after: float | None


class Earlier(BaseModel):
    """An earlier incident of the pipeline, and what was decided about it."""

    id: Text
    monitor: Text
    state: Text
    verdict: Text | None
    who: Text | None
    reason: Text
    cause: Text
    opened_at: float
    onset: float | None


class Watching(BaseModel):
    """The monitor that called: its windows and means, what it was allowed, and how it did before."""

    monitor: Text
    part: Text
    shard: int = Field(0, description="whose monitor called first")
    n_before: int
    n_after: int
    before: float | None
    after: float | None
    low: float | None
    high: float | None
    score: float | None
    needed: float | None
    budget: float = Field(description="false alarms per 100,000 events over all monitors together")
    smallest_change: float
    seasons: list[float] = Field(description="periods in seconds whose rhythm is taken out first")
    took: float | None = Field(description="seconds from the onset to the alarm")
    outcomes: list[Earlier] = Field(description="the last five incidents of the same monitor, newest first")


class Segment(BaseModel):
    """The events that share a value, and what they contribute to the change of the mean loss.

    The contributions of all values of a field add up to the change. ``certain`` holds against chance
    over all segments that were compared.
    """

    field: Text
    value: Text
    n_before: int
    n_after: int
    before: float | None
    after: float | None
    share_before: float = Field(description="of the events")
    share_after: float
    within: float = Field(description="contribution because its own loss changed")
    mix: float = Field(description="contribution because it is more or less frequent")
    of_change: float = Field(description="its part of the whole change")
    certain: bool
    carries: bool = Field(description="it alone got worse, or far more than the others")
    source: bool = Field(description="the field says who sent the event or the label")


class Seen(BaseModel):
    """One real event as the model saw it; private values are masked."""

    id: Text
    time: float
    known: float = Field(description="when its truth was known")
    forecast: Text
    truth: Text
    loss: float
    values: dict[Text, Text]
    differs: list[Text] = Field([], description="the values that are unlike those of its pair")


class Pair(BaseModel):
    """An event after the onset that went wrong, and the most similar one before."""

    after: Seen
    before: Seen | None
    distance: float | None = Field(description="0: alike in everything, 1: in nothing (Gower)")


class Deploy(BaseModel):
    """Another definition took over: from which batch on, and what of it is new."""

    batch: int
    time: float | None
    definition: Text
    changed: list[Text]
    contract: bool = Field(description="what an event looks like changed as well")
    events_before_onset: int = Field(description="negative: it took over after the onset")


class Deed(BaseModel):
    """A decision that took effect near the onset."""

    batch: int
    time: float | None
    action: Text
    who: Text
    reason: Text
    events_before_onset: int


class Scenario(BaseModel):
    """An expected event of the world that somebody registered for this time."""

    name: Text
    who: Text
    since: float
    until: float


class Context(BaseModel):
    """What else happened at that time, and what is known of drifts like this one."""

    deploys: list[Deploy] = []
    decisions: list[Deed] = []
    scenarios: list[Scenario] = []


class Side(BaseModel):
    """One of the two stretches that are compared."""

    since: float | None
    until: float | None
    events: int
    outcomes: int
    sampled: int = Field(description="events of it whose fields were compared")


class OfShard(BaseModel):
    """One shard whose monitors called: the onset that they found, and its own mean loss around it."""

    shard: int
    onset: float
    n_before: int = Field(description="outcomes that were compared")
    n_after: int
    before: float | None = Field(description="mean loss")
    after: float | None
    events: int = Field(description="after the onset")
    compared: bool = Field(description="it has enough outcomes on both sides to be pooled with the others")


class Finding(BaseModel):
    """A likely cause and why, with how strongly the card speaks for it."""

    cause: Cause
    because: Text
    strength: float = Field(description="0 to 1; the strongest comes first")


class Card(BaseModel):
    """The evidence of one incident. ``missing`` says in sentences what could not be found out, and why.

    What is compared is compared over all ``shards`` that called, each around its own onset. What is about
    one model or one journal (how much the model leans on a field, deploys and decisions) is of ``shard``.
    """

    incident: Text
    pipeline: Text
    task: Text
    shard: int = Field(description="the shard with the most evidence")
    shards: list[OfShard] = []
    version: int = Field(description="version of the incident that was looked at")
    onset: float | None
    measures: list[Measure] = []
    cost: Cost | None = None
    volume: Volume | None = None
    labels: Labels | None = None
    watching: Watching | None = None
    fields: list[FieldMove] = []
    refused: list[Refused] = []
    segments: list[Segment] = []
    segments_compared: int = 0
    examples: list[Pair] = []
    context: Context = Context()
    before: Side | None = None
    after: Side | None = None
    by_arrival: bool = Field(True, description="fields are compared by arrival; else by arrival of the truth")
    model: Text = Field("", description="where the model of before comes from")
    told: Finding | None = Field(None, description="what the monitors' alarms say of the cause")
    findings: list[Finding] = Field([], description="likely causes, the strongest first")
    missing: list[Text] = []
