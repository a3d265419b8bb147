"""Metrics: one scrape is one moment, counters outlive the process."""

from __future__ import annotations

import threading
from dataclasses import replace
from math import inf, nan

import pytest
from prometheus_client import CollectorRegistry

from consumers.event import REASONS
from fluvial.incidents import STATES as INCIDENT_STATES
from fluvial.reviews import ACTIONS
from monitors.alarm import DIRECTIONS
from monitors.metrics import Metrics, OpenIncident
from monitors.series import MOST_INCIDENTS
from monitors.status import FATES, MONITOR_STATES, OUTCOMES, ShardStatus
from tests.monitors.scrape import Scrape
from tests.monitors.statuses import status_at

FLIGHTS = {"pipeline": "flights", "shard": "0"}


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of this test's own."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    """Metrics on it."""
    return Metrics(registry)


def test_nothing_is_shown_of_a_shard_before_its_first_status(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    assert Scrape(registry).samples == []


def test_the_statuses_of_these_tests_are_balanced() -> None:
    assert all(status_at(step).balanced for step in range(100))


def test_a_fresh_shard_shows_every_label_value_at_zero(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.publish(replace(ShardStatus("flights", 0), monitors={"loss": ("warming", 0.0)}))
    scrape = Scrape(registry)
    assert scrape.values("fluvial_outcomes_total", "outcome") == dict.fromkeys(OUTCOMES, 0)
    assert scrape.values("fluvial_label_fates_total", "fate") == dict.fromkeys(FATES, 0)
    assert scrape.values("fluvial_drift_detected_total", "direction") == dict.fromkeys(DIRECTIONS, 0)
    assert set(scrape.values("fluvial_monitor_state", "state")) == set(MONITOR_STATES)
    for stream in ("events", "labels"):
        reasons = scrape.values("fluvial_quarantined_total", "reason", stream=stream)
        assert reasons == dict.fromkeys(set(REASONS) - {"review_refused"}, 0)
    assert scrape.one("fluvial_fenced_writes_total") == 0
    assert scrape.one("fluvial_recovery_duration_seconds_count") == 0


def test_events_and_labels_are_accounted_for_in_every_scrape(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.publish(status_at(0))
    metrics.publish(status_at(0, shard=1))
    done = threading.Event()

    def publish() -> None:
        for step in range(1, 400):
            metrics.publish(status_at(step))
            metrics.publish(status_at(2 * step, shard=1))
        done.set()

    thread = threading.Thread(target=publish)
    thread.start()
    scrapes = 0
    while not done.is_set() or not scrapes:
        scrape = Scrape(registry)
        scrapes += 1
        for shard in "01":
            settled = scrape.sum("fluvial_outcomes_total", shard=shard)
            waiting = scrape.sum("fluvial_waiting_labels", shard=shard)
            assert scrape.one("fluvial_events_total", shard=shard) == settled + waiting
            fates = scrape.sum("fluvial_label_fates_total", shard=shard)
            assert scrape.one("fluvial_labels_total", shard=shard) == fates + scrape.sum(
                "fluvial_early_labels", shard=shard
            )
    thread.join()


def test_quarantine_by_reason_adds_up_to_the_outcome(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.publish(status_at(10))
    scrape = Scrape(registry)
    refused = scrape.sum("fluvial_quarantined_total", stream="events")
    assert refused == scrape.one("fluvial_outcomes_total", outcome="quarantined") == 5


def test_counters_go_on_after_a_restart_where_the_state_went_on(registry: CollectorRegistry) -> None:
    Metrics(registry).publish(status_at(5))
    restarted = CollectorRegistry()
    Metrics(restarted).publish(status_at(6))
    for name in ("fluvial_events_total", "fluvial_predictions_total", "fluvial_cost_total"):
        before, after = Scrape(registry).one(name), Scrape(restarted).one(name)
        assert before is not None
        assert after is not None
        assert after > before > 0


def test_what_is_undefined_is_absent_and_not_nan(registry: CollectorRegistry, metrics: Metrics) -> None:
    status = status_at(4)
    odd = {"model": {"rocauc": nan, "brier": inf, "logloss": 0.5}}
    metrics.publish(replace(status, scores=odd, recent_scores={}, monitors={"loss": ("quiet", nan)}))
    scrape = Scrape(registry)
    assert scrape.values("fluvial_score", "metric") == {"logloss": 0.5}
    assert scrape.one("fluvial_monitor_estimate") is None
    assert scrape.one("fluvial_monitor_state", state="quiet") == 1


@pytest.mark.parametrize(("step", "met"), [(1, None), (5, 1), (9, 0)])
def test_success_is_met_or_missed_or_not_said_yet(
    registry: CollectorRegistry, metrics: Metrics, step: int, met: int | None
) -> None:
    metrics.publish(status_at(step))
    goal = {"metric": "rocauc", "goal": "at_least"}
    assert Scrape(registry).one("fluvial_success_met", **goal) == met
    assert Scrape(registry).one("fluvial_success_level", **goal) == 0.7


def test_a_pipeline_without_a_goal_says_nothing_of_success(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.publish(replace(status_at(5), success=None))
    assert [s.name for s in Scrape(registry).samples if "success" in s.name] == []


def test_scores_of_model_and_baselines_stand_side_by_side(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.publish(status_at(5))
    for window in ("all", "recent"):
        shown = Scrape(registry).values("fluvial_score", "predictor", metric="rocauc", window=window)
        assert shown == {"model": 0.71, "base_rate": 0.6, "last_class": 0.6, "rolling_rate": 0.6}


def test_label_delays_become_a_cumulative_histogram(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.publish(replace(status_at(1), delays=((1, 60), (3, 2, 1), 99.0)))
    scrape = Scrape(registry)
    assert scrape.values("fluvial_label_delay_seconds_bucket", "le") == {"1.0": 3, "60.0": 5, "+Inf": 6}
    assert scrape.one("fluvial_label_delay_seconds_count") == 6
    assert scrape.one("fluvial_label_delay_seconds_sum") == 99


def test_a_lost_shard_shows_no_state_but_what_this_worker_did(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.publish(status_at(3))
    metrics.publish(status_at(3, shard=1))
    metrics.halted("flights", 0, True)
    metrics.fenced("flights", 0)
    metrics.drop("flights", 0)
    scrape = Scrape(registry)
    assert scrape.values("fluvial_shard_owned", "shard") == {"0": 0, "1": 1}
    assert scrape.values("fluvial_events_total", "shard") == {"1": 300}
    assert scrape.one("fluvial_fenced_writes_total", **FLIGHTS) == 1
    assert scrape.one("fluvial_shard_halted", **FLIGHTS) == 0


def test_a_shard_that_comes_back_is_shown_again(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.publish(status_at(3))
    metrics.drop("flights", 0)
    metrics.publish(status_at(7))
    assert Scrape(registry).one("fluvial_events_total") == 700
    assert Scrape(registry).one("fluvial_shard_owned") == 1


def test_dropping_what_was_never_here_is_harmless(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.drop("flights", 7)
    assert Scrape(registry).one("fluvial_shard_owned", shard="7") == 0


def test_a_shard_may_halt_before_it_ever_ran(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.halted("flights", 0, True)
    assert Scrape(registry).one("fluvial_shard_halted", **FLIGHTS) == 1
    assert Scrape(registry).one("fluvial_shard_owned", **FLIGHTS) == 0


def test_lag_covers_the_partitions_of_the_moment(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.lag("flights", {("flights.events", 0): 5, ("flights.events", 1): 7})
    metrics.lag("flights", {("flights.events", 1): 0})
    shown = Scrape(registry).values("fluvial_lag_records", "partition", topic="flights.events")
    assert shown == {"1": 0}


def test_the_desk_has_a_series_for_every_state_and_action(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.desk("flights", {"firing": 2}, {"pause": 3})
    scrape = Scrape(registry)
    zeros = dict.fromkeys(INCIDENT_STATES, 0)
    assert scrape.values("fluvial_incidents", "state") == zeros | {"firing": 2}
    assert scrape.values("fluvial_reviews_total", "action") == dict.fromkeys(ACTIONS, 0) | {"pause": 3}


def test_the_desk_is_not_shown_before_it_was_counted(registry: CollectorRegistry, metrics: Metrics) -> None:
    # a counter that stands at 0 and then at 17 would look like 17 reviews within a second
    metrics.publish(status_at(1))
    assert Scrape(registry).values("fluvial_reviews_total", "action") == {}


def test_batches_snapshots_and_recoveries_are_timed(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.batch("flights", 0, 100, 0.02)
    metrics.batch("flights", 0, 50, 0.5)
    metrics.snapshot("flights", 0, 0.3, 10_000, 1.0)
    metrics.snapshot("flights", 0, 0.3, 20_000, 2.0)
    metrics.recovery("flights", 0, 1000.0)
    scrape = Scrape(registry)
    assert scrape.one("fluvial_batch_duration_seconds_bucket", le="0.025") == 1
    assert scrape.one("fluvial_batch_duration_seconds_sum") == 0.52
    assert scrape.one("fluvial_batch_records_sum") == 150
    assert scrape.one("fluvial_snapshot_duration_seconds_count") == 2
    assert scrape.one("fluvial_snapshot_bytes") == 20_000
    assert scrape.one("fluvial_recovery_duration_seconds_bucket", le="300.0") == 0
    assert scrape.one("fluvial_recovery_duration_seconds_bucket", le="+Inf") == 1


def test_what_a_recovery_would_replay_is_what_came_after_the_state_that_was_stored(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.recovery("flights", 0, 1.0, replayed=70)
    metrics.publish(status_at(3))
    seen = [Scrape(registry).one("fluvial_unsaved_records")]
    metrics.batch("flights", 0, 100, 0.02)
    metrics.packed("flights", 0, 4_000)
    metrics.batch("flights", 0, 30, 0.02)  # while the saver is at it
    seen.append(Scrape(registry).one("fluvial_unsaved_records"))
    metrics.snapshot("flights", 0, 0.3, 1_000, 1_700_000_000.0)
    scrape = Scrape(registry)
    assert [*seen, scrape.one("fluvial_unsaved_records")] == [70, 200, 30]
    assert scrape.one("fluvial_state_bytes") == 4_000
    assert scrape.one("fluvial_snapshot_timestamp_seconds") == 1_700_000_000.0


def test_a_snapshot_that_fails_saves_nothing(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.publish(status_at(3))
    metrics.batch("flights", 0, 100, 0.02)
    metrics.packed("flights", 0, 4_000)
    metrics.batch("flights", 0, 100, 0.02)
    metrics.packed("flights", 0, 4_000)
    assert Scrape(registry).one("fluvial_unsaved_records") == 200
    metrics.snapshot("flights", 0, 0.3, 1_000, 1.0)
    assert Scrape(registry).one("fluvial_unsaved_records") == 0


def test_what_another_worker_packs_now_is_not_shown(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.publish(status_at(3))
    metrics.packed("flights", 0, 4_000)
    metrics.snapshot("flights", 0, 0.3, 1_000, 1.0)
    metrics.drop("flights", 0)
    names = {sample.name for sample in Scrape(registry).samples}
    assert "fluvial_shard_owned" in names
    assert names.isdisjoint(
        {"fluvial_unsaved_records", "fluvial_state_bytes", "fluvial_snapshot_timestamp_seconds"}
    )


@pytest.mark.parametrize("end", ["recovery", "drop"])
def test_a_shard_recovers_until_it_is_at_work_or_lost(
    registry: CollectorRegistry, metrics: Metrics, end: str
) -> None:
    metrics.recovering("flights", 0)
    assert Scrape(registry).one("fluvial_shard_recovering") == 1
    metrics.recovery("flights", 0, 1.0) if end == "recovery" else metrics.drop("flights", 0)
    assert Scrape(registry).one("fluvial_shard_recovering") == 0


def test_open_incidents_are_named_until_they_are_resolved(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.incidents("flights", [OpenIncident(0, "loss", "a1"), OpenIncident(0, "halt", "b2")])
    metrics.incidents("flights", [OpenIncident(0, "halt", "b2")])
    (found,) = Scrape(registry).of("fluvial_incident_open")
    assert found.labels == FLIGHTS | {"monitor": "halt", "incident": "b2"}


def test_only_so_many_incidents_are_named(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.incidents("flights", (OpenIncident(0, "loss", f"{n:x}") for n in range(10_000)))
    assert len(list(Scrape(registry).of("fluvial_incident_open"))) == MOST_INCIDENTS


def test_the_build_is_shown_with_its_three_versions_only(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    metrics.build({"version": "0.1.0", "river": "0.26.1", "python": "3.11.7", "host": "secret"})
    (sample,) = Scrape(registry).samples
    assert sample.labels == {"version": "0.1.0", "river": "0.26.1", "python": "3.11.7"}


def test_two_metrics_do_not_fit_on_one_registry(registry: CollectorRegistry, metrics: Metrics) -> None:
    with pytest.raises(ValueError, match="fluvial_"):
        Metrics(registry)


def test_two_registries_know_nothing_of_each_other(registry: CollectorRegistry, metrics: Metrics) -> None:
    other = CollectorRegistry()
    Metrics(other).publish(status_at(1))
    assert Scrape(registry).samples == []


def test_what_is_expected_where_labels_wait_is_shown_with_its_track_record() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    names = "fluvial_estimated_loss", "fluvial_estimated_loss_error"
    for estimate, shown in (
        (None, (None, None)),
        ((0.21, nan), (0.21, None)),
        ((0.21, 0.01), (0.21, 0.01)),
        ((nan, 0.01), (None, 0.01)),
    ):
        metrics.publish(replace(status_at(5), estimate=estimate))
        assert tuple(Scrape(registry).one(name) for name in names) == shown


@pytest.mark.parametrize("state", MONITOR_STATES)
def test_a_monitor_is_in_one_state_and_the_others_are_shown_at_zero(state: str) -> None:
    registry = CollectorRegistry()
    Metrics(registry).publish(replace(status_at(5), monitors={"loss": (state, 0.2)}))
    scrape = Scrape(registry)
    values = {known: scrape.one("fluvial_monitor_state", state=known) for known in MONITOR_STATES}
    assert values == dict.fromkeys(MONITOR_STATES, 0) | {state: 1}
