"""The cause that a card names is shown wherever its incident is, and where the alarms said otherwise, that too."""

from __future__ import annotations

import json
import re

import pytest

from fluvial.incidents import Incidents
from fluvial.messages import IncidentMessage
from fluvial.store import Store
from tests.fluvial.commandline import Commandline
from tests.fluvial.console.counting import statements
from tests.fluvial.console.evidence_cards import INCIDENT, full, keep_full
from tests.fluvial.console.fleet import alarm
from tests.fluvial.console.test_pages import words
from tests.fluvial.console.visitors import Client

NAMED = full().findings[0]


@pytest.fixture
def said(store: Store) -> Store:
    """The store, in which an alarm named another cause than the card does."""
    told = alarm(262, after=0.31)._replace(cause="world", because="Nothing else moved.")
    Incidents(store).record("flights", 0, [("worse", told)])
    return store


def test_before_there_is_a_card_the_alarms_are_believed(said: Store) -> None:
    incident = Incidents(said).get(INCIDENT)
    assert incident.cause == ("world", "Nothing else moved.")
    assert incident.cause_of_alarms == ("", "")


def test_a_card_names_the_cause_in_every_list_and_says_where_the_alarms_differ(
    said: Store, client: Client, browser: Client
) -> None:
    keep_full(said)
    for found in (
        client.get(f"/api/v1/incidents/{INCIDENT}").json(),
        next(one for one in client.get("/api/v1/incidents").json() if one["id"] == INCIDENT),
        Incidents(said).get(INCIDENT).told(),
    ):
        assert found["cause"] == NAMED.cause
        assert found["because"].startswith("20% of the values of carrier never came before")
        assert (found["alarms_cause"], found["alarms_because"]) == ("world", "Nothing else moved.")
    for path in ("/incidents", "/pipelines/flights", f"/incidents/{INCIDENT}"):
        shown = words(browser.get(path).text)
        assert "Likely cause: the form of the records." in shown, path
        assert "The alarms said first: the world changed." in shown, path


def test_the_topic_of_incidents_tells_the_same(said: Store) -> None:
    keep_full(said)
    message = IncidentMessage.model_validate(Incidents(said).get(INCIDENT).told())
    assert (message.cause, message.alarms_cause) == (NAMED.cause, "world")


def test_where_both_say_the_same_it_is_said_once(store: Store, browser: Client) -> None:
    told = alarm(262, after=0.31)._replace(cause=NAMED.cause, because="Something.")
    Incidents(store).record("flights", 0, [("worse", told)])
    keep_full(store)
    assert Incidents(store).get(INCIDENT).cause_of_alarms == ("", "")
    assert "The alarms said first" not in browser.get("/incidents").text


def test_a_list_reads_no_card_and_sends_no_more_statements_for_it(said: Store) -> None:
    keep_full(said)
    with statements(said) as sent:
        Incidents(said).listing()
    assert len(sent) == 2, "the incidents, and their evidence"
    assert "card.card" not in " ".join(sent)


def test_a_terminal_shows_it_too(
    said: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_full(said)
    fluvial = Commandline(monkeypatch, capsys)
    monkeypatch.setenv("FLUVIAL_STORE", said.url.render_as_string(hide_password=False))
    shown = fluvial("incident", INCIDENT).out
    assert "Likely cause: the form of the records. 20% of the values of carrier" in shown
    assert "The alarms said first: the world changed. Nothing else moved." in shown
    assert json.loads(fluvial("incident", INCIDENT, "--json").out)["alarms_cause"] == "world"
    assert re.search(rf"{INCIDENT}.*schema", fluvial("incidents").out)
