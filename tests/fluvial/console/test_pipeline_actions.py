"""What changes a model is offered on the page of its pipeline, each with what it would do beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from fluvial.incidents import Incidents
from fluvial.journal import Journal
from fluvial.reviews import history
from fluvial.shelf import Shelf, Snapshot
from fluvial.store import Store
from tests.fluvial.console.fleet import decide, keep_models
from tests.fluvial.console.test_pages import Tags, words
from tests.fluvial.console.test_standing import listed
from tests.fluvial.console.visitors import Client, form

PAGE = "/pipelines/flights"
HOSTILE = '"><script>alert(1)</script>'


def knows(store: Store, *values: str) -> None:
    """Let the newest snapshot of the flights tell of carriers."""
    told = {name: {"weights": 1, "largest": [[f"carrier={name}", 0.25]], "statistics": []} for name in values}
    categories = {"carrier": {"values": told, "more": 0}}
    epoch = Journal(store, "flights").acquire(0, "worker-1").epoch
    made = Snapshot(120, {}, "", "", b"", {"categories": categories, "mixed": {}, "batch": 120})
    Shelf(store, "flights").save(0, epoch, made)


def foretold(page: str) -> list[str]:
    found = Tags()
    found.feed(page)
    return [str(a["value"]) for tag, a in found.tags if tag == "button" and a.get("name") == "foretell"]


def test_the_page_of_a_pipeline_offers_what_changes_its_model(browser: Client, store: Store) -> None:
    keep_models(store, "flights", 0, 0, 120)
    page = browser.get(PAGE).text
    offered = ["exclude_source", "reset_part", "rollback", "reset"]
    assert [one for one in listed(page) if one not in ("pause", "expect")] == offered
    assert foretold(page) == offered
    decide(store, pipeline="flights", action="exclude_source", source="WN", who="Ana")
    page = browser.get(PAGE).text
    assert "include_source" in listed(page)
    assert "include_source" in foretold(page)


def test_open_drifts_lead_to_retraining_and_adopting(browser: Client, store: Store) -> None:
    (drift,) = [one for one in Incidents(store).listing(pipeline="flights") if one.state != "resolved"]
    assert f'href="/incidents/{drift.id}#shadow"' in browser.get(PAGE).text
    decide(store, incident=drift.id, action="resolve", who="Ana")
    page = browser.get(PAGE).text
    assert "#shadow" not in page
    assert "No drift is open; after one its incident offers them." in words(page)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (
            {"foretell": "exclude_source", "source": "WN"},
            "From the next batch on what WN brings is predicted",
        ),
        ({"foretell": "reset_part", "part": "StandardScaler"}, "StandardScaler forgets what it has learned"),
        (
            {"foretell": "reset_part", "category": "carrier=WN"},
            "1 weight: carrier=WN at 0.25 after batch 120",
        ),
        ({"foretell": "reset"}, "the model starts afresh"),
        ({"foretell": "rollback", "model": "0:120"}, "Rolled back to the model of batch 120 of shard 0"),
    ],
)
def test_what_it_would_do_is_said_and_not_done(
    browser: Client, store: Store, wish: dict[str, Any], said: str
) -> None:
    keep_models(store, "flights", 0, 0, 120)
    knows(store, "AA", "WN")
    before = len(history(store, pipeline="flights"))
    answer = browser.post(f"{PAGE}/reviews", data=form(browser.get(PAGE).text, **wish))
    assert answer.status_code == 200, words(answer.text)
    assert "This would happen:" in words(answer.text)
    assert said in words(answer.text)
    assert len(history(store, pipeline="flights")) == before


def test_a_category_is_reset_by_form_without_a_script(browser: Client, store: Store) -> None:
    knows(store, "AA", "WN")
    page = browser.get(PAGE).text
    assert '<option value="carrier=WN">' in page
    wish = form(page, action="reset_part", part="StandardScaler", category="carrier=WN")
    assert "Recorded:" in words(browser.post(f"{PAGE}/reviews", data=wish).text)
    (told,) = Journal(store, "flights").pending(0)
    assert (told.action, dict(told.args)) == ("reset_part", {"part": "carrier=WN"})


def test_a_wrong_category_is_answered_by_what_there_is(browser: Client, store: Store) -> None:
    knows(store, "AA", "WN")
    wish = form(browser.get(PAGE).text, action="reset_part", category="carrier=UA")
    answer = browser.post(f"{PAGE}/reviews", data=wish)
    assert answer.status_code == 422
    assert "it knows AA, WN (shard 0, after batch 120)." in words(answer.text)


def test_what_a_category_is_called_is_text_and_nothing_more(browser: Client, store: Store) -> None:
    knows(store, HOSTILE)
    page = browser.get(PAGE).text
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page
