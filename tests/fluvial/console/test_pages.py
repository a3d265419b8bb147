"""People read, understand and decide on the pages, without any script."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI

from fluvial.console.app import create
from fluvial.incidents import Incidents
from fluvial.reviews import EFFECTS, history, register
from fluvial.store import Store, shard_table
from monitors.alarm import Alarm
from monitors.status import ShardStatus
from tests.fluvial.console.fleet import FLIGHTS, FLIGHTS_STATUS, decide, locked, report
from tests.fluvial.console.visitors import TOKEN, Client, field, form, visitor

FIRING, RESOLVED = "/incidents/0f1e2d3c4b5a", "/incidents/1a2b3c4d5e6f"
PAGES = ["/", "/pipelines/flights", "/pipelines/demand", "/pipelines/intent", "/incidents", FIRING, RESOLVED]

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egpj.exe\x1b[2J"
"""Markup, quotes, a mark that reverses the text after it, a terminal's escape."""


def words(page: str) -> str:
    """A page as it is read: without markup, white space folded."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_fleet_at_a_glance(browser: Client) -> None:
    page = words(browser.get("/").text)
    assert "3 pipelines, one misses its goal; 1 incident waits for a person." in page
    assert "Goal met ROC AUC 0.713, wanted at least 0.700" in page
    assert "Goal missed mean absolute error 9.4, wanted at most 8" in page
    assert "met on 2 of 3 shards" in page
    assert "No goal declared" in page
    assert "Events 336,776" in page


def test_a_pipeline_s_events_add_up_before_the_reader_s_eyes(browser: Client) -> None:
    page = words(browser.get("/pipelines/flights").text)
    parts = ["Learned 4,210 by default 325,940", "Predicted only 4,312", "Waiting for a label 2,104"]
    parts += ["Expired without one 3,944", "Quarantined 412", "Duplicates 64", "Events 336,776 ✓ adds up"]
    assert all(part in page for part in parts), page
    assert "out of range events 350" in page
    assert "ROC AUC 0.713 0.500 0.581 0.640 ▲ better" in page


def test_an_account_that_does_not_add_up_is_said_aloud(browser: Client, store: Store) -> None:
    report(store, FLIGHTS_STATUS, events=336_775)
    assert "Events 336,775 ✕ does not add up" in words(browser.get("/pipelines/flights").text)


def test_a_halted_or_silent_shard_is_seen_on_the_fleet_page(browser: Client, store: Store) -> None:
    with store.write() as db:
        stood = shard_table.update().where(shard_table.c.pipeline == "flights")
        db.execute(stood.values(halted="the offsets 10 to 20 are gone", status_at=time.time() - 600))
    page = words(browser.get("/").text)
    assert "1 shard halted" in page
    assert "silent" in page
    assert "Reported 10 min ago" in page
    assert "the offsets 10 to 20 are gone" in browser.get("/pipelines/flights").text


def test_an_incident_in_one_sentence_with_what_can_be_done(browser: Client) -> None:
    page = browser.get(FIRING).text
    assert (
        "The loss rose from 0.182 to 0.247 (+36\xa0%) since 6 Apr 2013, 20:00 UTC, "
        "seen on 4,800 labels against 9,600 before." in page
    )
    for action in ("acknowledge", "keep_learning", "pause", "reset", "resolve", "false_alarm"):
        assert f'value="{action}"' in page
        assert EFFECTS[action] in page
    resolved = browser.get(RESOLVED).text
    assert re.findall(r'<button name="action" value="(\w+)"', resolved) == ["reopen", "comment"]


@pytest.mark.parametrize("query", ["state=odd", "pipeline=none", "state=", "state=firing&pipeline=intent"])
def test_any_filter_gives_a_page(browser: Client, query: str) -> None:
    assert browser.get(f"/incidents?{query}").status_code == 200


def test_an_acknowledgement_by_form(browser: Client, store: Store) -> None:
    wish = form(browser.get(FIRING).text, action="acknowledge", who="Zoë 雪", reason="on it")
    page = browser.post(f"{FIRING}/reviews", data=wish)
    assert page.status_code == 200
    assert page.url.path == FIRING
    assert "Recorded: Zoë 雪 acknowledged it. You have it; learning goes on as it is." in words(page.text)
    (taken,) = history(store, incident="0f1e2d3c4b5a")
    assert (taken.who, taken.reason, taken.channel) == ("Zoë 雪", "on it", "console")
    assert field(browser.get("/pipelines/flights").text, "csrf")
    assert 'name="who" value="Zoë 雪"' in browser.get("/pipelines/flights").text, "the name is remembered"


def test_a_form_sent_twice_counts_once(browser: Client, store: Store) -> None:
    wish = form(browser.get("/pipelines/flights").text, action="reset")
    for _ in range(3):
        assert browser.post("/pipelines/flights/reviews", data=wish).status_code == 200
    assert [review.action for review in history(store, pipeline="flights")].count("reset") == 1


def test_the_loser_of_two_browsers_sees_who_was_first_and_how_things_stand(
    app: FastAPI, store: Store
) -> None:
    ana, ben = visitor(app), visitor(app)
    both = [client.get(FIRING).text for client in (ana, ben)]
    ana.post(f"{FIRING}/reviews", data=form(both[0], who="Ana", action="acknowledge"))
    lost = ben.post(f"{FIRING}/reviews", data=form(both[1], who="Ben", action="pause", reason="too risky"))
    assert lost.status_code == 409
    page = words(lost.text)
    assert "Somebody was first." in page
    assert "Ana was first" in page
    assert "Nothing of yours was recorded" in page
    assert "Ana has it" in page
    assert "too risky</textarea>" in lost.text, "what was written is not lost"
    assert 'name="who" value="Ben"' in lost.text
    assert len(history(store, incident="0f1e2d3c4b5a")) == 1
    again = ben.post(f"{FIRING}/reviews", data=form(lost.text, who="Ben", action="pause"))
    assert again.status_code == 200, "the form on that page works"


def test_two_browsers_on_postgres_too(either_store: Store) -> None:
    ana, ben = (visitor(create(either_store, token=TOKEN)) for _ in range(2))
    both = [client.get(FIRING).text for client in (ana, ben)]
    answers = [
        client.post(f"{FIRING}/reviews", data=form(page, who=who, action="acknowledge")).status_code
        for client, page, who in zip((ana, ben), both, ("Ana", "Ben"), strict=True)
    ]
    assert answers == [200, 409]


def test_pause_and_resume_by_form(browser: Client) -> None:
    wish = form(browser.get("/pipelines/flights").text, who="Ana", action="pause")
    page = browser.post("/pipelines/flights/reviews", data=wish).text
    assert "pausing by Ana" in words(page), "asked for, not taken up yet"
    assert 'value="pause"' not in page
    page = browser.post("/pipelines/flights/reviews", data=form(page, who="Ben", action="resume")).text
    assert "pausing" not in words(page)


@pytest.mark.parametrize(
    ("wish", "status", "says"),
    [
        ({"who": " ", "action": "acknowledge"}, 422, "every decision has a name"),
        ({"action": "dance"}, 422, "action: Input should be"),
        ({"action": ""}, 422, "action: Input should be"),
        ({"who": "A\0", "action": "pause"}, 422, "NUL"),
        ({"action": "resume"}, 422, "nothing to resume"),
        ({"action": "pause", "version": "7"}, 409, "changed since you looked"),
    ],
)
def test_a_form_that_cannot_be_taken_says_why_on_the_same_page(
    browser: Client, store: Store, wish: dict[str, str], status: int, says: str
) -> None:
    answer = browser.post(f"{FIRING}/reviews", data=form(browser.get(FIRING).text, **wish))
    assert answer.status_code == status
    assert says in words(answer.text)
    assert 'value="acknowledge"' in answer.text
    assert history(store, incident="0f1e2d3c4b5a") == []


def test_a_locked_store_gives_a_page_that_says_what_to_do(browser: Client, store: Store) -> None:
    wish = form(browser.get(FIRING).text, action="acknowledge")
    with locked(store):
        answer = browser.post(f"{FIRING}/reviews", data=wish)
    assert answer.status_code == 503
    assert "another process holds the lock" in answer.text
    assert "Nothing was changed" in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path", ["/pipelines/nope", "/incidents/nope", "/nope", "/static/nope.js", "/static/..%2fapp.py"]
)
def test_what_does_not_exist_is_a_page_too(browser: Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


def hostile_store(store: Store) -> None:
    """Put hostile text wherever text can come from events, files or people."""
    said = ("question", "decision", "owner", "model", "cost_unit")
    facts = FLIGHTS | dict.fromkeys(said, HOSTILE)
    facts["fields"] = [dict.fromkeys(("name", "type", "unit", "description"), HOSTILE)]
    facts |= {"topics": {HOSTILE: HOSTILE}, "recent": [HOSTILE]}
    register(store, "flights", 1, facts)
    report(store, FLIGHTS_STATUS, slices={HOSTILE: {HOSTILE: {"n": 1.0, "rocauc": 0.5}}})
    report(
        store,
        FLIGHTS_STATUS,
        slices={HOSTILE: {HOSTILE: {"n": 1.0, "rocauc": 0.5}}},
        quarantined={("events", HOSTILE): 3},
    )
    raised = Alarm(HOSTILE, "worse", 2e9, 2e9, 10, 0.1, 0.2, 5, 5)
    Incidents(store).record("flights", 0, [("hostile", raised)])
    decide(store, incident="hostile", action="pause", who=HOSTILE, reason=HOSTILE)


class Tags(HTMLParser):
    """Collects what a browser would take for markup."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("path", ["/", "/pipelines/flights", "/incidents", "/incidents/hostile"])
