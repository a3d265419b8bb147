"""A shard that stands still, and going back to an earlier model: on the pages and through the API."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from fluvial.console.app import create
from fluvial.incidents import Incidents
from fluvial.journal import Journal
from fluvial.reviews import history
from fluvial.store import Store
from tests.fluvial.console.fleet import LOSS, decide, halt, keep_models, run_again, take_up
from tests.fluvial.console.test_pages import HOSTILE, Tags, words
from tests.fluvial.console.visitors import TOKEN, Client, form, program, visitor

MISSING = "the topic demand.events does not exist: create it with `fluvial topics create`"


def listed(page: str) -> list[str]:
    """The actions that a page offers."""
    found = Tags()
    found.feed(page)
    return [str(a["value"]) for tag, a in found.tags if tag == "button" and a.get("name") == "action"]


def test_one_sentence_says_what_stands_still_why_and_since_when(either_store: Store) -> None:
    incident = halt(either_store)
    shown = words(visitor(create(either_store, token=TOKEN)).get(f"/incidents/{incident}").text)
    opened = Incidents(either_store).get(incident).opened_at
    found = program(create(either_store, token=TOKEN)).get(f"/api/v1/incidents/{incident}").json()
    assert found["headline"].startswith("Shard 1 stands still since ")
    assert found["headline"].endswith(": demand.events:1 holds offsets 1200 to 5000, not 900 to 1100; the journal needs these records.")  # fmt: skip
    assert (found["opened_at"], found["headline"] in shown) == (opened, True)


def test_the_two_buttons_say_what_they_cost(browser: Client, store: Store) -> None:
    page = browser.get(f"/incidents/{halt(store)}").text
    assert listed(page) == ["acknowledge", "resume_shard", "accept_gap", "snooze", "comment"]
    shown = words(page)
    assert "Nothing is skipped before a person says so" in shown
    assert "Batches forgotten 4 Records in them 1,260 Back to batch 8" in shown
    assert "demand.events:1 1,100 1,200 100" in shown
    assert "replay. Forgotten: 4 batches with 1,260 records; the state after batch 8 comes back. Never read: demand.events:1 from 1,100 to 1,199. This cannot be undone." in shown  # fmt: skip
    assert "data-chart" not in page
    assert "It is tried again every minute" in shown


def test_a_model_that_failed_is_not_said_to_be_tried_again(browser: Client, store: Store) -> None:
    failed = halt(store, why="batch 3, at demand.events:1:17: TypeError: unsupported operand", retried=False)
    assert "It is not tried again by itself" in words(browser.get(f"/incidents/{failed}").text)


def test_while_a_topic_is_missing_the_gap_cannot_be_accepted(browser: Client, store: Store) -> None:
    page = browser.get(f"/incidents/{halt(store, why=MISSING, loss=None)}").text
    assert listed(page) == ["acknowledge", "resume_shard", "snooze", "comment"]
    assert "What accepting the gap would cost" not in page


def test_a_shard_is_tried_again_and_its_gap_accepted_by_form(browser: Client, store: Store) -> None:
    address = f"/incidents/{halt(store)}"
    page = browser.post(f"{address}/reviews", data=form(browser.get(address).text, action="resume_shard"))
    assert "Recorded: Ben had the shard tried again. Shard 1 is tried again within seconds" in words(
        page.text
    )
    assert "No worker has tried it yet." in words(page.text)
    journal = Journal(store, "demand")
    journal.tried(1, journal.acquire(1, "worker").epoch, journal.pending(1), "the offsets are gone")
    again = browser.get(address).text
    assert "It was tried, and the shard stands still: the offsets are gone." in words(again)
    assert "No worker has tried it yet." not in words(again)
    page = browser.post(f"{address}/reviews", data=form(again, action="accept_gap", who="Ana"))
    assert "Recorded: Ana accepted the gap." in words(page.text)
    assert listed(page.text) == ["resume_shard", "snooze", "comment"], "accepted is accepted"
    assert [one.action for one in journal.pending(1)] == ["resume_shard", "accept_gap"]
    assert journal.pending(0) == []


def test_when_the_shard_runs_again_the_page_says_so_and_what_was_given_up(
    browser: Client, store: Store
) -> None:
    incident = halt(store)
    decide(store, incident=incident, action="accept_gap", who="Ana")
    take_up(store, "demand", shard=1, batch=13, **LOSS)
    run_again(store)
    page = browser.get(f"/incidents/{incident}").text
    shown = words(page)
    assert "Shard 1 stood still from " in shown
    assert "The shard went on just now ; the incident closed by itself." in shown
    assert "If it stops, a new incident opens." in shown
    assert "Taken up with batch 13. " in shown
    assert "Forgotten: 4 batches with 1,260 records" in shown
    assert "<form" not in page
    assert "The shard went on just now ." in words(browser.get("/incidents").text)


def test_the_pipeline_page_leads_to_the_decision(browser: Client, store: Store) -> None:
    incident = halt(store)
    page = browser.get("/pipelines/demand").text
    assert f'<a href="/incidents/{incident}">Decide</a>' in page
    assert "1 shard halted" in words(page)
    assert "Shard 1 stands still since" in words(browser.get("/incidents").text)
    run_again(store)
    assert "Decide</a>" not in browser.get("/pipelines/demand").text


@pytest.mark.parametrize("path", ["/incidents/{}", "/pipelines/demand", "/incidents"])
def test_a_reason_to_stand_still_is_text_and_nothing_more(browser: Client, store: Store, path: str) -> None:
    incident = halt(store, why=f"batch 3, at x:0:1: ValueError: {HOSTILE}")
    found = Tags()
    page = browser.get(path.format(incident)).text
    found.feed(page)
    assert "&lt;script&gt;" in page
    assert not [tag for tag, _ in found.tags if tag == "img"]
    assert "\u202e" not in page
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_charts_know_halts_and_do_not_draw_them(browser: Client, store: Store) -> None:
    incident = halt(store)
    for path in (f"/api/v1/incidents/{incident}/chart", "/api/v1/pipelines/demand/chart"):
        figure = browser.get(path).json()
        assert not any("halt" in str(trace.get("name")) for trace in figure["data"])


def test_many_halts_do_not_push_alarms_off_the_chart(browser: Client, store: Store) -> None:
    for number in range(210):
        Incidents(store).stands_still("flights", 0, f"reason {'x' * number}", gives_up=LOSS)
    data = browser.get("/api/v1/pipelines/flights/chart").json()["data"]
    assert [len(trace["x"]) for trace in data if trace["name"] == "worse alarms"] == [2]


# ---- an earlier model


def test_an_earlier_model_is_chosen_and_brought_back_by_form(browser: Client, store: Store) -> None:
    assert "rollback" not in listed(browser.get("/pipelines/flights").text), "nothing to go back to yet"
    keep_models(store, "flights", 0, 0, 120, 240)
    page = browser.get("/pipelines/flights").text
    shown = words(page)
    assert "batch 240 (just now) batch 120 (just now) batch 0 (nothing learned)" in shown
    wish = form(page, action="rollback", model="0:120", who="Ana", reason="The spell is over.")
    page = browser.post("/pipelines/flights/reviews", data=wish).text
    assert (
        "Recorded: Ana brought an earlier model back. Rolled back to the model of batch 120 of shard 0; "
        "the offset stays; what came since is not learned again." in words(page)
    )
    (told,) = Journal(store, "flights").pending(0)
    assert (told.action, dict(told.args)) == ("rollback", {"batch": 120})


def test_a_pipeline_of_several_shards_names_the_shard_of_each_model(browser: Client, store: Store) -> None:
    keep_models(store, "demand", 1, 7)
    keep_models(store, "demand", 2, 9)
    page = browser.get("/pipelines/demand").text
    assert "shard 1, batch 7 (just now) shard 2, batch 9 (just now)" in words(page)
    browser.post("/pipelines/demand/reviews", data=form(page, action="rollback", model="2:9"))
    assert [len(Journal(store, "demand").pending(shard)) for shard in range(3)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("", "needs the batch"),
        ("0", "needs the batch"),
        ("0:x", "needs the batch"),
        ("0:99999999999999999999", "needs the batch"),
        ("0:121", "no snapshot of batch 121: there are 120"),
        ("5:120", "shards 0 to 0 and no shard 5"),
    ],
)
def test_a_choice_that_is_none_is_refused_on_the_same_page(
    browser: Client, store: Store, model: str, says: str
) -> None:
    keep_models(store, "flights", 0, 120)
    wish = form(browser.get("/pipelines/flights").text, action="rollback", model=model)
    answer = browser.post("/pipelines/flights/reviews", data=wish)
    assert (answer.status_code, says in words(answer.text)) == (422, True), words(answer.text)
    assert Journal(store, "flights").pending(0) == []


def test_a_rollback_that_had_no_effect_says_so(browser: Client, store: Store) -> None:
    keep_models(store, "flights", 0, 120)
    decide(store, pipeline="flights", action="rollback", batch=120, who="Ana")
    take_up(store, "flights", shard=0, batch=338, batch_of=120, failed="batch 7: the records are gone")
    assert "It had no effect: batch 7: the records are gone." in words(browser.get("/pipelines/flights").text)


def test_on_an_incident_of_drift_a_model_can_be_brought_back(browser: Client, store: Store) -> None:
    address = "/incidents/0f1e2d3c4b5a"
    assert "rollback" not in listed(browser.get(address).text)
    keep_models(store, "flights", 0, 120)
    page = browser.get(address).text
    assert "rollback" in listed(page)
    assert not {"resume_shard", "accept_gap"} & set(listed(page))
    answer = browser.post(f"{address}/reviews", data=form(page, action="rollback", model="0:120"))
    assert answer.status_code == 200
    assert history(store, incident="0f1e2d3c4b5a")[0].action == "rollback"


# ---- the API


def test_the_api_shows_why_a_shard_stands_still_and_what_can_be_done(either_store: Store) -> None:
    client = program(create(either_store, token=TOKEN))
    incident = halt(either_store)
    found = client.get(f"/api/v1/incidents/{incident}").json()
    assert list(found["actions"])[:3] == ["acknowledge", "resume_shard", "accept_gap"]
    (evidence,) = found["evidence"]
    gives_up = {name: value for name, value in LOSS.items() if name != "positions"}
    assert (evidence["direction"], evidence["gives_up"]) == ("halted", gives_up)
    assert evidence["onset"] == found["opened_at"]
    shard = client.get("/api/v1/pipelines/demand").json()["shard_rows"][1]
    assert (shard["incident"], shard["halted"]) == (incident, evidence["why"])
    for action in ("resume_shard", "accept_gap"):
        assert (
            client.post(f"/api/v1/incidents/{incident}/reviews", json={"action": action, "who": "Ana"})
            .json()["effect"]
            .startswith("Shard 1 ")
        )
    left = client.get(f"/api/v1/incidents/{incident}").json()["actions"]
    assert list(left) == ["resume_shard", "snooze", "comment"]
    answer = client.post(f"/api/v1/incidents/{incident}/reviews", json={"action": "accept_gap", "who": "Ben"})
    assert (answer.status_code, answer.json()["who"]) == (409, "Ana")


def test_the_api_says_which_models_can_be_brought_back(client: Client, store: Store) -> None:
    keep_models(store, "demand", 2, 0, 9)
    found = client.get("/api/v1/pipelines/demand").json()["models"]
    assert [(one["shard"], one["batch"]) for one in found] == [(2, 9), (2, 0)]
    wish = {"action": "rollback", "who": "Ana", "shard": 2, "batch": 9, "id": "r1"}
    answers = [client.post("/api/v1/pipelines/demand/reviews", json=wish) for _ in range(3)]
    assert [answer.json()["repeated"] for answer in answers] == [False, True, True]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/pipelines/demand", {"action": "resume_shard"}, 422, "resume_shard concerns one shard: name it"),
        (
            "/pipelines/demand",
            {"action": "resume_shard", "shard": 0},
            422,
            "shard 0 of demand does not stand",
        ),
        ("/pipelines/demand", {"action": "accept_gap", "shard": 7}, 422, "shards 0 to 2 and no shard 7"),
        ("/pipelines/demand", {"action": "rollback"}, 422, "a rollback needs the batch"),
        ("/pipelines/demand", {"action": "rollback", "batch": 3}, 422, "name one of them"),
        ("/pipelines/demand", {"action": "pause", "shard": 1}, 422, "pause concerns all shards: name none"),
        ("/incidents/0f1e2d3c4b5a", {"action": "accept_gap"}, 422, "is about no shard that stands still"),
        ("/incidents/{}", {"action": "pause"}, 422, "shard 1 stands still"),
        ("/incidents/{}", {"action": "resolve"}, 422, "closed as soon as the shard runs"),
        ("/incidents/{}", {"action": "accept_gap", "version": 7}, 409, "changed since you looked"),
    ],
)
def test_what_cannot_be_decided_about_a_shard_is_refused_in_a_sentence(
    client: Client, store: Store, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    address = f"/api/v1{path.format(halt(store))}/reviews"
    answer = client.post(address, json=body | {"who": "Ana"})
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.json()


def test_the_api_describes_both_kinds_of_evidence(app: FastAPI, client: Client) -> None:
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    assert {"Evidence", "Standstill", "GivenUp", "ModelChoice"} <= set(schemas)
