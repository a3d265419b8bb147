"""What people say about the life of an incident: snooze, reopen, comment, scenarios, approval, dry runs."""

import time
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from fluvial import approvals, scenarios
from fluvial.incidents import Incident, Incidents
from fluvial.reviews import (
    ACTIONS,
    Action,
    Conflict,
    NotPossible,
    Request,
    Review,
    history,
    register,
    rehearse,
    review,
)
from fluvial.silences import plan
from fluvial.store import Store, decision_table, incident_table, metadata
from monitors.alarm import Alarm
from tests.fluvial.racing import race, succeeded

NOON = 1_700_000_000.0
DAY = 86400.0


class Desk:
    """A store with the pipeline coins, handled by rules of its own; says decisions as people do."""

    def __init__(self, store: Store) -> None:
        self.store, self.incidents = store, Incidents(store)
        self.handled()

    def handled(self, **rules: Any) -> None:
        register(
            self.store, "coins", 2, {"review": rules, "monitor": {"budget": 0.02, "smallest_change": 0.02}}
        )

    def alarm(self, name: str, days: float = 0.0, **changes: Any) -> Incident | None:
        time = NOON + days * DAY
        alarm = Alarm("loss", "worse", time, time - 60, 1000, 0.1, 0.4, 500, 500)._replace(**changes)
        self.incidents.record("coins", changes.pop("shard", 0), [(name, alarm)])
        return next((one for one in self.incidents.listing() if one.id == name), None)

    def says(self, who: str, action: Action, incident: str | None = "a1", **more: Any) -> Review:
        return review(self.store, self.request(who, action, incident, **more), "cli")

    def request(self, who: str, action: Action, incident: str | None = "a1", **more: Any) -> Request:
        subject = {"incident": incident} if incident else {"pipeline": "coins"}
        return Request(action=action, who=who, **subject, **more)

    def facts(self, incident: str = "a1", **facts: Any) -> Incident:
        """Change dated facts, as if time had passed."""
        with self.store.write() as db:
            db.execute(sa.update(incident_table).where(incident_table.c.id == incident).values(facts))
        return self.incidents.get(incident)

    def told(self) -> list[tuple[int, str, dict[str, Any]]]:
        with self.store.read() as db:
            rows = db.execute(sa.select(decision_table).order_by(decision_table.c.id))
            return [(row.shard, row.action, row.args) for row in rows]


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def everything(store: Store) -> dict[str, list[Any]]:
    """All rows of all tables."""
    with store.read() as db:
        return {
            table.name: sorted(map(repr, db.execute(sa.select(table)))) for table in metadata.sorted_tables
        }


# ---- the hold


def test_a_call_is_held_back_until_the_hold_is_over(desk: Desk) -> None:
    desk.handled(pending=600)
    assert (found := desk.alarm("a1")) is not None
    assert (found.state, found.marks) == ("pending", ())
    assert desk.incidents.still_open("coins", 10) == [], "nobody is called"
    assert desk.facts(fires_at=time.time() - 1).state == "firing"
    assert [one for *_, one in desk.incidents.still_open("coins", 10)] == ["a1"]


def test_a_second_alarm_ends_the_hold(desk: Desk) -> None:
    desk.handled(pending=600, escalate=60)
    desk.alarm("a1")
    desk.alarm("a2", 0.1, monitor="labels:truth")
    found = desk.incidents.get("a1")
    assert (found.state, found.alarms) == ("firing", 2)
    assert found.escalates_at == pytest.approx(time.time() + 60, abs=30)


def test_what_goes_back_while_it_is_held_calls_nobody_and_closes(desk: Desk) -> None:
    desk.handled(pending=600)
    desk.alarm("a1")
    desk.alarm("a2", 0.2, direction="better", phase="recovered", severity="info")
    found = desk.incidents.get("a1")
    assert (found.state, found.verdict, found.resolved_by) == ("resolved", "passed", "fluvial")
    with pytest.raises(NotPossible, match="was over by itself"):
        desk.says("ann", "reopen")


def test_what_goes_back_after_it_fired_waits_for_a_person(desk: Desk) -> None:
    desk.alarm("a1")
    desk.alarm("a2", 0.2, direction="better", phase="recovered", severity="info")
    found = desk.incidents.get("a1")
    assert (found.state, found.eased) == ("firing", True)


# ---- escalated, worse, regressed


def test_an_incident_that_nobody_has_in_time_is_escalated(desk: Desk) -> None:
    desk.handled(escalate=600)
    assert (found := desk.alarm("a1")) is not None
    assert found.marks == ()
    assert desk.facts(escalates_at=time.time() - 1).marks == ("escalated",)
    desk.says("ann", "acknowledge")
    assert desk.incidents.get("a1").marks == ()


