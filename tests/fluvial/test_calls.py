"""Calls: an alert opens one incident that people can have, and closes it when it is over."""

from __future__ import annotations

import pytest

from fluvial.calls import ABOUT_INCIDENTS, OVER, Call, Calls
from fluvial.incidents import ALERT, Incident, Incidents
from fluvial.reviews import Action, Request, register, review
from fluvial.store import Store

LABELS = {"alertname": "FluvialQuarantineShare", "pipeline": "coins", "severity": "ticket"}
SINCE = 1_700_000_000.0


@pytest.fixture
def calls(store: Store) -> Calls:
    register(store, "coins", 2, {})
    return Calls(store)


def call(*, over: bool = False, at: float = SINCE, **labels: str) -> Call:
    return Call(LABELS | labels, "A tenth of the records cannot be read.", at, over)


def only(store: Store) -> Incident:
    (found,) = Incidents(store).listing()
    return Incidents(store).get(found.id)


def decide(store: Store, action: Action) -> None:
    review(store, Request(action=action, incident=only(store).id, who="ann"), "cli")


def test_an_alert_opens_an_incident_that_says_what_it_said(calls: Calls, store: Store) -> None:
    assert calls.take_in(call(shard="1")) == "opened"
    found = only(store)
    assert (found.pipeline, found.shard, found.state) == ("coins", 1, "firing")
    assert found.monitor == f"{ALERT}FluvialQuarantineShare"
    assert found.evidence[0]["why"] == "A tenth of the records cannot be read."
    assert found.evidence[0]["labels"] == LABELS | {"shard": "1"}


def test_being_told_again_changes_nothing(calls: Calls, store: Store) -> None:
    calls.take_in(call())
    before = only(store)
    assert calls.take_in(call()) == "known"
    assert calls.take_in(call(at=SINCE + 60)) == "known"  # it went on while Alertmanager was started anew
    assert only(store) == before


def test_an_alert_that_is_over_closes_its_incident_and_no_other(calls: Calls, store: Store) -> None:
    calls.take_in(call())
    assert calls.take_in(call(over=True, shard="1")) == "known"
    assert only(store).state == "firing"
    assert calls.take_in(call(over=True)) == "closed"
    assert (only(store).state, only(store).verdict) == ("resolved", OVER)
    assert calls.take_in(call(over=True)) == "known"


def test_an_alert_that_comes_back_is_a_new_incident(calls: Calls, store: Store) -> None:
    calls.take_in(call())
    calls.take_in(call(over=True))
    assert calls.take_in(call(at=SINCE + 3600)) == "opened"
    assert sorted(one.state for one in Incidents(store).listing()) == ["firing", "resolved"]


def test_what_a_person_resolved_is_not_opened_again_while_the_alert_goes_on(
    calls: Calls, store: Store
) -> None:
    calls.take_in(call())
    decide(store, "resolve")
    assert calls.take_in(call()) == "known"
    assert only(store).resolved_by == "ann"


def test_somebody_can_have_it(calls: Calls, store: Store) -> None:
    calls.take_in(call())
    decide(store, "acknowledge")
    assert only(store).acknowledged_by == "ann"


@pytest.mark.parametrize("name", sorted(ABOUT_INCIDENTS))
def test_an_alert_about_what_a_worker_has_opened_opens_nothing(calls: Calls, store: Store, name: str) -> None:
    assert calls.take_in(call(alertname=name)) == "known"
    assert calls.take_in(call(incident="0f1e2d3c4b5a")) == "known"
    assert Incidents(store).listing() == []


@pytest.mark.parametrize("pipeline", ["", "unheard-of", "coins\n", "'"])
def test_an_alert_about_no_pipeline_of_ours_opens_nothing(calls: Calls, store: Store, pipeline: str) -> None:
    assert calls.take_in(call(pipeline=pipeline)) == "no pipeline"
    assert Incidents(store).listing() == []


@pytest.mark.parametrize("shard", ["", "-1", "9" * 40, "x", "٣"])
def test_a_shard_that_is_none_is_the_first(calls: Calls, store: Store, shard: str) -> None:
    calls.take_in(call(shard=shard))
    assert only(store).shard == (3 if shard == "٣" else 0)


def test_it_is_no_open_incident_of_a_worker(calls: Calls, store: Store) -> None:
    # an alert about it would call about itself for ever
    calls.take_in(call())
    assert Incidents(store).still_open("coins", 10) == []
    assert Incidents(store).counts("coins")["firing"] == 1
