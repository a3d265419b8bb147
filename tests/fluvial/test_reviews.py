"""Reviews: who decides first decides; saying it again changes nothing; every effect has a name to it."""

from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from fluvial.incidents import Incidents, NoSuchIncident
from fluvial.journal import Journal
from fluvial.reviews import (
    ACTIONS,
    EFFECTS,
    Action,
    Conflict,
    NoSuchPipeline,
    NotPossible,
    Request,
    Review,
    counts,
    history,
    register,
    review,
)
from fluvial.store import Store, pipeline_table
from monitors.alarm import Alarm
from tests.fluvial.racing import race, succeeded

ROUNDS = 50


PLAIN: tuple[Action, ...] = (
    *("acknowledge", "keep_learning", "pause", "resume", "reset", "resolve", "false_alarm"),
)
"""What needs no more than a subject; others: test_shard_reviews.py, test_life_rules.py, shadow/test_deciding.py."""


class Desk:
    """A store with the pipeline coins (two shards) and dice (one); says decisions as people do."""

    def __init__(self, store: Store) -> None:
        self.store, self.incidents = store, Incidents(store)
        register(store, "coins", 2, {"question": "Heads?"})
        register(store, "dice", 1, {"question": "Six?"})

    def alarm(self, name: str, days: float = 0.0, pipeline: str = "coins") -> str:
        time = 1_700_000_000.0 + days * 86400.0
        evidence = Alarm("loss", "worse", time, time - 60, 1000, 0.1, 0.4, 500, 500)
        self.incidents.record(pipeline, 0, [(name, evidence)])
        return name

    def says(self, who: str, action: Action, subject: str, **more: Any) -> Review:
        """Take a review on the pipeline or incident of that name."""
        named = {"pipeline" if subject in ("coins", "dice") else "incident": subject}
        return review(self.store, Request(action=action, who=who, **named, **more), "cli")

    def told(self, pipeline: str = "coins", shard: int = 0) -> list[str]:
        """What a shard was told to do, all in all."""
        return [decision.action for decision in Journal(self.store, pipeline).pending(shard)]

    def paused_by(self) -> str | None:
        with self.store.read() as db:
            row = db.execute(sa.select(pipeline_table).where(pipeline_table.c.pipeline == "coins")).one()
        return row.paused_by if row.paused else None


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_a_review_says_who_when_why_and_what_it_does(desk: Desk) -> None:
    taken = desk.says("ann", "reset", desk.alarm("a1"), reason="new mint")
    assert (taken.who, taken.reason, taken.channel, taken.incident) == ("ann", "new mint", "cli", "a1")
    assert (taken.pipeline, taken.effect, taken.repeated) == ("coins", EFFECTS["reset"], False)
    assert history(desk.store) == [taken]


def test_every_action_says_what_it_does_before_it_is_taken() -> None:
    assert set(EFFECTS) == set(ACTIONS)


def test_every_shard_is_told_what_concerns_the_learner_and_nothing_else(desk: Desk) -> None:
    desk.alarm("a1")
    for action in ("acknowledge", "keep_learning", "reset", "pause", "resume", "resolve"):
        desk.says("ann", action, "a1")  # type: ignore[arg-type]
    assert desk.told(shard=0) == desk.told(shard=1) == ["keep_learning", "reset", "pause", "resume"]
    assert desk.told("dice") == []


def test_whoever_decides_first_has_the_incident(desk: Desk) -> None:
    desk.says("ann", "keep_learning", desk.alarm("a1"))
    found = desk.incidents.get("a1")
    assert (found.state, found.acknowledged_by) == ("acknowledged", "ann")
    desk.says("bob", "reset", "a1")
    assert desk.incidents.get("a1").acknowledged_by == "ann"


@pytest.mark.parametrize("action", PLAIN)
def test_saying_the_same_a_hundred_times_changes_nothing(desk: Desk, action: Action) -> None:
    desk.alarm("a1")
    if action == "resume":
        desk.says("bob", "pause", "a1")
    first = desk.says("ann", action, "a1")
    before = desk.incidents.get("a1"), desk.told(), len(history(desk.store))
    for _ in range(100):
        assert desk.says("ann", action, "a1") == first._replace(repeated=True)
    assert (desk.incidents.get("a1"), desk.told(), len(history(desk.store))) == before


