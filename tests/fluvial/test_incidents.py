"""Incidents: alarms become what people decide on; nothing is opened twice and nothing gets lost."""

from typing import Any

import pytest

from fluvial.evidence import stored
from fluvial.fence import Fenced
from fluvial.grouping import GROUP
from fluvial.incidents import STATES, Incident, Incidents, NoSuchIncident
from fluvial.journal import Journal
from fluvial.reviews import Action, Request, register, review
from fluvial.store import Store
from monitors.alarm import Alarm
from tests.fluvial.racing import race, succeeded

DAY = 86400.0
NOON = 1_700_000_000.0


@pytest.fixture
def incidents(store: Store) -> Incidents:
    for pipeline in ("coins", "dice"):
        register(store, pipeline, 2, {})
    return Incidents(store)


def alarm(days: float = 0.0, *, direction: Any = "worse", monitor: str = "loss") -> Alarm:
    """An alarm so many days after noon."""
    time = NOON + days * DAY
    return Alarm(monitor, direction, time, time - 60, 1000, 0.1, 0.4, 500, 500)


def raised(incidents: Incidents, *alarms: tuple[str, Alarm], pipeline: str = "coins", shard: int = 0) -> None:
    incidents.record(pipeline, shard, alarms)


def decide(store: Store, action: Action, incident: str, who: str = "ann") -> None:
    review(store, Request(action=action, incident=incident, who=who), "cli")


def test_an_alarm_that_the_loss_got_worse_opens_an_incident_under_its_own_id(incidents: Incidents) -> None:
    raised(incidents, ("a1", alarm()), shard=1)
    found = incidents.get("a1")
    assert (found.id, found.pipeline, found.shard, found.monitor) == ("a1", "coins", 1, "loss")
    assert (found.state, found.alarms, found.version, found.last_time) == ("firing", 1, 1, NOON)
    assert found.evidence == [stored(alarm())]
    assert not found.eased


def test_an_alarm_that_is_republished_changes_nothing(incidents: Incidents) -> None:
    raised(incidents, ("a1", alarm()), ("a2", alarm(1)))
    before = incidents.get("a1")
    for _ in range(5):
        raised(incidents, ("a1", alarm()), ("a2", alarm(1)))
    assert incidents.get("a1") == before
    assert len(incidents.listing()) == 1


def test_alarms_of_one_week_belong_together_and_later_ones_are_another_incident(incidents: Incidents) -> None:
    raised(incidents, ("a1", alarm(0)), ("a2", alarm(6)), ("a3", alarm(12)), ("a4", alarm(20)))
    assert {found.id: found.alarms for found in incidents.listing()} == {"a1": 3, "a4": 1}
    assert GROUP == 7 * DAY


def test_an_alarm_that_comes_late_joins_the_incident_of_its_own_time(incidents: Incidents) -> None:
    raised(incidents, ("a1", alarm(0)), ("a2", alarm(6)), ("a3", alarm(12)))
    raised(incidents, ("late", alarm(1)), shard=1)
    raised(incidents, ("old", alarm(-30)), shard=1)
    assert {found.id: found.alarms for found in incidents.listing()} == {"a1": 4, "old": 1}
    found = incidents.get("a1")
    assert found.last_time == NOON + 12 * DAY, "a late alarm does not turn the clock back"
    assert [one["time"] for one in found.evidence] == [NOON + days * DAY for days in (0, 1, 6, 12)]


def test_pipelines_have_incidents_of_their_own(incidents: Incidents) -> None:
    raised(incidents, ("a1", alarm()))
    raised(incidents, ("a3", alarm()), pipeline="dice")
    assert {found.id for found in incidents.listing()} == {"a1", "a3"}
    assert [found.id for found in incidents.listing(pipeline="dice")] == ["a3"]


def test_good_news_opens_nothing_but_shows_that_an_incident_eased(incidents: Incidents) -> None:
    raised(incidents, ("a1", alarm(direction="better")))
    assert incidents.listing() == []
    raised(incidents, ("a2", alarm(1)), ("a3", alarm(2, direction="better")))
    found = incidents.get("a2")
    assert found.eased
    assert [one["direction"] for one in found.evidence] == ["worse", "better"]


def test_a_drift_after_the_incident_was_resolved_is_a_new_one(incidents: Incidents, store: Store) -> None:
    raised(incidents, ("a1", alarm()))
    decide(store, "resolve", "a1")
    raised(incidents, ("a2", alarm(1)))
    assert {found.id: found.state for found in incidents.listing()} == {"a1": "resolved", "a2": "firing"}


def test_the_state_follows_from_who_did_what(incidents: Incidents, store: Store) -> None:
    raised(incidents, ("a1", alarm()))
    states = [incidents.get("a1").state]
    for action in ("acknowledge", "keep_learning", "false_alarm"):
        decide(store, action, "a1")  # type: ignore[arg-type]
        states.append(incidents.get("a1").state)
    assert states == ["firing", "acknowledged", "acknowledged", "resolved"]
    assert incidents.get("a1").verdict == "false_alarm"