@pytest.mark.parametrize("taken", ["acknowledge", "snooze"])
def test_what_somebody_has_and_grows_is_worse_and_calls_again(desk: Desk, taken: Action) -> None:
    desk.alarm("a1")
    desk.says("ann", taken, until=time.time() + 3600 if taken == "snooze" else None)
    assert desk.incidents.get("a1").quiet
    desk.alarm("a2", 0.1, phase="worse")
    found = desk.incidents.get("a1")
    assert (found.marks, found.quiet, found.acknowledged_by) == (("worse",), False, "ann")
    assert plan([one for one in [found] if one.quiet], {"a1"}, [], time.time()).keep == []
    again = desk.says("bob", "acknowledge")
    assert not again.repeated
    found = desk.incidents.get("a1")
    assert (found.marks, found.quiet, found.acknowledged_by) == ((), True, "bob")


def test_whoever_has_it_takes_note_that_it_grew_once(desk: Desk) -> None:
    desk.alarm("a1")
    first = desk.says("ann", "acknowledge")
    assert desk.says("ann", "acknowledge") == first._replace(repeated=True)
    desk.alarm("a2", 0.1, phase="worse")
    assert not desk.says("ann", "acknowledge").repeated
    assert desk.says("ann", "acknowledge").repeated
    assert [one.action for one in history(desk.store)] == ["acknowledge", "acknowledge"]


def test_the_same_again_soon_after_it_was_resolved_is_a_regression(desk: Desk) -> None:
    desk.alarm("a1")
    desk.says("ann", "resolve")
    found = desk.alarm("a2", 30)
    assert found is not None
    assert (found.marks, found.regressed_from) == (("regressed",), "a1")
    other = desk.alarm("a3", 60, monitor="feed:rate")
    assert other is not None
    assert other.regressed_from is None


def test_the_same_again_after_long_is_no_regression(desk: Desk) -> None:
    desk.handled(regress=60)
    desk.alarm("a1")
    desk.says("ann", "resolve")
    desk.facts(resolved_at=time.time() - 61)
    found = desk.alarm("a2", 30)
    assert found is not None
    assert (found.marks, found.regressed_from) == ((), None)


# ---- snooze, reopen, comment


def test_a_snooze_ends_by_itself_and_then_it_calls(desk: Desk) -> None:
    desk.alarm("a1")
    desk.says("ann", "snooze", until=time.time() + 3600)
    found = desk.incidents.get("a1")
    assert (found.state, found.snoozed_by, found.acknowledged_by) == ("snoozed", "ann", "ann")
    past = time.time() - 1
    found = desk.facts(snoozed_until=past, acknowledged_at=past - 60)
    assert (found.state, found.quiet) == ("firing", False)
    assert not desk.says("ann", "acknowledge").repeated
    assert desk.incidents.get("a1").state == "acknowledged"


def test_a_snooze_can_be_ended(desk: Desk) -> None:
    desk.alarm("a1")
    desk.says("ann", "snooze", until=time.time() + 3600)
    desk.says("bob", "unsnooze")
    found = desk.incidents.get("a1")
    assert (found.state, found.acknowledged_by, found.snoozed_until) == ("acknowledged", "ann", None)
    assert desk.says("bob", "unsnooze").repeated
    with pytest.raises(NotPossible, match="not snoozed"):
        desk.says("eve", "unsnooze")


def test_a_snooze_ends_in_the_future_and_the_second_is_told_who_was_first(desk: Desk) -> None:
    desk.alarm("a1")
    with pytest.raises(NotPossible, match="in the future"):
        desk.says("ann", "snooze", until=time.time() - 1)
    desk.says("ann", "snooze", until=time.time() + 3600)
    with pytest.raises(Conflict, match="ann has snoozed a1") as raised:
        desk.says("bob", "snooze", until=time.time() + 60)
    assert raised.value.who == "ann"
    assert not desk.says("ann", "snooze", until=time.time() + 7200).repeated


@pytest.mark.parametrize("how", ["resolve", "false_alarm"])
def test_what_was_resolved_can_be_reopened_and_resolved_again(desk: Desk, how: Action) -> None:
    desk.alarm("a1")
    desk.says("ann", how)
    desk.says("bob", "reopen")
    found = desk.incidents.get("a1")
    assert (found.state, found.acknowledged_by, found.verdict) == ("acknowledged", "bob", None)
    assert desk.says("bob", "reopen").repeated
    with pytest.raises(Conflict, match="bob has reopened"):
        desk.says("eve", "reopen")
    assert not desk.says("ann", how).repeated
    assert desk.incidents.get("a1").state == "resolved"


def test_a_comment_changes_nothing_and_takes_nothing(desk: Desk) -> None:
    desk.alarm("a1")
    before = desk.incidents.get("a1")
    desk.says("ann", "comment", reason="looks like the engine feed")
    assert desk.incidents.get("a1") == before
    desk.says("bob", "acknowledge", version=before.version)
    desk.says("bob", "resolve")
    assert not desk.says("ann", "comment", reason="it was").repeated


