"""The pages behind a pipeline's: quarantine, labels, models, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI

from consumers.embedded import EmbeddedLog
from fluvial.console.app import create
from fluvial.console.samples import NO_LOG, Samples
from fluvial.settings import Settings
from fluvial.store import Store
from tests.fluvial.console.fleet import decide, keep_models
from tests.fluvial.console.gallery import furnish
from tests.fluvial.console.visitors import TOKEN, Client, form, program, visitor

ROOMS = ("quarantine", "labels", "models", "settings")


def words(page: str) -> str:
    """A page as it is read: without markup, white space folded."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """A console with a log, and everything to show."""
    home = tmp_path_factory.mktemp("home")
    with closing(Store(f"sqlite:///{home / 'store.db'}")) as store:
        yield create(store, token=TOKEN, here=furnish(store, home))


@pytest.fixture
def guest(furnished: FastAPI) -> Client:
    """A browser at it."""
    return visitor(furnished)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("name", ["flights", "demand", "intent"])
def test_every_pipeline_has_every_room(guest: Client, name: str, room: str) -> None:
    page = guest.get(f"/pipelines/{name}/{room}")
    assert page.status_code == 200
    assert f'href="/pipelines/{name}/{room}" aria-current="page"' in page.text
    assert guest.get(f"/pipelines/none/{room}").status_code == 404


@pytest.mark.parametrize("room", ROOMS)
def test_programs_read_what_people_see(furnished: FastAPI, room: str) -> None:
    client = program(furnished)
    assert client.get(f"/api/v1/pipelines/flights/{room}").json()["pipeline"] == "flights"
    assert client.get(f"/api/v1/pipelines/none/{room}").status_code == 404


def test_what_was_refused_is_counted_and_shown(guest: Client) -> None:
    page = words(guest.get("/pipelines/flights/quarantine").text)
    assert "474 of 666,896 records refused" in page
    assert "out of range events 350" in page
    assert "distance is -1: at least 0 is asked for." in page
    assert "flights.events , partition 0, offset 330,001" in page
    only = words(guest.get("/pipelines/flights/quarantine?reason=not_json").text)
    assert "The value is no JSON text." in only
    assert "distance is -1" not in only


def test_without_a_log_the_counts_are_there_and_why_no_more_is(browser: Client) -> None:
    page = words(browser.get("/pipelines/flights/quarantine").text)
    assert "out of range events 350" in page
    assert NO_LOG in page


def test_a_log_that_is_not_there_is_said_and_not_made(store: Store, tmp_path: Path) -> None:
    here = Settings(home=tmp_path / "elsewhere")
    app = create(store, token=TOKEN, here=here)
    page = words(visitor(app).get("/pipelines/flights/quarantine").text)
    assert "The log cannot be read now" in page
    assert not here.log_path.exists()


def test_what_stands_in_the_topic_and_is_no_refusal_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(EmbeddedLog(path)) as log:
        log.create("q", 1)
        for value in (b"{", b"[]", b"", b'{"stream": "events"}'):
            log.append("q", value, timestamp=1, partition=0)
        log.flush()
    samples = Samples(lambda: EmbeddedLog(path))
    assert samples.newest("q") == ([], "")
    assert samples.newest("none") == ([], "")


def test_only_the_newest_are_read_however_many_there_are(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    told = b'{"stream": "events", "reason": "not_json", "topic": "e", "partition": 0, "offset": %d, "timestamp": %d}'
    with closing(EmbeddedLog(path)) as log:
        log.create("q", 2)
        for number in range(200):
            log.append("q", told % (number, number), timestamp=number, partition=number % 2)
        log.flush()
    found, _ = Samples(lambda: EmbeddedLog(path)).newest("q")
    assert [one.offset for one in found] == list(range(199, 179, -1))


def test_how_long_labels_take_where_they_are_and_who_sent_them(guest: Client) -> None:
    page = words(guest.get("/pipelines/flights/labels").text)
    assert "Mean 2 h 50% within 3 h 90% within 6 h 99% within 12 h" in page
    assert "Predictions without a label 2,104" in page
    assert "Labels 330,120 ✓ adds up" in page
    assert "base rate of the labels quiet 0.236" in page
    assert "C13 10,500 0.620" in page


def test_labels_of_shards_are_added_up(furnished: FastAPI) -> None:
    found = program(furnished).get("/api/v1/pipelines/flights/labels").json()
    assert sum(one["n"] for one in found["delays"]) == 326_042
    assert found["delays"][-1] == {"upto": None, "n": 0}
    assert found["within"] == {"50%": 10_800, "90%": 21_600, "99%": 43_200}


def test_models_with_what_made_them(guest: Client) -> None:
    page = words(guest.get("/pipelines/flights/models").text)
    assert "Model number 1. Every reset and rollback adds one." in page
    assert "0 336 1 h ago" in page or re.search(r"0 336 \S", page)
    assert "made the newest model of shard 0" in page
    assert "river 0.26.1" in page


def test_the_door_back_works_from_the_page_of_models(browser: Client, store: Store) -> None:
    keep_models(store, "flights", 0, 100, 200)
    page = browser.get("/pipelines/flights/models").text
    answer = browser.post(
        "/pipelines/flights/reviews", data=form(page, who="Ana", action="rollback", model="0:100")
    )
    assert answer.status_code == 200
    assert "Rolled back to the model of batch 100" in answer.text
    changed = words(browser.get("/pipelines/flights/models").text)
    assert "What changed the model Ana" in changed


def test_decisions_that_leave_the_model_alone_are_not_among_those_that_changed_it(
    browser: Client, store: Store
) -> None:
    decide(store, incident="0f1e2d3c4b5a", action="acknowledge", who="Ana")
    assert "What changed the model Nobody has decided" in words(browser.get("/pipelines/flights/models").text)


def test_what_a_pipeline_runs_with(guest: Client) -> None:
    page = guest.get("/pipelines/flights/settings").text
    assert "source: carrier" in page
    assert "first run" in page
    facts = words(guest.get("/pipelines/demand/settings").text)
    assert "No worker has said what it runs" in facts
    assert "question: How many units will this shop sell tomorrow?" in facts


SECRETS = {
    "store": "postgresql://ann:hunter2@db/fluvial?sslpassword=hunter3",
    "alertmanager_user": "fluvial",
}


def test_settings_show_no_secret(store: Store, tmp_path: Path) -> None:
    for name in ("key", "token", "password"):
        (tmp_path / name).write_text(f"a-secret-{name}")
    files = {"key_file": tmp_path / "key", "token_file": tmp_path / "token"}
    here = Settings(home=tmp_path, store_password_file=tmp_path / "password", **files, **SECRETS)  # type: ignore[arg-type]
    page = visitor(create(store, token=TOKEN, here=here)).get("/settings").text
    assert "FLUVIAL_STORE_PASSWORD_FILE" in page
    assert str(tmp_path / "password") in page
    assert "postgresql+psycopg://ann:***@db/fluvial" in page
    for secret in ("hunter2", "hunter3", "a-secret", TOKEN):
        assert secret not in page


def test_every_setting_is_on_the_page(store: Store, tmp_path: Path) -> None:
    page = visitor(create(store, token=TOKEN, here=Settings(home=tmp_path))).get("/settings").text
    for name in Settings.model_fields:
        assert f"FLUVIAL_{name.upper()}<" in page


def test_the_navigation_leads_to_every_page_of_its_own(guest: Client) -> None:
    page = guest.get("/").text
    for address in ("/incidents", "/audit", "/settings"):
        assert f'href="{address}"' in page


def test_the_fleet_shows_the_course_of_each_goal(guest: Client) -> None:
    page = guest.get("/").text
    assert page.count("<polyline") == 2
    assert "ROC AUC, lately; dashed: the goal" in words(page)
    assert "mean absolute error, lately from" in page
