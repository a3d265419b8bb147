"""The state of an incident follows from dated facts; time and people move it along legal ways only."""

import time
from contextlib import closing
from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from fluvial.lifecycle import STATES, TRANSITIONS, Facts, due, marks, quiet, state, state_in_sql
from fluvial.store import Store, incident_table

MOMENTS = st.integers(0, 40).map(float)
PERHAPS = st.none() | MOMENTS
FACTS = st.builds(
    Facts,
    fires_at=MOMENTS,
    escalates_at=PERHAPS,
    grew_at=PERHAPS,
    acknowledged_at=PERHAPS,
    snoozed_until=PERHAPS,
    resolved_at=PERHAPS,
    regressed_from=st.sampled_from([None, "before"]),
    scenario=st.sampled_from([None, "sale"]),
)


@settings(deadline=None)
@given(FACTS, MOMENTS)
def test_a_state_is_one_of_those_there_are_whatever_the_facts(facts: Facts, now: float) -> None:
    assert state(facts, now) in STATES
    assert quiet(facts, now) <= (state(facts, now) in ("acknowledged", "snoozed"))


@settings(deadline=None)
@given(FACTS)
def test_time_alone_moves_an_incident_along_legal_ways_only(facts: Facts) -> None:
    done = int(max(facts.acknowledged_at or 0, facts.resolved_at or 0))  # nobody acts in the future
    passed = [state(facts, now) for now in map(float, range(done, 45))]
    for before, after in pairwise(passed):
        assert after == before or after in TRANSITIONS[before]
        assert after not in ("resolved", "acknowledged") or after == before, "only people do that"


@settings(deadline=None)
@given(FACTS, MOMENTS)
def test_nothing_changes_before_the_moment_that_is_due(facts: Facts, now: float) -> None:
    at = due(facts, now)
    until = 45.0 if at is None else at
    for later in map(float, range(int(now), int(until))):
        assert (state(facts, later), marks(facts, later)) == (state(facts, now), marks(facts, now))


@settings(deadline=None)
@given(FACTS, MOMENTS)
def test_whoever_has_it_cannot_hide_that_it_grew(facts: Facts, now: float) -> None:
    grown = facts._replace(grew_at=now, acknowledged_at=now - 1, scenario=None)
    if state(grown, now) in ("acknowledged", "snoozed"):
        assert "worse" in marks(grown, now)
        assert not quiet(grown, now)


PEOPLE = st.lists(
    st.sampled_from(["ack", "snooze", "unsnooze", "resolve", "reopen", "grow", "wait"]), max_size=12
)


@settings(deadline=None)
@given(PEOPLE)
def test_people_and_monitors_move_an_incident_along_legal_ways_only(deeds: list[str]) -> None:
    facts, now = Facts(fires_at=3.0, escalates_at=13.0, grew_at=0.0), 0.0
    for deed in deeds:
        before, now = state(facts, now), now + 1
        drifted = state(facts, now)
        assert drifted == before or drifted in TRANSITIONS[before]
        facts = _after(facts, deed, now)
        after = state(facts, now)
        assert after == drifted or after in TRANSITIONS[drifted], (deed, facts)


def _after(facts: Facts, deed: str, now: float) -> Facts:
    """What a deed leaves, where the rules let it pass."""
    where = state(facts, now)
    if deed == "reopen" and where == "resolved":
        return facts._replace(resolved_at=None, snoozed_until=None, acknowledged_at=now)
    if where == "resolved":
        return facts
    taken = now if facts.acknowledged_at is None else facts.acknowledged_at
    match deed:
        case "ack" if not quiet(facts, now):
            facts = facts._replace(acknowledged_at=now)
        case "snooze":
            facts = facts._replace(snoozed_until=now + 3, acknowledged_at=now)
        case "unsnooze" if where == "snoozed":
            facts = facts._replace(snoozed_until=None)
        case "resolve":
            facts = facts._replace(resolved_at=now, acknowledged_at=taken)
        case "grow":
            facts = facts._replace(grew_at=now, fires_at=min(facts.fires_at, now))
    return facts


@pytest.fixture(scope="module")
def database() -> Store:
    return Store("sqlite://")


@settings(max_examples=200, deadline=None)
@given(facts=FACTS, now=MOMENTS)
def test_the_database_computes_the_same_state(facts: Facts, now: float) -> None:
    names = ("fires_at", "acknowledged_at", "snoozed_until", "resolved_at")
    literal = sa.select(
        *(sa.literal(getattr(facts, name), sa.Double).label(name) for name in names)
    ).subquery()
    query = state_in_sql(now)
    replaced = sa.sql.visitors.replacement_traverse(
        query,
        {},
        lambda one, **_: (
            literal.c[one.key] if isinstance(one, sa.Column) and one.table is incident_table else None
        ),
    )
    with closing(sa.create_engine("sqlite://").connect()) as db:
        assert db.execute(sa.select(replaced)).scalar_one() == state(facts, now)


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS) == {None, *STATES}
    assert {to for ways in TRANSITIONS.values() for to in ways} == set(STATES)
    assert time.time() > 0