def test_counts_and_lists_agree_on_every_state(incidents: Incidents, store: Store) -> None:
    for n in range(6):
        raised(incidents, (f"a{n}", alarm(n * 30)))
    decide(store, "acknowledge", "a0")
    decide(store, "resolve", "a1")
    decide(store, "false_alarm", "a2")
    counted = {state: n for state, n in incidents.counts("coins").items() if n}
    assert counted == {"firing": 3, "acknowledged": 1, "resolved": 2}
    assert incidents.counts("dice") == dict.fromkeys(STATES, 0)
    for state in STATES:
        found = incidents.listing(pipeline="coins", state=state)
        assert all(one.state == state for one in found)
        assert len(found) == incidents.counts("coins")[state]


def test_a_long_list_comes_in_pages_the_newest_first(incidents: Incidents) -> None:
    for n in range(5):
        raised(incidents, (f"a{n}", alarm(n * 30)))
    pages = [[one.id for one in incidents.listing(limit=2, offset=offset)] for offset in (0, 2, 4, 6)]
    assert pages == [["a4", "a3"], ["a2", "a1"], ["a0"], []]


@pytest.mark.parametrize("unknown", ["", "a0", "a\0", "\udc80", "x" * 5000])
def test_an_id_that_nothing_has_is_unknown_whatever_it_looks_like(incidents: Incidents, unknown: str) -> None:
    with pytest.raises(NoSuchIncident, match="fluvial incidents"):
        incidents.get(unknown)


def test_a_change_is_announced_once_and_again_when_it_changed_meanwhile(
    incidents: Incidents, store: Store
) -> None:
    raised(incidents, ("a1", alarm()))
    read = incidents.unannounced("coins")
    assert [found.id for found in read] == ["a1"]
    decide(store, "acknowledge", "a1")
    incidents.announced(read)
    again = incidents.unannounced("coins")
    assert [found.state for found in again] == ["acknowledged"]
    incidents.announced(again)
    assert incidents.unannounced("coins") == []


def test_whoever_was_slow_to_announce_makes_the_newer_version_due_again(
    incidents: Incidents, store: Store
) -> None:
    raised(incidents, ("a1", alarm()))
    slow = incidents.unannounced("coins")
    decide(store, "acknowledge", "a1")
    incidents.announced(incidents.unannounced("coins"))
    incidents.announced(slow)
    assert [found.state for found in incidents.unannounced("coins")] == ["acknowledged"]


def test_one_drift_that_two_workers_see_at_once_is_one_incident(incidents: Incidents) -> None:
    for n in range(40):
        at = alarm(n * 30)
        race(
            lambda n=n, at=at: raised(incidents, (f"left {n}", at)),
            lambda n=n, at=at: raised(incidents, (f"right {n}", at), shard=1),
        )
    assert [found.alarms for found in incidents.listing()] == [2] * 40


def test_one_alarm_that_two_workers_report_at_once_is_one_alarm(incidents: Incidents) -> None:
    for n in range(40):
        outcomes = race(*[lambda n=n: raised(incidents, (f"a{n}", alarm(n * 30)))] * 2)
        assert outcomes == [None, None]
    assert [found.alarms for found in incidents.listing()] == [1] * 40


def test_no_change_of_an_incident_is_lost_between_a_worker_and_a_person(
    incidents: Incidents, store: Store
) -> None:
    raised(incidents, ("a0", alarm()))

    def work() -> int:
        for n in range(1, 31):
            raised(incidents, (f"a{n}", alarm(n / 100)))
        return 30

    def decide_often() -> int:
        for n in range(15):
            decide(store, "pause", "a0", who=f"ann {n}")
            decide(store, "resume", "a0", who=f"bob {n}")
        return 30

    def announce() -> int:
        for _ in range(20):
            incidents.announced(incidents.unannounced("coins"))
        return 0

    outcomes = race(work, decide_often, announce)
    assert succeeded(outcomes) == [30, 30, 0], outcomes
    found: Incident = incidents.get("a0")
    assert (found.alarms, found.version) == (31, 1 + 30 + 30)


def test_open_incidents_are_those_of_workers_the_newest_first(incidents: Incidents, store: Store) -> None:
    others = ("a2", alarm(30, monitor="delay")), ("a3", alarm(60, monitor="rate"))
    raised(incidents, ("a1", alarm(0)), *others, shard=1)
    raised(incidents, ("b1", alarm()), pipeline="dice")
    incidents.stands_still("coins", 0, "the disk is gone")
    decide(store, "acknowledge", "a2")
    decide(store, "resolve", "a3")
    found = incidents.still_open("coins", 10)
    assert found[0][:2] == (0, "halt")
    assert set(found[1:]) == {(1, "loss", "a1"), (1, "delay", "a2")}
    assert incidents.still_open("coins", 2) == found[:2]


def test_what_a_former_owner_says_of_its_shard_opens_and_closes_nothing(
    incidents: Incidents, store: Store
) -> None:
    journal = Journal(store, "coins")
    former, present = (journal.acquire(0, worker).epoch for worker in ("slow", "quick"))
    with pytest.raises(Fenced):
        incidents.stands_still("coins", 0, "the disk is gone", epoch=former)
    assert incidents.listing() == []
    incidents.stands_still("coins", 0, "the disk is gone", epoch=present)
    with pytest.raises(Fenced):
        incidents.went_on("coins", 0, epoch=former)
    assert [found.state for found in incidents.listing()] == ["firing"]
    incidents.went_on("coins", 0, epoch=present)
    assert [found.state for found in incidents.listing()] == ["resolved"]
