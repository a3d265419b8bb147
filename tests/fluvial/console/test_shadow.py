"""People see beside each other what other models would have made of a drift, and go on with one of them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from fluvial.shadow.jobs import Jobs, enqueue
from fluvial.store import Store, decision_table
from tests.fluvial.console.test_pages import FIRING, words
from tests.fluvial.console.visitors import Client, field

INCIDENT = "0f1e2d3c4b5a"
HOSTILE = "<script>alert(1)</script>\u202e"


def row(name: str, title: str, loss: float, **more: Any) -> dict[str, Any]:
    """One variant as a job keeps it."""
    recipe = {"start": 90, "first": 90, "last": None, "fresh": True, "model": None, "without": []}
    usual = {"says": f"is {title.lower()}", "n": 4_800, "learned": 4_800, "loss": loss, "metric": 0.7}
    usual |= {"cost": 31_000.0, "difference": loss - 0.247, "low": loss - 0.257, "high": loss - 0.237}
    return {"name": name, "title": title, "failed": None, "recipe": recipe, **usual, **more}


def table(*rows: dict[str, Any]) -> dict[str, Any]:
    """A shadow table as a job keeps it."""
    own = row("as_is", "The model as it is", 0.247, difference=None, low=None, high=None, recipe=None)
    told = {
        "onset_batch": 90,
        "replayed_from": 80,
        "to_batch": 337,
        "n": 4_800,
        "unit": "EUR",
        "seconds": 3.2,
    }
    told |= {"shard": 0, "metric": "rocauc", "suspects": [], "left_out": 0, "best": "retrained"}
    return {**told, "variants": [own, *rows]}


@pytest.fixture
def computed(store: Store) -> Store:
    with store.write() as db:
        enqueue(db, "t", "table", "flights", 0, {"incident": INCIDENT})
    job = Jobs(store).claim("flights", "w")
    assert job is not None
    retrained = row("retrained", "Retrained from a window", 0.19)
    candidate = row("candidate", "Candidate", 0.0) | {"loss": None, "failed": f"it fails on {HOSTILE}"}
    Jobs(store).done(job, table(retrained, row("frozen", "Frozen before the drift", 0.31), candidate))
    return store


def decisions(store: Store) -> list[tuple[str, dict[str, Any]]]:
    with store.read() as db:
        rows = db.execute(sa.select(decision_table).where(decision_table.c.review.like("%adopt%"))).all()
    return [(found.action, found.args) for found in rows]


def test_the_table_says_of_each_model_what_it_would_have_given(browser: Client, computed: Store) -> None:
    page = browser.get(FIRING).text
    said = words(page)
    assert "What other models would have made of it" in said
    assert "batches 91 to 337: all judged on the same 4,800 labels, each as late as it came." in said
    assert "Retrained from a window least loss surely better" in said
    assert "Against the model as it is -0.0570 (-0.0670 to -0.0470)" in said
    assert "Frozen before the drift surely worse" in said
    assert "of no use: it fails on &lt;script&gt;" in said
    assert HOSTILE not in page


def test_progress_is_shown_while_it_is_computed(browser: Client, store: Store) -> None:
    assert "Nothing is computed yet." in words(browser.get(FIRING).text)
    with store.write() as db:
        enqueue(db, "t", "table", "flights", 0, {"incident": INCIDENT})
    assert "A shadow table of shard 0 is waiting for a worker" in words(browser.get(FIRING).text)
    job = Jobs(store).claim("flights", "w")
    assert job is not None
    Jobs(store).progress(job, 120, 337)
    page = browser.get(FIRING).text
    assert "is being computed: batch 120 of 337" in words(page)
    assert '<progress value="120" max="337"' in page
    Jobs(store).fail(job, "the records are gone")
    assert "Not computed for shard 0: the records are gone" in words(browser.get(FIRING).text)


def test_what_a_decision_would_do_is_said_on_the_page_and_nothing_happens(
    browser: Client, computed: Store
) -> None:
    page = browser.get(FIRING).text
    sent = {name: field(page, name) for name in ("csrf", "id", "version")}
    sent |= {"who": "Ana", "reason": "looks", "variant": "0:retrained", "pause": "adopt"}
    answer = browser.post(f"{FIRING}/reviews", data={**sent, "foretell": "adopt"})
    assert answer.status_code == 200
    said = words(answer.text)
    assert "This would happen: Shard 0 goes on with this model: retrained from a window" in said
    assert "its loss was 0.19 against 0.247" in said
    assert "Learning is paused with it. Nothing was done yet." in said
    assert decisions(computed) == []
    answer = browser.post(f"{FIRING}/reviews", data={**sent, "action": "adopt"})
    assert [action for action, _ in decisions(computed)] == ["pause", "adopt"]
    assert decisions(computed)[1][1]["variant"] == "retrained"


def test_a_program_asks_for_a_table_and_sees_how_far_it_is(client: Client, store: Store) -> None:
    assert client.get(f"/api/v1{FIRING}/shadow").json() == []
    wish = {"candidate": "linear_model.LogisticRegression()", "window": "10:20", "source": "UA"}
    asked = client.post(f"/api/v1{FIRING}/shadow", json=wish).json()
    assert (asked["state"], asked["kind"], asked["shard"], asked["table"]) == ("queued", "table", 0, None)
    assert asked["asked"]["window"] == [10, 20]
    assert asked["asked"]["without"] == ["UA"]
    assert [job["id"] for job in client.get(f"/api/v1{FIRING}/shadow").json()] == [asked["id"]]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"candidate": "os.system('x')"}, "the candidate: column 1: os.system is not allowed"),
        ({"window": "20:10"}, "the window '20:10' is none"),
        ({"shard": 7}, "flights has no shard 7"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_a_sentence(client: Client, wish: Any, said: str) -> None:
    answer = client.post(f"/api/v1{FIRING}/shadow", json=wish)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_a_dry_run_says_what_would_be_done(client: Client, computed: Store) -> None:
    wish = {"action": "adopt", "variant": "retrained", "who": "Ana", "id": "adopt-1", "dry_run": True}
    said = client.post(f"/api/v1{FIRING}/reviews", json=wish).json()
    assert said["effect"].startswith("Shard 0 goes on with this model: retrained from a window")
    assert decisions(computed) == []
    taken = client.post(f"/api/v1{FIRING}/reviews", json=wish | {"dry_run": False}).json()
    assert (taken["effect"], taken["repeated"]) == (said["effect"], False)
    again = client.post(f"/api/v1{FIRING}/reviews", json=wish | {"dry_run": False}).json()
    assert again["repeated"]
    assert len(decisions(computed)) == 1


def test_a_form_from_elsewhere_computes_nothing(browser: Client, store: Store) -> None:
    answer = browser.post(f"{FIRING}/shadow", data={"csrf": "wrong"})
    assert answer.status_code == 403
    assert Jobs(store).of(INCIDENT) == []
    page = browser.get(FIRING).text
    sent = {"csrf": field(page, "csrf"), "window": "10:"}
    browser.post(f"{FIRING}/shadow", data=sent)
    assert [job.asked["window"] for job in Jobs(store).of(INCIDENT)] == [[10, None]]
