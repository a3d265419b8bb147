"""The inbox: what is asked for is found, nothing twice, and acknowledging needs no other page."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from fluvial.console import inbox
from fluvial.console.app import create
from fluvial.console.inbox import Filter
from fluvial.incidents import Incidents
from fluvial.reviews import history
from fluvial.store import Store, incident_table
from tests.fluvial.console.fleet import alarm, decide, halt
from tests.fluvial.console.visitors import TOKEN, Client, field, program, visitor

FIRING, RESOLVED = "0f1e2d3c4b5a", "1a2b3c4d5e6f"


def many(store: Store, count: int = 120) -> None:
    """So many incidents of the demand pipeline."""
    Incidents(store).record("demand", 0, [(f"{n:012x}", alarm(400 + 100 * n)) for n in range(count)])


def ids(store: Store, **wanted: str) -> list[str]:
    """The ids that a filter finds."""
    return [one.id for one in inbox.page(store, Filter(**wanted)).incidents]


def test_every_incident_is_on_exactly_one_page_forwards_and_back(either_store: Store) -> None:
    many(either_store)
    seen, place, places = [], "", []
    while True:
        page = inbox.page(either_store, Filter(pipeline="demand"), before=place, size=50)
        seen += [one.id for one in page.incidents]
        places.append(page)
        if not page.older:
            break
        place = page.older
    assert [len(page.incidents) for page in places] == [50, 50, 20]
    assert sorted(seen) == [f"{n:012x}" for n in range(120)]
    back = inbox.page(either_store, Filter(pipeline="demand"), after=places[2].newer, size=50)
    assert back.incidents == places[1].incidents
    first = inbox.page(either_store, Filter(pipeline="demand"), after=back.newer, size=50)
    assert first.incidents == places[0].incidents
    assert (first.newer, places[0].newer, places[2].older) == ("", "", "")


def test_incidents_that_opened_at_the_same_moment_are_not_lost_between_pages(store: Store) -> None:
    many(store, 7)
    with store.write() as db:
        db.execute(incident_table.update().values(opened_at=1_000.5))
    first = inbox.page(store, Filter(pipeline="demand"), size=3)
    second = inbox.page(store, Filter(pipeline="demand"), before=first.older, size=10)
    assert len({one.id for one in [*first.incidents, *second.incidents]}) == 7


def test_what_opens_meanwhile_moves_no_page(store: Store) -> None:
    many(store, 6)
    first = inbox.page(store, Filter(pipeline="demand"), size=3)
    Incidents(store).record("demand", 0, [("later", alarm(5_000))])
    second = inbox.page(store, Filter(pipeline="demand"), before=first.older, size=3)
    assert {one.id for one in first.incidents}.isdisjoint(one.id for one in second.incidents)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [FIRING, RESOLVED]),
        ({"state": "firing"}, [FIRING]),
        ({"state": "resolved", "pipeline": "flights"}, [RESOLVED]),
        ({"pipeline": "demand"}, []),
        ({"monitor": "loss"}, [FIRING, RESOLVED]),
        ({"monitor": "halt"}, []),
        ({"text": "snow"}, [RESOLVED]),
        ({"text": "ANA snow over"}, [RESOLVED]),
        ({"text": "snow rain"}, []),
        ({"text": "0f1e"}, [FIRING]),
        ({"text": "100%"}, []),
        ({"text": "0f_e"}, []),
        ({"state": "odd"}, [FIRING, RESOLVED]),
        ({"since": "2001-01-01", "until": "2001-12-31"}, []),
        ({"since": "yesterday", "until": "9999-12-31"}, [FIRING, RESOLVED]),
    ],
)
def test_the_filters(either_store: Store, wanted: dict[str, str], found: list[str]) -> None:
    assert ids(either_store, **wanted) == found


def test_days_are_those_on_which_it_opened_the_last_one_included(store: Store) -> None:
    with store.write() as db:
        at = datetime(2026, 3, 5, 23, 59, tzinfo=UTC).timestamp()
        db.execute(incident_table.update().where(incident_table.c.id == FIRING).values(opened_at=at))
    assert ids(store, since="2026-03-05", until="2026-03-05") == [FIRING]
    assert ids(store, since="2026-03-06", until="2026-03-06") == []


def test_evidence_is_searched_whatever_its_letters(either_store: Store) -> None:
    told = alarm(300)._replace(part="cärrier=雪", because="A source said 50 % more.")
    Incidents(either_store).record("demand", 0, [("abc", told)])
    assert ids(either_store, text="雪") == ids(either_store, text="50 source") == ["abc"]


def test_monitors_are_offered_by_what_they_watch(browser: Client, store: Store) -> None:
    halt(store)
    page = browser.get("/incidents").text
    assert '<option value="loss">' in page
    assert '<option value="halt">' in page


def test_the_pages_turn_and_keep_the_filter(browser: Client, store: Store) -> None:
    many(store)
    first = browser.get("/incidents?pipeline=demand").text
    assert "120 firing" in first
    assert first.count('<li class="firing"') == 50
    older = re.search(r'href="([^"]*)" rel="next"', first)
    assert older
    second = browser.get(older[1].replace("&amp;", "&")).text
    assert second.count('<li class="firing"') == 50
    assert "pipeline=demand" in older[1]
    assert 'rel="prev"' in second


@pytest.mark.parametrize("query", ["before=x", "after=nan~1", "before=1e300~1", "before=5", "taken=nobody"])
def test_any_place_gives_a_page(browser: Client, query: str) -> None:
    assert browser.get(f"/incidents?{query}").status_code == 200


def test_acknowledging_leads_back_to_the_inbox_as_it_was(browser: Client, store: Store) -> None:
    page = browser.get("/incidents?state=firing&text=0f1e").text
    wish = {name: field(page, name) for name in ("csrf", "version")}
    wish |= {"back": "state=firing&text=0f1e", "who": "Ana", "reason": "On it.", "action": "acknowledge"}
    answer = browser.post(f"/incidents/{FIRING}/reviews", data=wish)
    assert (answer.url.path, answer.status_code) == ("/incidents", 200)
    assert answer.url.params["state"] == "firing"
    assert "<strong>Recorded:</strong> <bdi>Ana</bdi> acknowledged it." in answer.text
    assert [(one.who, one.reason) for one in history(store, incident=FIRING)] == [("Ana", "On it.")]


def test_back_leads_nowhere_but_to_the_inbox(browser: Client) -> None:
    page = browser.get("/incidents").text
    wish = {"csrf": field(page, "csrf"), "back": "//evil.example/?x=1\r\nSet-Cookie: a=b", "who": "Ana"}
    answer = browser.post(f"/incidents/{FIRING}/reviews", data=wish | {"action": "acknowledge"})
    assert answer.url.path == "/incidents"
    assert answer.url.host == "127.0.0.1"


def test_the_loser_in_the_inbox_sees_who_won(browser: Client, store: Store) -> None:
    page = browser.get("/incidents").text
    wish = {name: field(page, name) for name in ("csrf", "version")}
    decide(store, incident=FIRING, action="acknowledge", who="Ben")
    answer = browser.post(
        f"/incidents/{FIRING}/reviews", data=wish | {"back": "", "who": "Ana", "action": "acknowledge"}
    )
    assert answer.status_code == 409
    assert "Ben was first" in answer.text


def test_programs_turn_pages_too(store: Store) -> None:
    many(store, 5)
    client = program(create(store, token=TOKEN))
    first = client.get("/api/v1/incidents", params={"pipeline": "demand", "limit": 3})
    assert len(first.json()) == 3
    second = client.get(first.links["next"]["url"])
    assert len(second.json()) == 2
    assert "next" not in second.links
    assert {one["id"] for one in first.json()}.isdisjoint(one["id"] for one in second.json())


def test_programs_ask_as_people_do(store: Store) -> None:
    client = program(create(store, token=TOKEN))
    found = client.get("/api/v1/incidents", params={"text": "snow", "monitor": "loss"}).json()
    assert [one["id"] for one in found] == [RESOLVED]


def test_the_form_stands_where_it_is_needed_without_any_script(browser: Client) -> None:
    page = browser.get("/incidents").text
    assert f'<form method="post" action="/incidents/{FIRING}/reviews">' in page
    assert f'<form method="post" action="/incidents/{RESOLVED}/reviews">' not in page


def test_two_browsers_in_the_inbox(store: Store) -> None:
    app = create(store, token=TOKEN)
    ana, ben = visitor(app), visitor(app)
    page = ana.get("/incidents").text
    wish = {name: field(page, name) for name in ("csrf", "version")} | {"back": "", "action": "acknowledge"}
    answers = [
        one.post(f"/incidents/{FIRING}/reviews", data=wish | {"who": who})
        for one, who in ((ana, "Ana"), (ben, "Ben"))
    ]
    assert [answer.status_code for answer in answers] == [200, 409]
