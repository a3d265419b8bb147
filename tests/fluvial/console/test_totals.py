"""Several shards are told as one without inventing anything."""

from __future__ import annotations

from typing import Any

import pytest

from fluvial.console import totals
from monitors.status import ShardStatus, Success
from tests.fluvial.console.fleet import FLIGHTS_STATUS, demand_status

SHARDS = [demand_status(0, 7.0, "met").as_json(), demand_status(1, 10.0, "met").as_json()]


def test_one_shard_is_told_as_it_is() -> None:
    status = FLIGHTS_STATUS.as_json()
    found = {row.metric: row.model for row in totals.scores([status], "scores")}
    assert found == FLIGHTS_STATUS.scores["model"]
    assert totals.accounting([status]).model_dump()["fates"] == FLIGHTS_STATUS.fates


def test_counts_are_summed_and_metrics_weighted_by_outcomes() -> None:
    assert totals.accounting(SHARDS).learned == 3000
    (mae, *_) = totals.scores(SHARDS, "scores")
    assert mae.model == pytest.approx((7.0 * 1000 + 10.0 * 2000) / 3000)


def test_the_best_baseline_is_found_whichever_way_is_better() -> None:
    rows = {row.metric: row for row in totals.scores([FLIGHTS_STATUS.as_json()], "scores")}
    assert (rows["rocauc"].best, rows["rocauc"].verdict) == ("rolling_rate", "better")
    assert (rows["logloss"].best, rows["logloss"].verdict) == ("rolling_rate", "better")
    assert (rows["base_rate"].best, rows["base_rate"].verdict) == (None, None)
    (mae, _, r2) = totals.scores([demand_status(0, 9.4, "missed").as_json()], "scores")
    assert (mae.verdict, r2.verdict) == ("worse", "better")


def test_what_no_outcome_defines_is_no_number() -> None:
    scores: dict[str, Any] = {"model": {"rocauc": float("nan")}, "base_rate": {"rocauc": 0.5}}
    (row,) = totals.scores([ShardStatus("p", 0, scores=scores).as_json()], "scores")
    assert (row.model, row.verdict) == (None, None)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["met", "met"], "met"),
        (["met", "too early"], "too early"),
        (["too early", "missed", "met"], "missed"),
    ],
)
def test_of_several_shards_the_worst_tells_the_goal(found: list[str], told: str) -> None:
    statuses = [
        ShardStatus("p", shard, success=Success("mae", "at most", 8.0, 7.0, status)).as_json()
        for shard, status in enumerate(found)
    ]
    goal = totals.success(statuses)
    assert goal is not None
    assert (goal.status, goal.met_on, goal.shards) == (told, found.count("met"), len(found))


def test_no_shard_no_verdict() -> None:
    assert totals.success([]) is None
    assert totals.accounting([]).balanced
    assert totals.scores([], "scores") == []


def test_slices_of_shards_come_together_by_value() -> None:
    parts: list[dict[str, Any]] = [{"o": {"A": {"n": 1.0, "mae": 1.0}, "B": {"n": 9.0, "mae": 5.0}}}]
    parts.append({"o": {"A": {"n": 3.0, "mae": 3.0}}})
    rows = totals.slices([ShardStatus("p", i, slices=part).as_json() for i, part in enumerate(parts)])
    assert [(row.value, row.n, row.metrics["mae"]) for row in rows] == [("B", 9, 5.0), ("A", 4, 2.5)]