LIFE: dict[Action, dict[str, Any]] = {
    "snooze": {"until": 3e9},
    "unsnooze": {},
    "reopen": {},
    "expect": {"name": "sale", "since": NOON, "until": NOON + DAY},
    "unexpect": {"of": "s1"},
    "set_budget": {"budget": 0.01},
}


def test_every_action_of_this_file_is_known() -> None:
    assert set(LIFE) < set(ACTIONS)


@pytest.mark.parametrize("action", LIFE)
def test_saying_the_same_a_hundred_times_changes_nothing(desk: Desk, action: Action) -> None:
    desk.alarm("a1")
    if action == "unsnooze":
        desk.says("bob", "snooze", until=3e9)
    if action == "reopen":
        desk.says("bob", "resolve")
    if action == "unexpect":
        desk.says("bob", "expect", None, id="s1", **LIFE["expect"])
    subject = None if action in ("expect", "unexpect", "set_budget") else "a1"
    first = desk.says("ann", action, subject, **LIFE[action])
    before = everything(desk.store)
    for _ in range(100):
        assert desk.says("ann", action, subject, **LIFE[action]) == first._replace(repeated=True)
    assert everything(desk.store) == before


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"action": "snooze"}, "snooze needs until"),
        ({"action": "resolve", "until": 5.0}, "until is not for resolve"),
        ({"action": "set_budget"}, "needs budget or smallest_change"),
        ({"action": "expect", "name": "x", "since": 5, "until": 5}, "ends after it begins"),
        ({"action": "snooze", "until": "tomorrow"}, "is no moment"),
        ({"action": "snooze", "until": float("nan")}, "greater than or equal"),
        ({"action": "approve"}, "approve needs of"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_words(wish: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Request.model_validate({"who": "ann", "incident": "a1", **wish})


# ---- scenarios


def test_what_falls_into_a_scenario_opens_as_expected_and_calls_nobody(desk: Desk) -> None:
    desk.says("eve", "expect", None, name="sale", since=NOON - DAY, until=NOON + DAY)
    found = desk.alarm("a1")
    assert found is not None
    assert (found.state, found.marks, found.acknowledged_by) == ("acknowledged", ("expected",), "eve")
    assert (found.severity, found.quiet) == ("info", True)
    assert desk.incidents.still_open("coins", 10) == []
    desk.alarm("a2", 0.5, phase="worse")
    assert desk.incidents.get("a1").marks == ("expected",), "it grows as was expected"


def test_what_goes_beyond_a_scenario_calls(desk: Desk) -> None:
    desk.says("eve", "expect", None, name="sale", since=NOON - DAY, until=NOON + DAY)
    desk.alarm("a1")
    desk.alarm("a2", 3, onset=NOON + 2 * DAY, phase="worse")
    found = desk.incidents.get("a1")
    assert (found.state, found.marks, found.acknowledged_by) == ("firing", (), None)


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({}, True),
        ({"monitors": "loss, feed:rate"}, True),
        ({"monitors": "feed:rate"}, False),
        ({"concerns": "mint"}, True),
        ({"concerns": "mint=A"}, True),
        ({"concerns": "mint=B"}, False),
        ({"expires": 5.0}, False),
        ({"since": NOON + 2 * DAY, "until": NOON + 3 * DAY}, False),
    ],
)
def test_a_scenario_explains_what_it_names(desk: Desk, narrowed: dict[str, Any], expected: bool) -> None:
    wish = {"name": "sale", "since": NOON - DAY, "until": NOON + DAY} | narrowed
    desk.says("eve", "expect", None, **wish)
    found = desk.alarm("a1", monitor="loss:mint", part="mint=A")
    assert found is not None
    assert ("expected" in found.marks) is expected


def test_a_scenario_that_was_removed_explains_nothing(desk: Desk) -> None:
    desk.says("eve", "expect", None, id="s1", name="sale", since=NOON - DAY, until=NOON + DAY)
    assert [one.name for one in scenarios.listing(desk.store, "coins")] == ["sale"]
    desk.says("ann", "unexpect", None, of="s1")
    assert scenarios.listing(desk.store, "coins") == []
    with pytest.raises(Conflict, match="ann has removed"):
        desk.says("bob", "unexpect", None, of="s1")
    found = desk.alarm("a1")
    assert found is not None
    assert found.state == "firing"


# ---- approval


@pytest.fixture
def strict(desk: Desk) -> Desk:
    desk.handled(approve=["reset", "set_budget"], expires=3600)
    return desk