def test_the_same_id_is_the_same_review_however_often_it_arrives(desk: Desk) -> None:
    first = desk.says("ann", "reset", "coins", id="r1")
    for _ in range(100):
        assert desk.says("ann", "reset", "coins", id="r1") == first._replace(repeated=True)
    assert desk.told() == ["reset"]


@pytest.mark.parametrize(
    "other",
    [
        {"action": "reset", "who": "ann", "pipeline": "dice"},
        {"action": "reset", "who": "bob", "pipeline": "coins"},
        {"action": "pause", "who": "ann", "pipeline": "coins"},
        {"action": "reset", "who": "ann", "incident": "a1"},
    ],
)
def test_an_id_that_was_used_for_something_else_conflicts(desk: Desk, other: dict[str, Any]) -> None:
    desk.alarm("a1")
    desk.says("ann", "reset", "coins", id="r1")
    with pytest.raises(Conflict, match="used by ann for something else") as raised:
        review(desk.store, Request(**other, id="r1"), "cli")
    assert raised.value.who == "ann"
    assert (desk.told(), desk.told("dice")) == (["reset"], [])


def test_one_id_that_arrives_twice_at_once_is_taken_once(desk: Desk) -> None:
    for n in range(ROUNDS):
        outcomes = race(*[lambda n=n: desk.says("ann", "reset", "coins", id=f"r{n}")] * 2)
        assert sorted(taken.repeated for taken in succeeded(outcomes)) == [False, True], outcomes
    assert desk.told() == ["reset"] * ROUNDS


def test_one_id_that_arrives_for_two_pipelines_at_once_is_taken_for_one(desk: Desk) -> None:
    for n in range(ROUNDS):
        outcomes = race(
            lambda n=n: desk.says("ann", "reset", "coins", id=f"r{n}"),
            lambda n=n: desk.says("ann", "reset", "dice", id=f"r{n}"),
        )
        assert len(succeeded(outcomes)) == 1, outcomes
        assert [type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)] == [Conflict]
    assert len(desk.told()) + len(desk.told("dice")) == ROUNDS


def test_an_incident_that_somebody_else_has_cannot_be_acknowledged(desk: Desk) -> None:
    desk.says("ann", "acknowledge", desk.alarm("a1"))
    with pytest.raises(Conflict, match="ann has acknowledged a1") as raised:
        desk.says("bob", "acknowledge", "a1")
    assert raised.value.who == "ann"


def test_acknowledging_what_one_has_by_another_decision_changes_nothing(desk: Desk) -> None:
    desk.says("ann", "reset", desk.alarm("a1"))
    before = desk.incidents.get("a1")
    taken = desk.says("ann", "acknowledge", "a1")
    assert (taken.repeated, taken.action, taken.effect) == (True, "acknowledge", EFFECTS["acknowledge"])
    assert desk.incidents.get("a1") == before
    assert len(history(desk.store)) == 1


@pytest.mark.parametrize("how", ["resolve", "false_alarm"])
def test_after_an_incident_is_closed_only_a_repetition_is_taken(desk: Desk, how: Action) -> None:
    desk.says("ann", "reset", desk.alarm("a1"))
    closed = desk.says("bob", how, "a1")
    for action in PLAIN:
        for who in ("ann", "bob", "eve"):
            if (who, action) in (("bob", how), ("ann", "reset")):
                assert desk.says(who, action, "a1").repeated
                continue
            with pytest.raises(Conflict, match="bob has resolved a1") as raised:
                desk.says(who, action, "a1")
            assert raised.value.who == "bob"
    assert (history(desk.store)[0], len(history(desk.store))) == (closed, 2)
    assert desk.incidents.get("a1").verdict == how
    assert desk.told() == ["reset"]


def test_whoever_looked_at_an_older_version_is_told_who_was_first(desk: Desk) -> None:
    desk.alarm("a1")
    seen = desk.incidents.get("a1").version
    desk.says("ann", "keep_learning", "a1", version=seen)
    desk.says("eve", "reset", "a1", version=seen + 1)
    with pytest.raises(Conflict, match="changed since you looked") as raised:
        desk.says("bob", "pause", "a1", version=seen)
    assert raised.value.who == "ann"
    with pytest.raises(Conflict, match="eve was first"):
        desk.says("bob", "pause", "a1", version=seen + 1)
    assert desk.told() == ["keep_learning", "reset"]


