"""Grouping: one drift is one incident, whoever reports it, and what explains it stands beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import inf, nan
from typing import Any

import pytest

from fluvial.grouping import GROUP, MOST, NEAR
from fluvial.incidents import Incident, Incidents
from fluvial.reviews import Request, register, review
from fluvial.store import Store
from monitors.alarm import Alarm
from tests.fluvial.racing import race

DAY = 86400.0
NOON = 1_700_000_000.0


@pytest.fixture
def incidents(store: Store) -> Incidents:
    for pipeline in ("coins", "dice"):
        register(store, pipeline, 2, {})
    return Incidents(store)


def page(days: float, monitor: str = "loss", *, lasted: float = 0.0, **said: Any) -> Alarm:
    """An alarm that calls, so many days after noon, about what began ``lasted`` days before it."""
    time = NOON + days * DAY
    told = {"direction": "worse", "before": 0.1, "after": 0.4} | said
    return Alarm(monitor, time=time, onset=time - lasted * DAY, n=1000, n_before=500, n_after=500, **told)


def info(days: float, monitor: str = "field:x", **said: Any) -> Alarm:
    """A signal that calls nobody."""
    return page(days, monitor, **({"severity": "info", "direction": "changed"} | said))


def record(incidents: Incidents, *alarms: Alarm, shard: int = 0, start: int = 0) -> None:
    """Record alarms, named after their order."""
    named = [(f"a{number}", alarm) for number, alarm in enumerate(alarms, start)]
    incidents.record("coins", shard, named)


def held(incidents: Incidents) -> dict[str, list[str]]:
    """The monitors in the evidence of each incident."""
    return {
        one.id: [said["monitor"] for said in incidents.get(one.id).evidence] for one in incidents.listing()
    }


def only(incidents: Incidents) -> Incident:
    """The one incident there is."""
    (found,) = incidents.listing()
    return found


def test_one_drift_is_one_incident_whichever_monitors_slices_and_shards_report_it(
    incidents: Incidents,
) -> None:
    record(incidents, page(0), page(0.1, "loss:town", part="town=York"), page(2, "labels:truth"))
    record(incidents, page(0.5), page(1, "feed:silence"), shard=1, start=3)
    found = only(incidents)
    assert (found.id, found.monitor, found.shard, found.alarms) == ("a0", "loss", 0, 5)


def test_what_began_within_the_drift_belongs_to_it_however_late_it_was_seen(incidents: Incidents) -> None:
    record(incidents, page(0), page(60, "estimated_loss", lasted=55))
    assert only(incidents).alarms == 2
    record(incidents, page(61, "labels:delay", lasted=0), page(90, "loss:town", lasted=1), start=2)
    assert held(incidents) == {"a0": ["loss", "estimated_loss", "labels:delay"], "a3": ["loss:town"]}


def test_a_drift_that_took_long_to_be_seen_takes_in_what_was_seen_meanwhile(incidents: Incidents) -> None:
    record(incidents, page(40, lasted=35))
    record(incidents, page(8, "labels:delay"), shard=1, start=1)
    assert only(incidents).alarms == 2


def test_between_two_drifts_an_alarm_belongs_to_the_one_of_its_own_monitor(incidents: Incidents) -> None:
    record(incidents, page(0), page(8, "labels:truth"), page(6), info(5, "loss", direction="better"))
    assert held(incidents) == {"a0": ["loss", "loss", "loss"], "a1": ["labels:truth"]}
    record(incidents, page(6, "feed:silence"), start=4)
    assert held(incidents)["a1"] == ["feed:silence", "labels:truth"], "the newest where neither is its own"


def test_drifts_that_are_further_apart_than_a_week_are_two(incidents: Incidents) -> None:
    record(incidents, page(0), page(7.01, "labels:truth"))
    assert len(incidents.listing()) == 2
    assert GROUP == 7 * DAY


@pytest.mark.parametrize(
    "alarm",
    [
        info(0),
        info(0, "loss", direction="worse"),
        info(0, direction="better"),
        page(0, direction="better"),
        page(0, phase="eased"),
        page(0, phase="recovered"),
    ],
    ids=str,
)
def test_what_calls_nobody_opens_nothing_and_is_filed(incidents: Incidents, alarm: Alarm) -> None:
    record(incidents, alarm)
    assert incidents.listing() == []
    record(incidents, page(1, direction="changed"), page(1.5, phase="worse"), start=1)
    assert only(incidents).alarms == 2


def test_a_signal_near_an_open_incident_stands_beside_it_and_makes_it_no_larger(incidents: Incidents) -> None:
    record(incidents, page(0), info(1), info(1.9, "prediction"), info(2.1, "confidence"))
    found = only(incidents)
    assert (found.alarms, found.last_time) == (1, NOON)
    assert held(incidents) == {"a0": ["loss", "field:x", "prediction"]}
    assert NEAR == 2 * DAY


def test_signals_from_before_the_drift_was_seen_are_found(incidents: Incidents) -> None:
    record(incidents, info(-9), info(-3, "field:early"), info(-1, "field:y"), page(0, lasted=1.5))
    assert held(incidents) == {"a3": ["field:early", "field:y", "loss"]}
    record(incidents, page(6, "loss:town"), start=4)
    assert only(incidents).alarms == 2


def test_an_alarm_that_joins_brings_the_signals_around_itself(incidents: Incidents) -> None:
    record(incidents, page(0), info(5, "field:late"), page(6, "loss:town"))
    assert held(incidents) == {"a0": ["loss", "field:late", "loss:town"]}


def test_what_went_back_before_a_drift_explains_nothing(incidents: Incidents) -> None:
    before = info(-0.4, direction="better"), info(-0.3, phase="recovered"), info(-0.2, phase="eased")
    record(incidents, *before, page(0))
    assert held(incidents) == {"a3": ["loss"]}


def test_signals_of_another_pipeline_stay_with_it(incidents: Incidents) -> None:
    incidents.record("dice", 0, [("d0", info(0))])
    record(incidents, page(0))
    assert held(incidents) == {"a0": ["loss"]}


def test_a_signal_that_was_told_before_is_news_of_the_incident_once(incidents: Incidents) -> None:
    record(incidents, page(0))
    incidents.announced(incidents.unannounced("coins"))
    for _ in range(3):
        record(incidents, info(1), start=1)
    (due,) = incidents.unannounced("coins")
    assert [said["monitor"] for said in due.evidence] == ["loss", "field:x"]
    assert due.version == 2


def test_what_became_of_a_change_belongs_to_it_however_long_it_took(incidents: Incidents) -> None:
    record(incidents, page(0), page(20, "labels:truth"))
    record(
        incidents, page(50, phase="worse"), info(80, "loss", phase="recovered", direction="better"), start=2
    )
    assert held(incidents) == {"a0": ["loss", "loss", "loss"], "a1": ["labels:truth"]}
    assert incidents.get("a0").phase == "recovered"
    assert incidents.get("a1").phase == "first"


def test_an_incident_eased_when_everything_that_called_has(incidents: Incidents) -> None:
    york = {"monitor": "loss:town", "part": "town=York"}
    over = {"direction": "better", "phase": "recovered"}
    record(incidents, page(0), page(0.5, **york), info(1, "loss", **over), info(1.5))
    assert (only(incidents).phase, only(incidents).eased) == ("first", False)
    record(incidents, info(2, direction="better", phase="eased", **york), start=4)
    assert (only(incidents).phase, only(incidents).eased) == ("eased", True)
    record(incidents, info(2.5, **york, **over), start=5)
    assert only(incidents).phase == "recovered"
    record(incidents, page(3, phase="worse"), start=6)
    assert (only(incidents).phase, only(incidents).alarms) == ("worse", 3)


def test_a_flood_of_signals_is_filed_and_not_all_held_beside_the_incident(incidents: Incidents) -> None:
    before = [info(-n / 1000, f"field:{n}") for n in range(MOST)]
    record(incidents, *before, page(0), *[info(n / 1000, f"field:{n}") for n in range(MOST)])
    assert len(only(incidents).evidence) == MOST + 1


def test_after_a_decision_a_new_drift_is_a_new_incident(incidents: Incidents, store: Store) -> None:
    record(incidents, page(0))
    review(store, Request(action="resolve", incident="a0", who="ann"), "cli")
    record(incidents, page(0.5, "loss:town"), page(1, phase="worse"), start=1)
    assert held(incidents) == {"a0": ["loss"], "a1": ["loss:town", "loss"]}


def test_a_shard_that_stands_still_is_an_incident_of_its_own(incidents: Incidents) -> None:
    incidents.stands_still("coins", 0, "the disk is gone")
    record(incidents, page(0), info(0.1))
    assert sorted(held(incidents).values()) == [["halt"], ["loss", "field:x"]]


def test_the_newest_cause_that_called_is_the_likely_one(incidents: Incidents) -> None:
    record(
        incidents,
        page(0, cause="world", because="Nothing else moved."),
        page(1, "loss:town", cause="feed", because="Events stopped."),
        page(2, "labels:truth"),
        info(2.1, cause="schema", because="It calls nobody."),
    )
    told = only(incidents).told()
    assert (told["cause"], told["because"], told["severity"]) == ("feed", "Events stopped.", "page")


@pytest.mark.parametrize("undefined", [nan, inf, -inf])
def test_numbers_that_are_none_are_null_in_both_databases(incidents: Incidents, undefined: float) -> None:
    numbers = dict.fromkeys(("low", "high", "score", "needed", "before"), undefined)
    record(incidents, page(0, **numbers)._replace(onset=undefined))
    (said,) = only(incidents).evidence
    assert {name: said[name] for name in numbers} == dict.fromkeys(numbers)
    json.dumps(only(incidents).told(), allow_nan=False)
    record(incidents, page(1), start=1)
    assert only(incidents).alarms == 2


def test_hostile_parts_are_filed_in_both_databases(incidents: Incidents) -> None:
    parts = ["town=\0", "town=\ud800", "town=' OR 1=1 --", "town=\u202e", "x" * 10_000]
    record(incidents, *[page(n / 10, "loss:town", part=part) for n, part in enumerate(parts)])
    told = [said["part"] for said in only(incidents).evidence]
    assert told == ["town=\ufffd", "town=\ufffd", *parts[2:]]


def test_monitors_of_two_workers_that_speak_at_once_make_one_incident(incidents: Incidents) -> None:
    for n in range(20):
        alarms: Sequence[Alarm] = [page(n * 30, "loss"), page(n * 30, "labels:truth"), info(n * 30)]
        race(
            *[
                lambda n=n, i=i, alarm=alarm: incidents.record("coins", i % 2, [(f"{n} {i}", alarm)])
                for i, alarm in enumerate(alarms)
            ]
        )
    assert [found.alarms for found in incidents.listing()] == [2] * 20
    assert [len(found.evidence) for found in incidents.listing()] == [3] * 20
