"""The evidence card on the page and in the API: in its order, redacted, and never silent about what is missing."""

from __future__ import annotations

import re
import time

from fluvial.incidents import Incidents
from fluvial.store import Store
from tests.fluvial.console.evidence_cards import HOSTILE, INCIDENT, full, keep_full
from tests.fluvial.console.fleet import alarm
from tests.fluvial.console.visitors import Client

PAGE, CARD = f"/incidents/{INCIDENT}", f"/api/v1/incidents/{INCIDENT}/card"

ORDER = (
    "Likely cause:",
    "What it costs",
    "Around the onset",
    "The monitor",
    "Fields that moved",
    "Sources and segments",
    "Events that went wrong",
    "Context",
)


def test_the_api_gives_the_card_with_its_age(client: Client, store: Store) -> None:
    keep_full(store)
    found = client.get(CARD).json()
    assert (found["incident"], found["version"], found["stale"]) == (INCIDENT, 1, False)
    assert 0 <= time.time() - found["at"] < 60
    assert found["card"]["cost"]["per_hour"] == 512.0
    assert found["card"]["watching"]["outcomes"][0]["who"] == "Ana"


def test_the_card_of_before_the_incident_changed_is_shown_as_old(
    client: Client, browser: Client, store: Store
) -> None:
    keep_full(store)
    Incidents(store).record("flights", 0, [("worse", alarm(262, after=0.31))])
    assert client.get(CARD).json()["stale"]
    assert "the incident has changed since" in browser.get(PAGE).text


def test_without_a_card_the_api_and_the_page_say_what_to_do(client: Client, browser: Client) -> None:
    answer = client.get(CARD)
    assert answer.status_code == 404
    assert "fluvial card" in answer.json()["detail"]
    assert client.get("/api/v1/incidents/nothing/card").status_code == 404
    page = browser.get(PAGE).text
    assert f"fluvial card PIPELINE {INCIDENT}" in page
    assert "Fields that moved" not in page
    assert "What it costs" in page


def test_the_page_shows_the_card_in_its_order(browser: Client, store: Store) -> None:
    keep_full(store)
    page = browser.get(PAGE).text
    places = [page.index(title) for title in ORDER]
    assert places == sorted(places)
    for said in (
        "512 EUR",
        "25\xa0%",
        "the form of the records",
        "The records before batch 12 are gone.",
        "1,000 to 1,400 miles",
    ):
        assert said in page.replace("<bdi>", "").replace("</bdi>", ""), said


def test_what_the_card_found_is_named_and_not_what_the_alarm_guessed(browser: Client, store: Store) -> None:
    raised = alarm(258)._replace(cause="world", because="inputs moved: x")
    Incidents(store).record("flights", 0, [("again", raised)])
    assert "Inputs moved: x" in browser.get(PAGE).text
    keep_full(store)
    assert "Inputs moved: x" not in browser.get(PAGE).text


def test_nothing_that_an_event_says_is_markup_or_can_hide(browser: Client, store: Store) -> None:
    keep_full(store)
    page = browser.get(PAGE).text
    assert "onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert not re.search("[\u202e\x1b]", page)
    page = page.replace("onerror=alert(1)&gt;", "")
    assert not re.search(r"\sstyle=|<style|\son\w+=", page), "the policy forbids them"


def test_the_api_shows_what_could_hide(client: Client, store: Store) -> None:
    keep_full(store)
    found = client.get(CARD).text
    assert "\u202e" not in found
    assert "\\u202e" not in found
    assert "\\u001b" not in found


def test_a_histogram_can_be_heard(browser: Client, store: Store) -> None:
    keep_full(store)
    page = browser.get(PAGE).text
    (said,) = re.findall(r'role="img" aria-label="(Shares of the events by distance[^"]*)"', page)
    assert "0 to 100: 10\xa0% before, 0\xa0% after" in said
    assert "Its values are private: they are compared, and not shown." in page


def test_a_card_of_the_store_alone_is_shown_with_what_is_missing(browser: Client, store: Store) -> None:
    nothing = {"measures": [], "cost": None, "volume": None, "labels": None, "fields": [], "segments": []}
    keep_full(store, **nothing, examples=[], before=None, after=None, refused=[], findings=[])
    page = browser.get(PAGE).text
    assert "The records before batch 12 are gone." in page
    assert "No event with a label lies after the onset yet." in page


def test_what_hides_is_made_visible_where_a_card_is_made() -> None:
    assert "\u202e" not in full().model_dump_json()
    assert HOSTILE not in full().model_dump_json()