def test_an_alarm_that_came_since_is_not_blamed_on_a_person(desk: Desk) -> None:
    desk.says("ann", "acknowledge", desk.alarm("a1"))
    seen = desk.incidents.get("a1").version
    desk.alarm("a2", days=1)
    with pytest.raises(Conflict, match="a monitor was first") as raised:
        desk.says("bob", "reset", "a1", version=seen)
    assert raised.value.who == "a monitor"


def test_a_repetition_is_one_whatever_version_it_was_said_about(desk: Desk) -> None:
    seen = desk.incidents.get(desk.alarm("a1")).version
    desk.says("ann", "reset", "a1", version=seen)
    assert desk.says("ann", "reset", "a1", version=seen).repeated


def test_a_pause_can_be_ended_and_taken_again_wherever_it_was_said(desk: Desk) -> None:
    desk.alarm("a1")
    for subject, other in (("a1", "coins"), ("coins", "a1"), ("a1", "a1"), ("coins", "coins")):
        assert not desk.says("ann", "pause", subject).repeated
        assert desk.says("ann", "pause", other).repeated
        assert desk.paused_by() == "ann"
        assert not desk.says("ann", "resume", other).repeated
        assert desk.says("ann", "resume", subject).repeated
        assert desk.paused_by() is None
    assert desk.told() == ["pause", "resume"] * 4


def test_a_pause_that_somebody_else_ended_can_be_taken_again(desk: Desk) -> None:
    desk.says("ann", "pause", desk.alarm("a1"))
    desk.says("bob", "resume", "coins")
    assert not desk.says("ann", "pause", "a1").repeated
    assert desk.paused_by() == "ann"


def test_what_contradicts_a_pause_names_who_paused(desk: Desk) -> None:
    desk.alarm("a1")
    desk.says("ann", "pause", "coins")
    for action in ("pause", "keep_learning"):
        for subject in ("a1", "coins"):
            with pytest.raises(Conflict, match="ann has paused coins: resume it first") as raised:
                desk.says("bob", action, subject)  # type: ignore[arg-type]
            assert raised.value.who == "ann"
    desk.says("bob", "resume", "coins")
    with pytest.raises(Conflict, match="bob resumed it") as raised:
        desk.says("ann", "resume", "a1")
    assert raised.value.who == "bob"


def test_there_is_nothing_to_resume_where_nobody_paused(desk: Desk) -> None:
    with pytest.raises(NotPossible, match="nothing to resume"):
        desk.says("ann", "resume", "coins")


def test_a_model_may_be_reset_again_from_its_pipeline(desk: Desk) -> None:
    assert [desk.says("ann", "reset", "coins").repeated for _ in range(3)] == [False] * 3
    assert desk.told() == ["reset"] * 3


@pytest.mark.parametrize("action", ["acknowledge", "resolve", "false_alarm"])
def test_what_is_about_an_incident_needs_one(desk: Desk, action: Action) -> None:
    with pytest.raises(NotPossible, match="name one"):
        desk.says("ann", action, "coins")


def test_what_does_not_exist_is_named(desk: Desk) -> None:
    with pytest.raises(NoSuchIncident, match="'a9'"):
        desk.says("ann", "reset", "a9")
    with pytest.raises(NoSuchPipeline, match="'cards'"):
        review(desk.store, Request(action="pause", pipeline="cards", who="ann"), "cli")


