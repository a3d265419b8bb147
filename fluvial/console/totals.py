"""Totals: the statuses of a pipeline's shards as one; sums where sums are right, else means."""

from collections.abc import Iterable, Mapping, Sequence
from math import isclose
from typing import Any

from fluvial.console.models import Accounting, Goal, MetricRow, Refusals, Slice
from learners.scoreboard import CHAMPION
from learners.scoring import BETTER
from monitors.status import FATES, OUTCOMES

Status = Mapping[str, Any]
"""What :meth:`monitors.status.ShardStatus.as_json` wrote."""

Scores = dict[str, dict[str, float | None]]


def accounting(statuses: Sequence[Status]) -> Accounting:
    """Where every event and every label is."""
    parts = {name: sum(s["outcomes"].get(name, 0) for s in statuses) for name in OUTCOMES}
    fates = {name: sum(s["fates"].get(name, 0) for s in statuses) for name in FATES}
    names = ("events", "labels", "waiting", "early", "defaulted", "ignored")
    sums = {name: sum(s[name] for s in statuses) for name in names}
    return Accounting(
        **parts,
        **sums,
        fates=fates,
        balanced=sums["events"] == sum(parts.values()) + sums["waiting"],
        labels_balanced=sums["labels"] == sum(fates.values()) + sums["early"],
    )


def quarantine(statuses: Sequence[Status]) -> list[Refusals]:
    """Refused records by reason, the most frequent first."""
    found: dict[str, int] = {}
    for status in statuses:
        for key, n in status["quarantined"].items():
            found[key] = found.get(key, 0) + n
    rows = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [Refusals(stream=key.partition("/")[0], reason=key.partition("/")[2], count=n) for key, n in rows]


def success(statuses: Sequence[Status]) -> Goal | None:
    """The goal as the worst shard sees it: missed before too early before met."""
    found = [s["success"] for s in statuses if s["success"]]
    if not found:
        return None
    worst = min(found, key=lambda one: ("missed", "too early", "met").index(one["status"]))
    met = sum(one["status"] == "met" for one in found)
    return Goal(**worst, met_on=met, shards=len(found))


def scores(statuses: Sequence[Status], which: str) -> list[MetricRow]:
    """The model's metrics beside the baselines'; ``which`` is "scores" or "recent_scores"."""
    pooled = _pooled(statuses, which)
    model = pooled.pop(CHAMPION, {})
    return [_row(name, value, {b: pooled[b].get(name) for b in pooled}) for name, value in model.items()]


def _pooled(statuses: Sequence[Status], which: str) -> Scores:
    weights = [s["outcomes"]["learned"] + s["outcomes"]["predict_only"] for s in statuses]
    names = {(p, m): None for s in statuses for p, metrics in s[which].items() for m in metrics}
    pooled: Scores = {}
    for predictor, name in names:
        values = [s[which].get(predictor, {}).get(name) for s in statuses]
        pooled.setdefault(predictor, {})[name] = _mean(zip(values, weights, strict=True))
    return pooled


def _mean(parts: Iterable[tuple[float | None, int]]) -> float | None:
    """Mean of what is defined, weighted by outcomes; exact for one shard and for mean losses."""
    defined = [(value, max(1, n)) for value, n in parts if value is not None]
    if len(defined) == 1:
        return defined[0][0]
    return sum(value * n for value, n in defined) / sum(n for _, n in defined) if defined else None


def _row(name: str, model: float | None, baselines: dict[str, float | None]) -> MetricRow:
    better = BETTER.get(name)
    known = {b: value for b, value in baselines.items() if value is not None}
    best = None
    if better is not None and known:
        best = max(known, key=lambda b: known[b] if better == "up" else -known[b])
    verdict = None
    if best is not None and model is not None:
        ahead = model - known[best] if better == "up" else known[best] - model
        verdict = "equal" if isclose(model, known[best], rel_tol=1e-9) else "better" if ahead > 0 else "worse"
    return MetricRow(metric=name, better=better, model=model, baselines=baselines, best=best, verdict=verdict)


def slices(statuses: Sequence[Status]) -> list[Slice]:
    """The model by field and value, the most frequent value of each field first."""
    parts: dict[tuple[str, str], list[dict[str, float | None]]] = {}
    for status in statuses:
        for field, values in status["slices"].items():
            for value, metrics in values.items():
                parts.setdefault((field, value), []).append(metrics)
    rows = [_slice(field, value, found) for (field, value), found in parts.items()]
    fields = list(dict.fromkeys(row.field for row in rows))
    return sorted(rows, key=lambda row: (fields.index(row.field), -row.n, row.value))


def _slice(field: str, value: str, parts: Sequence[dict[str, float | None]]) -> Slice:
    counts = [int(part.get("n") or 0) for part in parts]
    names = [name for name in parts[0] if name != "n"]
    metrics = {name: _mean(zip((p.get(name) for p in parts), counts, strict=True)) for name in names}
    return Slice(field=field, value=value, n=sum(counts), metrics=metrics)
