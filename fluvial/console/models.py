"""What the console shows: the shapes behind the pages and of the API's answers.

Times ending in ``_at`` are clock times, the others event times; both in seconds since 1970 UTC.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fluvial.console.evidence import Called, Evidence, Standstill, Text
from fluvial.incidents import Mark, State
from fluvial.reviews import Action
from fluvial.wishes import Wishes
from monitors.alarm import Phase


class Problem(BaseModel):
    """Why a request was not answered, in a sentence that says what to do."""

    model_config = {"json_schema_extra": {"examples": [{"detail": "no incident has the id '0f1e'"}]}}

    detail: Text


class ConflictProblem(Problem):
    """Somebody else decided before."""

    model_config = {
        "json_schema_extra": {"examples": [{"detail": "Ana has acknowledged 0f1e2d3c4b5a", "who": "Ana"}]}
    }

    who: Text = Field(description="who was first")


class Health(BaseModel):
    """Whether the console can do its work."""

    status: Literal["ok"] = "ok"


class Goal(BaseModel):
    """Whether the pipeline is a success; of several shards the worst one speaks."""

    metric: Text
    goal: Literal["at least", "at most"]
    level: float
    value: float | None
    status: Literal["met", "missed", "too early"]
    met_on: int = Field(description="shards that meet the goal")
    shards: int = Field(description="shards that have reported")


class Tally(BaseModel):
    """How many incidents are in each state."""

    pending: int = 0
    firing: int = 0
    acknowledged: int = 0
    snoozed: int = 0
    resolved: int = 0

    @property
    def open(self) -> int:
        """Incidents that are not resolved."""
        return self.pending + self.firing + self.acknowledged + self.snoozed


class PipelineSummary(BaseModel):
    """One pipeline at a glance."""

    name: Text
    question: Text
    owner: Text
    task: Text
    events: int
    waiting: int
    has_goal: bool = Field(description="whether the pipeline file says what success is")
    success: Goal | None = Field(description="null: no goal, or no shard has reported")
    paused: bool = Field(description="what people asked for")
    paused_by: Text | None
    took_up: bool = Field(description="whether every shard has taken up a pause or its end")
    incidents: Tally
    halted: int = Field(description="shards that stand still until a person acts")
    shards: int
    watermark: float | None = Field(description="the newest event time seen")
    status_at: float | None = Field(description="when the shard that was silent longest last reported")


class Accounting(BaseModel):
    """What became of every event: the parts add up to ``events``, and of labels to ``labels``."""

    events: int = 0
    learned: int = 0
    predict_only: int = 0
    waiting: int = 0
    expired: int = 0
    quarantined: int = 0
    duplicates: int = 0
    balanced: bool = True
    defaulted: int = Field(0, description="learned from the default because no label came; part of learned")
    ignored: int = Field(0, description="records without a value; no events")
    labels: int = 0
    early: int = 0
    fates: dict[str, int] = {}
    labels_balanced: bool = True


class Refusals(BaseModel):
    """Records refused for one reason."""

    stream: Text
    reason: Text
    count: int


class MetricRow(BaseModel):
    """One metric of the model and of the naive baselines beside it."""

    metric: Text
    better: Literal["up", "down"] | None = Field(
        description="which way it gets better; null: it is no quality"
    )
    model: float | None
    baselines: dict[Text, float | None]
    best: Text | None = Field(description="the best baseline")
    verdict: Literal["better", "worse", "equal"] | None = Field(description="the model against the best one")


class Slice(BaseModel):
    """The model on the events that share one value of a field."""

    field: Text
    value: Text
    n: int
    metrics: dict[Text, float | None]


class MonitorRow(BaseModel):
    """One monitor over all shards; of several states the one that matters most speaks."""

    monitor: Text
    subject: Text = Field(description="what it watches, in words")
    state: Text = Field(description="warming, quiet, suspected or alarm")
    shards: dict[Text, int] = Field(description="state: shards in it")
    low: float | None = Field(description="the present level on the shard where it is lowest")
    high: float | None = Field(description="the present level on the shard where it is highest")
    alarms: dict[Text, int] = Field(description="direction: alarms so far")


class Estimate(BaseModel):
    """What the loss is expected to be where labels have not come; means over the shards."""

    loss: float | None = Field(description="0 to 1; compare with the level of the monitor loss")
    error: float | None = Field(description="how far such estimates were from what labels said later")


class ShardRow(BaseModel):
    """One shard: who runs it and how far it is."""

    shard: int
    epoch: int
    owner: Text
    batch: int
    halted: Text | None = Field(description="why it stands still")
    incident: Text | None = Field(description="the open incident that says so")
    paused: bool
    model_version: int
    monitors: dict[Text, Text] = Field(description="monitor: its state")
    watermark: float | None
    status_at: float | None


class ModelChoice(BaseModel):
    """A model that can be brought back: that of a batch whose snapshot is kept."""

    shard: int
    batch: int = Field(description="0: a model that has learned nothing")
    at: float = Field(description="when the snapshot was stored, a clock time")


class WatchingView(BaseModel):
    """By what monitors watch."""

    budget: float = Field(description="false alarms per 100,000 events over all monitors together")
    smallest_change: float


class WatchedView(WatchingView):
    """By what monitors watch, and what that means at the present rate."""

    daily_outcomes: float | None = Field(description="null: fewer than 2,000 outcomes of a shard are known")
    monthly_false_alarms: float | None = Field(description="to be expected by the budget; null as above")


class PipelineDetail(PipelineSummary):
    """Everything about one pipeline."""

    decision: Text
    model: Text
    window: int | None = Field(description="how many outcomes the goal and the recent scores cover")
    cost: float
    cost_unit: Text
    accounting: Accounting
    quarantine: list[Refusals]
    recent: list[MetricRow]
    scores: list[MetricRow]
    slices: list[Slice]
    monitors: list[MonitorRow] = Field(description="those that matter most first")
    watching: WatchedView | None = Field(None, description="by what all of them watch")
    estimate: Estimate | None = Field(description="null: nothing is estimated")
    shard_rows: list[ShardRow]
    models: list[ModelChoice] = Field(description="what a rollback can bring back")
    facts: dict[str, Any] = Field(description="what the pipeline file says: fields, recent, topics, goal")


class PointView(BaseModel):
    """One point of the quality curve: a thousand outcomes of one shard."""

    shard: int
    sequence: int
    time: float
    loss: dict[Text, float | None]
    recent: dict[Text, dict[Text, float | None]]
    waiting: int
    estimates: dict[Text, float | None]


class IncidentSummary(BaseModel):
    """One incident at a glance."""

    id: Text
    pipeline: Text
    shard: int
    monitor: Text
    state: State
    headline: Text
    opened_at: float
    last_time: float
    alarms: int = Field(description="alarms that called; the evidence may hold others")
    monitors: list[Text] = Field(description="those that called, the first of them first")
    severity: Text = Field(description="page; of an alert what it says itself")
    phase: Phase | None = Field(description="where the change stands; null where no monitor called")
    eased: bool = Field(description="everything that called has said since that it went down again")
    cause: Text = Field(description="what is likely behind it; empty where nothing points anywhere")
    because: Text = Field(description="why that cause, in a sentence")
    alarms_cause: Text = Field(
        description="what the alarms said of it where the evidence card says otherwise"
    )
    alarms_because: Text
    version: int
    acknowledged_by: Text | None
    acknowledged_at: float | None
    resolved_by: Text | None
    resolved_at: float | None
    verdict: Text | None
    marks: list[Mark] = Field(description="what stands beside the state: worse, escalated …")
    fires_at: float = Field(description="the end of the hold after the opening")
    escalates_at: float | None = Field(description="by when somebody should have it")
    grew_at: float | None = Field(description="when an alarm last called about it")
    snoozed_by: Text | None
    snoozed_until: float | None
    fingerprint: Text = Field(description="what is the same if it comes back")
    regressed_from: Text | None = Field(description="the incident that was resolved shortly before")
    scenario: Text | None = Field(description="the registered scenario that it falls into")


class Progress(BaseModel):
    """How far a decision has reached the learner."""

    shards: int = Field(description="shards that were told")
    taken_up: int = Field(description="shards that have taken it up")
    batch: int | None = Field(description="the first batch it held for")
    notes: list[Text] = Field([], description="what came of it, where that was not sure before")


class ReviewView(BaseModel):
    """A decision: who, when, why, and what it does."""

    id: Text
    pipeline: Text
    incident: Text | None
    action: Text
    who: Text
    channel: Text
    reason: Text
    effect: Text
    at: float
    time: float | None = Field(description="event time that the pipeline had come to")
    repeated: bool = False
    progress: Progress | None = Field(None, description="null where the learner has nothing to do")


class IncidentDetail(IncidentSummary):
    """Everything about one incident."""

    evidence: list[Annotated[Evidence | Standstill | Called, Field(discriminator="direction")]]
    reviews: list[ReviewView]
    actions: dict[Action, str] = Field(description="what can be decided now, with its effect")
    models: list[ModelChoice] = Field(description="what a rollback can bring back")
    paused: bool


class ReviewBody(Wishes):
    """A decision to be taken; ``id`` shows a repetition, ``version`` a change since you looked.

    ``who`` is for those who come with the console's own token; a user's name is known.
    ``shard`` and ``batch`` are for a rollback; ``shard`` also for a shard that stands still, where no
    incident says which it is. ``dry_run`` says what it would do and changes nothing.
    """

    model_config = {
        "extra": "forbid",
        "json_schema_extra": {
            "examples": [
                {
                    "action": "acknowledge",
                    "who": "Ana",
                    "reason": "Looking at the snow.",
                    "id": "r-1",
                    "version": 3,
                },
                {"action": "pause", "who": "Ana", "reason": "The labels look wrong."},
                {"action": "rollback", "who": "Ana", "reason": "Before the drift.", "shard": 0, "batch": 288},
            ]
        },
    }

    action: Action
    who: str = Field("", max_length=200)
    reason: str = Field("", max_length=2000)
    id: str | None = Field(None, min_length=1, max_length=100)
    version: int | None = None
    shard: int | None = None
    batch: int | None = None
    dry_run: bool = False


class Figure(BaseModel):
    """A chart as Plotly takes it, without the colours of the page."""

    data: list[dict[str, Any]]
    layout: dict[str, Any]