def test_a_decision_that_needs_approval_reaches_no_shard_before_somebody_else_approves(strict: Desk) -> None:
    asked = strict.says("ann", "reset", None, id="p1", reason="the old world is gone")
    assert (asked.action, asked.effect[:12]) == ("propose", "Waits until ")
    assert strict.told() == []
    assert [one["who"] for one in approvals.listing(strict.store, "coins")] == ["ann"]
    with pytest.raises(NotPossible, match="somebody else approves it"):
        strict.says("ann", "approve", None, of="p1")
    strict.says("bob", "approve", None, of="p1")
    assert strict.told() == [(0, "reset", {}), (1, "reset", {})]
    done = [(one.action, one.who) for one in history(strict.store)]
    assert done == [("approve", "bob"), ("reset", "ann"), ("propose", "ann")]
    assert approvals.listing(strict.store) == []


def test_what_needs_no_approval_is_taken_at_once(strict: Desk) -> None:
    strict.says("ann", "pause", None)
    assert [action for _, action, _ in strict.told()] == ["pause", "pause"]


def test_asking_or_approving_a_hundred_times_changes_nothing(strict: Desk) -> None:
    asked = strict.says("ann", "reset", None, id="p1")
    for given in ("p1", None):
        for _ in range(50):
            assert strict.says("ann", "reset", None, id=given) == asked._replace(repeated=True)
    taken = strict.says("bob", "approve", None, of="p1")
    before = everything(strict.store)
    for _ in range(100):
        assert strict.says("bob", "approve", None, of="p1") == taken._replace(repeated=True)
    assert everything(strict.store) == before


def test_of_two_who_settle_it_the_second_is_told_who_was_first(strict: Desk) -> None:
    strict.says("ann", "reset", None, id="p1")
    with pytest.raises(Conflict, match="ann has proposed reset already"):
        strict.says("bob", "reset", None)
    strict.says("bob", "decline", None, of="p1")
    with pytest.raises(Conflict, match="bob has declined reset") as raised:
        strict.says("eve", "approve", None, of="p1")
    assert raised.value.who == "bob"
    assert strict.told() == []


def test_a_proposal_expires_by_the_clock(strict: Desk) -> None:
    strict.handled(approve=["reset"], expires=0.001)
    strict.says("ann", "reset", None, id="p1")
    while approvals.listing(strict.store):
        pass
    with pytest.raises(NotPossible, match="has expired"):
        strict.says("bob", "approve", None, of="p1")
    assert not strict.says("ann", "reset", None, id="p2").repeated


def test_a_proposal_about_an_incident_leaves_it_as_it_is_until_it_is_approved(strict: Desk) -> None:
    strict.alarm("a1")
    before = strict.incidents.get("a1")
    strict.says("ann", "reset", id="p1")
    assert strict.incidents.get("a1") == before
    strict.says("bob", "approve", of="p1")
    assert strict.incidents.get("a1").acknowledged_by == "ann"


def test_two_who_approve_at_once_tell_the_shards_once(strict: Desk) -> None:
    strict.says("ann", "reset", None, id="p1")
    outcomes = race(*(lambda who=who: strict.says(who, "approve", None, of="p1") for who in ("bob", "eve")))
    assert len(succeeded(outcomes)) == 1
    assert len(strict.told()) == 2


# ---- dry runs


OF_LEARNERS = (
    *("rollback", "resume_shard", "accept_gap", "adopt", "reset_part", "exclude_source", "include_source"),
)
"""What needs a learner that has come somewhere: dry runs of these are in shadow/test_deciding.py."""


@pytest.mark.parametrize("action", [one for one in ACTIONS if one not in OF_LEARNERS])
def test_a_dry_run_says_the_effect_and_changes_nothing(desk: Desk, action: Action) -> None:
    desk.handled(approve=["keep_learning"])
    desk.alarm("a1")
    desk.says("bob", "keep_learning", id="p1")
    desk.says("bob", "expect", None, id="s1", **LIFE["expect"])
    if action == "resume":
        desk.says("bob", "pause", None)
    if action == "unsnooze":
        desk.says("bob", "snooze", until=3e9)
    if action == "reopen":
        desk.says("bob", "resolve")
    wish = LIFE.get(action, {"of": "p1"} if action in ("approve", "decline") else {})
    subject = None if action in ("expect", "unexpect", "set_budget", "approve", "decline") else "a1"
    before = everything(desk.store)
    said = (
        rehearse(desk.store, desk.request("ann", action, subject, **wish), "cli")
        if action != "keep_learning"
        else None
    )
    assert said is None or said.effect
    assert everything(desk.store) == before


def test_a_dry_run_is_refused_as_the_decision_would_be(desk: Desk) -> None:
    desk.alarm("a1")
    desk.says("bob", "resolve")
    with pytest.raises(Conflict, match="bob has resolved a1"):
        rehearse(desk.store, desk.request("ann", "acknowledge"), "cli")