@pytest.mark.parametrize(
    "wish",
    [
        {"action": "pause", "who": "ann"},
        {"action": "pause", "who": "ann", "pipeline": "coins", "incident": "a1"},
        {"action": "pause", "who": "", "pipeline": "coins"},
        {"action": "pause", "who": " \t", "pipeline": "coins"},
        {"action": "pause", "who": "a\0n", "pipeline": "coins"},
        {"action": "pause", "who": "\udc80", "pipeline": "coins"},
        {"action": "promote", "who": "ann", "pipeline": "coins"},
        {"action": "pause", "who": "ann", "incident": ""},
        {"action": "pause", "who": "ann", "pipeline": "coins", "version": 1 << 70},
        {"action": "pause", "who": "ann", "pipeline": "coins", "reason": "x" * 2001},
        {"action": "pause", "who": "ann", "pipeline": "coins", "sudo": True},
    ],
)
def test_a_wish_that_is_unclear_is_no_request(wish: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Request.model_validate(wish)


def test_reviews_are_counted_and_listed_by_subject(desk: Desk) -> None:
    desk.says("ann", "acknowledge", desk.alarm("a1"))
    desk.says("ann", "reset", "coins")
    desk.says("ann", "reset", "dice")
    assert counts(desk.store, "coins") == dict.fromkeys(ACTIONS, 0) | {"acknowledge": 1, "reset": 1}
    assert [taken.action for taken in history(desk.store, pipeline="coins")] == ["reset", "acknowledge"]
    assert [taken.action for taken in history(desk.store, incident="a1")] == ["acknowledge"]
    assert len(history(desk.store, limit=2)) == 2


def test_a_worker_that_starts_again_refreshes_the_facts_and_keeps_the_pause(desk: Desk) -> None:
    desk.says("ann", "pause", "coins")
    for _ in range(2):
        register(desk.store, "coins", 3, {"question": "Tails?"})
    assert desk.paused_by() == "ann"
    assert desk.told(shard=0) == desk.told(shard=2) == ["pause"], "a shard that is new learns of it once"
    desk.says("bob", "resume", "coins")
    register(desk.store, "coins", 4, {"question": "Tails?"})
    assert desk.told(shard=3) == []


def test_a_shard_that_is_new_learns_of_excluded_sources_once_and_not_of_those_that_count_again(
    desk: Desk,
) -> None:
    for source in ("EWR", "JFK"):
        desk.says("ann", "exclude_source", "coins", source=source)
    desk.says("bob", "include_source", "coins", source="JFK")
    for _ in range(2):
        register(desk.store, "coins", 3, {"question": "Tails?"})
    (told,) = Journal(desk.store, "coins").pending(2)
    assert (told.action, told.args) == ("exclude_source", {"source": "EWR"})


def test_a_review_stands_at_the_event_time_that_the_pipeline_had_come_to(desk: Desk) -> None:
    assert desk.says("ann", "reset", "coins").time is None
    journal = Journal(desk.store, "coins")
    for shard, watermark in ((0, 50.0), (1, 70.0)):
        journal.report(shard, journal.acquire(shard, "worker").epoch, {"watermark": watermark})
    assert desk.says("ann", "reset", "coins").time == 70.0


@pytest.mark.parametrize("action", ["acknowledge", "resolve", "pause", "resume"])
def test_of_two_people_who_decide_at_once_one_wins_and_the_other_learns_who(
    desk: Desk, action: Action
) -> None:
    for n in range(ROUNDS):
        subject = desk.alarm(f"a{n}", days=n * 30)
        if action == "resume":
            desk.says("eve", "pause", subject)
        outcomes = race(
            lambda s=subject: desk.says("ann", action, s), lambda s=subject: desk.says("bob", action, s)
        )
        (winner,) = succeeded(outcomes)
        (loser,) = (outcome for outcome in outcomes if isinstance(outcome, BaseException))
        assert isinstance(loser, Conflict), loser
        assert loser.who == winner.who
        if action == "pause":
            desk.says("eve", "resume", subject)


def test_of_two_people_who_looked_at_the_same_version_one_wins_whatever_they_decide(desk: Desk) -> None:
    for n in range(ROUNDS):
        subject = desk.alarm(f"a{n}", days=n * 30)
        version = desk.incidents.get(subject).version
        outcomes = race(
            lambda s=subject, v=version: desk.says("ann", "reset", s, version=v),
            lambda s=subject, v=version: desk.says("bob", "false_alarm", s, version=v),
        )
        (winner,) = succeeded(outcomes)
        (loser,) = (outcome for outcome in outcomes if isinstance(outcome, BaseException))
        assert isinstance(loser, Conflict), loser
        assert loser.who == winner.who