def test_hostile_text_is_shown_and_nothing_more(browser: Client, store: Store, path: str) -> None:
    hostile_store(store)
    page = browser.get(path).text
    found = Tags()
    found.feed(page)
    assert "&lt;script&gt;" in page
    assert not [tag for tag, _ in found.tags if tag == "img"]
    assert all("src" in attributes for tag, attributes in found.tags if tag == "script")
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert "style" not in {name for _, attributes in found.tags for name in attributes}
    assert "\u202e" not in page
    assert "\x1b" not in page


def test_hostile_text_in_a_chart_is_no_markup(browser: Client, store: Store) -> None:
    hostile_store(store)
    for path in ("/api/v1/pipelines/flights/chart", "/api/v1/incidents/hostile/chart"):
        assert "<script" not in browser.get(path).text


def test_half_a_character_in_a_status_breaks_no_page(browser: Client, store: Store) -> None:
    report(store, FLIGHTS_STATUS, slices={"origin": {"\ud83d": {"n": 1.0, "rocauc": 0.5}}})
    assert browser.get("/pipelines/flights").status_code == 200
    assert browser.get("/api/v1/pipelines/flights").status_code == 200


def test_event_times_beyond_any_calendar_break_no_page(browser: Client, store: Store) -> None:
    report(store, FLIGHTS_STATUS, watermark=1e15)
    Incidents(store).record("flights", 0, [("late", Alarm("loss", "worse", 1e15, 1e15, 9, 0.0, 1.0, 4, 5))])
    for path in ("/pipelines/flights", "/incidents", "/incidents/late", "/api/v1/incidents/late/chart"):
        assert browser.get(path).status_code == 200


def test_a_shard_that_has_seen_nothing_breaks_no_page(browser: Client, store: Store) -> None:
    report(store, ShardStatus("intent", 0))
    for path in ("/", "/pipelines/intent", "/api/v1/pipelines/intent/chart"):
        assert browser.get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_sound_html_for_those_who_cannot_see_it(browser: Client, path: str) -> None:
    page = browser.get(path).text
    found = Tags()
    found.feed(page)
    names = [tag for tag, _ in found.tags]
    assert names.count("h1") == names.count("main") == 1
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = [attributes.get("aria-labelledby") for _, attributes in found.tags]
    wanted += [attributes.get("aria-describedby") for _, attributes in found.tags]
    assert {name for name in wanted if name} <= set(ids)
    fields = sum(tag in ("select", "textarea") for tag in names)
    fields += sum(tag == "input" and a.get("type") != "hidden" for tag, a in found.tags)
    assert names.count("label") == fields
