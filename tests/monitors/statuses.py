"""Shard statuses made by hand: a stream that goes well for a while and then does not."""

from __future__ import annotations

from math import nan

from learners.scoring import Delays
from monitors.status import FATES, OUTCOMES, ShardStatus, Success

START = 1_388_534_400.0
MONITORS = ("loss", "loss:origin", "estimated_loss", "field:distance", "confidence", "feed:silence")
BASELINES = ("base_rate", "last_class", "rolling_rate")


def status_at(step: int, *, pipeline: str = "flights", shard: int = 0) -> ShardStatus:
    """What a shard says after `step` batches of a hundred events; balanced, and every part in use."""
    events = 100 * step
    refused = step // 2
    outcomes = {
        "learned": 80 * step,
        "predict_only": step,
        "expired": 2 * step,
        "quarantined": refused,
        "duplicates": step,
    }
    fates = dict(zip(FATES, (80 * step, step, step, step // 3, step // 4, step // 5), strict=True))
    return ShardStatus(
        pipeline=pipeline,
        shard=shard,
        batch=step,
        events=events,
        labels=sum(fates.values()) + 3,
        predictions=events - refused - step,
        waiting=events - sum(outcomes.values()),
        early=3,
        defaulted=step,
        ignored=step // 10,
        outcomes={name: outcomes[name] for name in OUTCOMES},
        fates=fates,
        quarantined={("events", "not_json"): refused, ("labels", "unknown_label"): step // 5},
        scores=scores(step),
        recent_scores=scores(step),
        slices={"origin": {"EWR": {"rocauc": 0.7}}},
        success=success(step),
        cost=40.0 * step,
        cost_unit="EUR",
        delays=delays(80 * step),
        monitors={name: (state(step), 0.2) for name in MONITORS},
        drifts={("loss", "worse"): step // 8, ("field:distance", "changed"): step // 5},
        estimate=(nan if step == 0 else 0.21, 0.01 if step > 3 else nan),
        paused=step % 10 == 9,
        watermark=START + 3600 * step if step else 0.0,
        model_version=1 + step // 20,
    )


def state(step: int) -> str:
    """Warming up, then quiet, at times suspicious or in alarm."""
    return "warming" if step < 3 else ("quiet", "quiet", "suspected", "alarm", "quiet")[step % 5]


def scores(step: int) -> dict[str, dict[str, float]]:
    """The model beside its baselines; undefined at the start."""
    good = (
        {"rocauc": 0.71, "brier": 0.16, "logloss": 0.48} if step else dict.fromkeys(("rocauc", "brier"), nan)
    )
    return {"model": good, **{name: {**good, "rocauc": 0.6 if step else nan} for name in BASELINES}}


def success(step: int) -> Success:
    """Too early, then met, then missed."""
    verdict = "too early" if step < 3 else "met" if step < 8 else "missed"
    return Success("rocauc", "at least", 0.7, nan if step == 0 else 0.71 if step < 8 else 0.6, verdict)


def delays(n: int) -> tuple[tuple[float, ...], tuple[int, ...], float]:
    """All labels came after two hours."""
    counted = Delays()
    counted.add(7200)
    at = counted.counts.index(1)
    return Delays.BOUNDS, tuple(n if i == at else 0 for i in range(len(Delays.BOUNDS) + 1)), 7200.0 * n
