"""The life of incidents on pages and in the API: many at once, quiet for a while, expected, approved, tuned."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from fluvial.incidents import Incidents
from fluvial.reviews import Request, history, register, review
from fluvial.scenarios import listing
from fluvial.store import Store, point_table
from monitors.alarm import Alarm
from monitors.spec import MonitorSpec
from tests.fluvial.console.fleet import FLIGHTS
from tests.fluvial.console.test_pages import FIRING, RESOLVED, words
from tests.fluvial.console.visitors import Client, form
from tests.fluvial.test_rate import draw

NAME = FIRING.rpartition("/")[2]
LATER = 1_900_000_000.0


def more(store: Store, *names: str) -> None:
    """Open further incidents, each of a drift of its own."""
    for n, name in enumerate(names):
        at = LATER + n * 30 * 86400.0
        alarm = Alarm("loss", "worse", at, at - 60, 1000, 0.1, 0.4, 500, 500, score=5.2, needed=5.0)
        Incidents(store).record("flights", 0, [(name, alarm)])


def ticked(page: str) -> list[str]:
    return re.findall(r'name="incident" value="([^"]+)" checked', page)


def test_many_are_acknowledged_after_a_look_without_a_script(browser: Client, store: Store) -> None:
    more(store, "b1", "b2")
    assert (
        'href="/acknowledge?state=&amp;pipeline=flights"' in browser.get("/incidents?pipeline=flights").text
    )
    page = browser.get("/acknowledge?pipeline=flights").text
    assert set(ticked(page)) == {"b2:1", "b1:1", f"{NAME}:1"}
    assert "<script" not in page
    assert len(history(store, incident="b1")) == 0, "looking changes nothing"
    chosen = [one for one in ticked(page) if not one.startswith(NAME)]
    answer = browser.post("/acknowledge", data=form(page, incident=chosen, pipeline="flights"))
    assert "2 incidents acknowledged." in words(answer.text)
    assert ticked(answer.text) == [f"{NAME}:1"], "what was not ticked is left"
    assert [(one.who, one.channel) for one in history(store, incident="b1")] == [("Ben", "console")]


def test_what_changed_since_the_look_is_left_alone_and_said(browser: Client, store: Store) -> None:
    more(store, "b1")
    page = browser.get("/acknowledge?pipeline=flights").text
    review(store, Request(action="acknowledge", incident="b1", who="Eve"), "cli")
    answer = browser.post("/acknowledge", data=form(page, incident=["b1:1", "gone:1", "odd"]))
    assert "0 incidents acknowledged. 2 incidents left alone" in words(answer.text)
    assert Incidents(store).get("b1").acknowledged_by == "Eve"


@pytest.mark.parametrize("spoilt", [{"csrf": "x"}, {"who": " "}, {"who": "a\0"}])
def test_a_form_of_another_page_or_without_a_name_does_nothing(
    browser: Client, spoilt: dict[str, str]
) -> None:
    page = browser.get("/acknowledge").text
    answer = browser.post("/acknowledge", data=form(page, incident=ticked(page)) | spoilt)
    assert answer.status_code in (403, 422)
    assert ticked(browser.get("/acknowledge").text) == ticked(page)


def test_the_api_previews_and_acknowledges_many(client: Client, store: Store) -> None:
    more(store, "b1", "b2")
    found = client.get("/api/v1/acknowledge?pipeline=flights&state=firing").json()
    chosen = [{"id": one["id"], "version": one["version"]} for one in found]
    body: dict[str, Any] = {"incidents": chosen, "who": "Bot", "reason": "one cause", "id": "b"}
    dry = client.post("/api/v1/acknowledge", json=body | {"dry_run": True}).json()
    assert all(one["review"]["effect"] for one in dry)
    assert Incidents(store).get("b1").state == "firing"
    first = client.post("/api/v1/acknowledge", json=body).json()
    assert [one["review"]["repeated"] for one in first] == [False] * len(chosen)
    again = client.post("/api/v1/acknowledge", json=body).json()
    assert [one["review"]["repeated"] for one in again] == [True] * len(chosen)
    late = client.post("/api/v1/acknowledge", json=body | {"who": "Eve", "id": "c"}).json()
    assert {one["who"] for one in late} == {"Bot"}


def test_an_incident_is_snoozed_and_reopened_on_its_page(browser: Client, store: Store) -> None:
    page = browser.get(FIRING).text
    browser.post(f"{FIRING}/reviews", data=form(page, action="snooze", lasting="4h"))
    found = Incidents(store).get(NAME)
    assert found.snoozed_until == pytest.approx(time.time() + 4 * 3600, abs=120)
    page = browser.get(FIRING).text
    assert "Snoozed by Ben until" in words(page)
    assert 'value="unsnooze"' in page
    page = browser.get(RESOLVED).text
    browser.post(f"{RESOLVED}/reviews", data=form(page, action="reopen"))
    assert Incidents(store).get(RESOLVED.rpartition("/")[2]).state == "acknowledged"


def test_a_dry_run_by_the_api_says_the_effect_and_changes_nothing(client: Client, store: Store) -> None:
    body = {"action": "resolve", "who": "Bot", "dry_run": True}
    answer = client.post(f"/api/v1{FIRING}/reviews", json=body)
    assert (answer.status_code, answer.json()["effect"][:25]) == (200, "The incident is closed; l")
    assert Incidents(store).get(NAME).state == "firing"
    answer = client.post(
        f"/api/v1{FIRING}/reviews", json={"action": "snooze", "who": "Bot", "until": "yesterday"}
    )
    assert answer.status_code == 422
    assert "is no moment" in answer.json()["detail"]


def test_a_scenario_is_registered_and_ended_on_the_page_of_its_pipeline(
    browser: Client, store: Store
) -> None:
    page = browser.get("/pipelines/flights").text
    wish = {
        "name": "<b>sale</b>",
        "since": "2030-01-01T00:00",
        "until": "2030-02-01T00:00",
        "monitors": "loss",
    }
    browser.post("/pipelines/flights/reviews", data=form(page, action="expect", **wish))
    (one,) = listing(store, "flights")
    assert (one.name, one.since, one.monitors) == ("<b>sale</b>", 1_893_456_000.0, ("loss",))
    page = browser.get("/pipelines/flights").text
    assert "&lt;b&gt;sale&lt;/b&gt;" in page
    assert "<b>sale" not in page
    browser.post("/pipelines/flights/reviews", data=form(page, action="unexpect", of=one.id))
    assert listing(store, "flights") == []


def test_the_api_lists_scenarios_proposals_and_likenesses(client: Client, store: Store) -> None:
    wish = {"action": "expect", "who": "Eve", "name": "sale", "since": 5, "until": 9}
    assert client.post("/api/v1/pipelines/flights/reviews", json=wish).status_code == 200
    assert [one["name"] for one in client.get("/api/v1/scenarios?pipeline=flights").json()] == ["sale"]
    assert client.get("/api/v1/proposals").json() == []
    (like,) = client.get(f"/api/v1{FIRING}/similar").json()
    assert like["likeness"] == "the same"
    assert [one["action"] for one in like["decided"]] == ["acknowledge", "resolve"]
    assert client.get("/api/v1/incidents/nothing/similar").status_code == 404


def test_a_proposal_is_seen_and_approved_by_somebody_else(browser: Client, store: Store) -> None:
    register(store, "flights", 1, FLIGHTS | {"review": {"approve": ["reset"]}})
    page = browser.get("/pipelines/flights").text
    browser.post("/pipelines/flights/reviews", data=form(page, action="reset", who="Ann"))
    page = browser.get("/pipelines/flights").text
    assert "Ann wants: Reset the model" in words(page)
    (proposal,) = re.findall(r'name="of" value="([^"]+)"', page)
    same = browser.post(
        "/pipelines/flights/reviews", data=form(page, action="approve", of=proposal, who="Ann")
    )
    assert same.status_code == 422
    assert "somebody else approves it" in same.text
    browser.post("/pipelines/flights/reviews", data=form(page, action="approve", of=proposal, who="Ben"))
    done = [(one.action, one.who) for one in history(store, pipeline="flights")][:3]
    assert done == [("approve", "Ben"), ("reset", "Ann"), ("propose", "Ann")]


def test_after_a_false_alarm_the_page_offers_another_budget_at_its_price(
    browser: Client, client: Client, store: Store
) -> None:
    more(store, "b1")
    page = browser.get("/incidents/b1").text
    answer = browser.post("/incidents/b1/reviews", data=form(page, action="false_alarm"))
    assert "Of 1 incident in 30 days 0 would remain. Spared: 1 false alarm." in words(answer.text)
    told = client.get("/api/v1/incidents/b1/tuning").json()
    assert told["wanted"]["budget"] < told["now"]["budget"] == MonitorSpec().budget
    wish = {"action": "set_budget", "budget": told["wanted"]["budget"], "smallest_change": 0.02}
    browser.post("/pipelines/flights/reviews", data=form(page, **wish))
    assert history(store, pipeline="flights")[0].action == "set_budget"


def test_the_page_says_what_the_budget_means_at_the_present_rate(
    browser: Client, client: Client, store: Store
) -> None:
    with store.write() as db:
        db.execute(point_table.delete())
    said = "Budget: 0.03 false alarms per 100,000 events, over all monitors together"
    assert f"{said}." in words(browser.get("/pipelines/flights").text)
    told = client.get("/api/v1/pipelines/flights").json()["watching"]
    assert (told["budget"], told["daily_outcomes"], told["monthly_false_alarms"]) == (0.03, None, None)
    draw(store, 0, [0.0, 1.0, 2.0], pipeline="flights")
    review(store, Request(action="set_budget", pipeline="flights", who="Eve", budget=1.64), "cli")
    told = client.get("/api/v1/pipelines/flights").json()["watching"]
    assert told["daily_outcomes"] == pytest.approx(1000)
    assert told["monthly_false_alarms"] == pytest.approx(0.5, abs=0.01)
    page = words(browser.get("/pipelines/flights").text)
    assert "at 1,000 outcomes a day that is about one in 2 months" in page


def test_what_came_back_and_what_got_worse_is_said_on_the_page(browser: Client, store: Store) -> None:
    more(store, "b1")
    review(store, Request(action="resolve", incident="b1", who="Eve"), "cli")
    at = LATER + 400 * 86400.0
    loss = Alarm("loss", "worse", at, at - 60, 1000, 0.1, 0.4, 500, 500)
    Incidents(store).record("flights", 0, [("d1", loss)])
    review(store, Request(action="acknowledge", incident="d1", who="Eve"), "cli")
    Incidents(store).record("flights", 0, [("d2", loss._replace(time=at + 60, phase="worse"))])
    page = words(browser.get("/incidents/d1").text)
    assert "It came back: it was resolved before as" in page
    assert "It got worse since it was acknowledged." in page
    assert "Eve has it" in page
