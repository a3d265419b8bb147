"""What Alertmanager's webhook opens and closes is in the audit trail, and verified with it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from fluvial import trail
from fluvial.calls import Call, Calls
from fluvial.incidents import Incidents
from fluvial.people import Person
from fluvial.reviews import register
from fluvial.seen import Seen
from fluvial.store import Store, incident_table

LABELS = {"alertname": "FluvialQuarantineShare", "pipeline": "coins"}
TOLD = Person("Alertmanager", "operator", how="the webhook's token")


@pytest.fixture
def calls(store: Store) -> Calls:
    """Calls of whoever shows the webhook's token."""
    register(store, "coins", 1, {})
    return Calls(Seen(store, TOLD))


def call(*, over: bool = False, **labels: str) -> Call:
    """An alert as it is told."""
    return Call(LABELS | labels, "A tenth cannot be read.", 1_700_000_000.0, over)


def noted(store: Store) -> list[tuple[str, str, str, object]]:
    """What the trail says of it, the oldest first."""
    found = reversed(trail.entries(store))
    return [(one.event, one.who, one.channel, one.told["shown"]) for one in found]


def test_opening_and_closing_are_entries_and_repeating_is_none(calls: Calls, store: Store) -> None:
    for over in (False, False, True, True):
        calls.take_in(call(over=over))
    by = ("Alertmanager", "webhook", "the webhook's token")
    assert noted(store) == [("incident.opened", *by), ("incident.closed", *by)]
    opened = trail.entries(store)[-1]
    assert (opened.pipeline, opened.subject) == ("coins", Incidents(store).listing()[0].id)
    assert opened.told["labels"] == LABELS
    assert trail.verify(store).why is None


def test_whoever_shows_a_token_of_their_own_has_told_it(calls: Calls, store: Store) -> None:
    Calls(Seen(store, Person("ops bot", "operator", how="token 1f0c"))).take_in(call())
    assert noted(store) == [("incident.opened", "ops bot", "webhook", "token 1f0c")]


def test_an_alert_that_is_gone_is_closed_in_the_trail_as_well(calls: Calls, store: Store) -> None:
    calls.take_in(call())
    [one] = Calls(store).waiting()
    for _ in range(2):
        Calls(store).over(one)
    assert noted(store)[1:] == [("incident.closed", "Alertmanager", "silences", "the store")]


@pytest.mark.parametrize("what", ["deleted", "renamed", "moved", "put in"])
def test_verifying_finds_what_was_done_to_such_an_incident(calls: Calls, store: Store, what: str) -> None:
    calls.take_in(call())
    calls.take_in(call(shard="3"))
    with store.write() as db:
        first = db.execute(sa.select(incident_table).order_by(incident_table.c.opened_at)).first()
        assert first is not None
        mine = incident_table.c.id == first.id
        changes = {
            "deleted": sa.delete(incident_table).where(mine),
            "renamed": sa.update(incident_table).where(mine).values(monitor="alert:Else"),
            "moved": sa.update(incident_table).where(mine).values(pipeline="dice"),
            "put in": sa.insert(incident_table).values(
                **{**first._mapping, "id": "ffff", "opened_at": first.opened_at + 9}
            ),
        }
        db.execute(changes[what])
    assert trail.verify(store).why is not None


def test_what_was_opened_before_the_trail_told_of_it_is_not_missed(calls: Calls, store: Store) -> None:
    calls.take_in(call())
    with store.write() as db:
        old = db.execute(sa.select(incident_table)).one()
        db.execute(
            sa.insert(incident_table).values(**{**old._mapping, "id": "0000", "opened_at": old.opened_at - 9})
        )
    assert trail.verify(store).why is None
