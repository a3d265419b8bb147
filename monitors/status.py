"""ShardStatus: everything countable about a shard at one moment between two batches."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

OUTCOMES = ("learned", "predict_only", "expired", "quarantined", "duplicates")
"""What can finally become of an event; one that is still ``waiting`` is none of these yet."""

FATES = ("used", "duplicate", "late", "corrected", "unmatched", "quarantined")
"""What can finally become of a label; one that is ``early`` (before its event) is none of these yet."""

MONITOR_STATES = ("warming", "quiet", "suspected", "alarm")
"""What a monitor can be in: it learns what is usual, sees nothing else, may see something, has seen it."""


@dataclass(frozen=True, slots=True)
class Success:
    """Whether the pipeline does what it is for: ``status`` is met, missed or too early."""

    metric: str
    goal: str
    level: float
    value: float
    status: str


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """The state of one shard as people and Prometheus see it.

    Always: ``events == sum(outcomes.values()) + waiting`` and
    ``labels == sum(fates.values()) + early``. ``defaulted`` counts outcomes whose truth was the
    default, ``ignored`` tombstones, ``faults`` the calls in which the model failed. ``scores`` maps
    predictor (model, baselines) to metric to value over everything, ``recent_scores`` over the last
    window; ``slices`` maps field to value to metric to value. ``monitors`` maps a monitor to its state and
    level, ``drifts`` a monitor and a direction to alarms. ``estimate`` is the mean loss that is expected
    of the newest predictions, in [0, 1], and the mean absolute error of such estimates so far; None
    where nothing is estimated, NaN for what is not known yet. ``parts`` are the steps of the model that can
    be reset one by one, None where nobody says. Times are event times in seconds since 1970 UTC.
    """

    pipeline: str
    shard: int
    batch: int = 0
    events: int = 0
    labels: int = 0
    predictions: int = 0
    waiting: int = 0
    early: int = 0
    defaulted: int = 0
    ignored: int = 0
    faults: int = 0
    outcomes: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    fates: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))
    quarantined: Mapping[tuple[str, str], int] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    recent_scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    slices: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    success: Success | None = None
    cost: float = 0.0
    cost_unit: str = ""
    delays: tuple[tuple[float, ...], tuple[int, ...], float] = ((), (), 0.0)
    monitors: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    drifts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    estimate: tuple[float, float] | None = None
    paused: bool = False
    watermark: float = 0.0
    digest: str = ""
    model_version: int = 1
    parts: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """The status as JSON can carry it: pairs become ``a/b`` keys, undefined numbers None."""
        shown = plain(asdict(self))
        assert isinstance(shown, dict)
        return shown

    @property
    def balanced(self) -> bool:
        """Whether every event and every label is accounted for exactly once."""
        return (
            self.events == sum(self.outcomes.values()) + self.waiting
            and self.labels == sum(self.fates.values()) + self.early
        )


def plain(value: object) -> object:
    """Return a value as JSON can carry it: pairs become ``a/b`` keys, undefined numbers None."""
    if isinstance(value, Mapping):
        return {"/".join(k) if isinstance(k, tuple) else str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return value
