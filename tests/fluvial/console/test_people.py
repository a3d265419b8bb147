"""The pages and the API about people: what admins manage, what everybody may take back of their own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from fluvial import trail
from fluvial.accounts import Accounts, Scope, Wanted
from fluvial.console.app import create
from fluvial.sessions import Sessions
from fluvial.store import Store
from tests.fluvial.console.people import bearer, signed_in, token_of
from tests.fluvial.console.visitors import TOKEN, Client, field, program, visitor


@pytest.fixture
def admin(app: FastAPI, store: Store) -> Client:
    """A browser of an admin."""
    return signed_in(app, token_of(store, "admin"))


def send(client: Client, path: str, **filled: str) -> Any:
    """A form of a page about people, sent."""
    page = "/account" if filled.get("own") else "/people"
    return client.post(path, data={"csrf": field(client.get(page).text, "csrf"), **filled})


def newest(store: Store) -> Any:
    """The newest entry of the trail."""
    return trail.entries(store, limit=1)[0]


def test_somebody_is_added_changed_and_let_in_no_more_on_the_page(admin: Client, store: Store) -> None:
    answer = send(admin, "/people", name=" Ann O'Hara/2 ", role="operator", pipelines="flights, intent")
    assert answer.headers["location"] == "/people/one?name=Ann+O%27Hara%2F2&done=changed"
    page = admin.get(answer.headers["location"]).text
    assert "Changed: it holds at once." in page
    [ann] = [one for one in Accounts(store).users() if one["name"] == "Ann O'Hara/2"]
    assert (ann["role"], ann["pipelines"]) == ("operator", ["flights", "intent"])
    assert (newest(store).event, newest(store).who, newest(store).channel) == (
        "user.added",
        "admin right",
        "console",
    )
    assert newest(store).told["shown"].startswith("token ")
    send(admin, "/people", name="Ann O'Hara/2", role="viewer", pipelines="")
    assert newest(store).event == "user.changed"
    assert send(admin, "/people/disable", name="Ann O'Hara/2").status_code == 303
    assert (newest(store).event, newest(store).subject) == ("user.disabled", "Ann O'Hara/2")
    assert "disabled" in admin.get("/people").text


def test_a_token_is_on_the_answer_and_nowhere_else(admin: Client, app: FastAPI, store: Store) -> None:
    Accounts(store).add("ann", Scope("operator"))
    answer = send(admin, "/people/tokens", name="ann", role="reviewer", days="7", note="her laptop")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "location" not in answer.headers
    [row] = Accounts(store).tokens("ann")
    secret = answer.text.partition(f"fluvial_{row['id']}_")[2].partition("<")[0]
    token = f"fluvial_{row['id']}_{secret}"
    assert bearer(app, token).get("/api/v1/me").json()["role"] == "reviewer"
    assert answer.text.count(secret) == 1
    everywhere = [
        admin.get(path).text for path in ("/people", "/people/one?name=ann", "/audit", "/api/v1/tokens")
    ]
    assert not any(secret in text for text in everywhere)
    assert all(f"fluvial_{row['id']}" in text for text in everywhere[:2])
    assert send(admin, "/people/revoke", name="ann", token=row["id"]).status_code == 303
    assert (newest(store).event, newest(store).subject) == ("token.revoked", row["id"])
    assert bearer(app, token).get("/api/v1/me").status_code == 401


def test_a_signing_key_needs_a_store_with_a_key_to_be_made_of(app: FastAPI, store: Store) -> None:
    Accounts(store).add("ann", Scope("reviewer"))
    client = signed_in(app, token_of(store, "admin"))
    refused = send(client, "/people/tokens", name="ann", use="topic")
    assert (refused.status_code, "set FLUVIAL_KEY_FILE" in refused.text) == (422, True)
    assert Accounts(store).tokens("ann") == [], "no row without its key"


def test_a_signing_key_is_given_for_the_topic(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path / 'own.db'}", key=lambda: b"k" * 32)) as store:
        Accounts(store).add("ann", Scope("reviewer"))
        client = program(create(store, token=TOKEN))
        made = client.post("/api/v1/tokens", json={"user": "ann", "use": "topic", "who": "Ben"})
        assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
        assert len(made.json()["token"].split("_")[2]) == 64
        [key] = client.get("/api/v1/tokens").json()
        assert (key["use"], key["begins"]) == ("topic", f"fluvial_{made.json()['id']}_")


def test_sessions_are_ended_one_by_one_or_all_and_their_tokens_stay_good(
    admin: Client, app: FastAPI, store: Store
) -> None:
    token = token_of(store, "viewer")
    browsers = [signed_in(app, token) for _ in range(3)]
    first = Sessions(store).going_on("viewer right")[0]
    send(admin, "/people/sessions", name="viewer right", session=first.id)
    assert sorted(browser.get("/").status_code for browser in browsers) == [200, 200, 401]
    send(admin, "/people/sessions", name="viewer right", session="")
    assert {browser.get("/").status_code for browser in browsers} == {401}
    assert bearer(app, token).get("/").status_code == 200
    assert (newest(store).event, newest(store).told["ended"]) == ("session.revoked", 2)
    assert send(admin, "/people/sessions", name="viewer right", session=first.id).status_code == 422


@pytest.mark.parametrize("change", ["role", "pipelines", "disable"])
def test_the_last_admin_stays_one(admin: Client, app: FastAPI, store: Store, change: str) -> None:
    mine = {"name": "admin right"}
    path = "/people/disable" if change == "disable" else "/people"
    wish = mine | {"role": "viewer" if change == "role" else "admin", "pipelines": "flights"}
    answer = send(admin, path, **wish)
    assert (answer.status_code, "last admin" in answer.text) == (422, True)
    assert admin.get("/people").status_code == 200
    Accounts(store).add("somebody", Scope("admin", ("flights",)))
    assert send(admin, path, **wish).status_code == 422, "one of some pipelines manages nobody"
    Accounts(store).add("somebody", Scope("admin"))
    assert send(admin, path, **wish).status_code == 303
    assert admin.get("/people").status_code in (401, 403)


def test_an_admin_of_some_pipelines_manages_nobody(app: FastAPI, store: Store) -> None:
    client = bearer(app, token_of(store, "admin", "other pipeline"))
    assert client.get("/people").status_code == 403
    assert client.get("/api/v1/users").status_code == 403
    for path, body in (("users", {"name": "me", "role": "admin"}), ("tokens", {"user": "admin right"})):
        way = client.put if path == "users" else client.post
        assert way(f"/api/v1/{path}", json=body).status_code == 403
    assert client.post("/people", data={"name": "me", "role": "admin"}).status_code == 403
    assert [one["name"] for one in Accounts(store).users()] == ["admin other pipeline"]


@pytest.mark.parametrize("role", ["viewer", "reviewer", "operator"])
def test_everybody_sees_and_takes_back_their_own_and_nobody_else_s(
    app: FastAPI, store: Store, role: Any
) -> None:
    token = token_of(store, role)
    accounts = Accounts(store)
    accounts.add("other", Scope("viewer"))
    theirs = accounts.make(Wanted("other")).split("_")[1]
    second = accounts.make(Wanted(f"{role} right", note="lost")).split("_")[1]
    client, foreign = signed_in(app, token), Sessions(store).open("other")
    page = client.get("/account").text
    assert second in page
    assert theirs not in page
    assert "this browser" in page
    assert send(client, "/people/revoke", own="yes", token=theirs).status_code == 422
    assert send(client, "/people/revoke", token=theirs, name="other", own="yes").status_code == 422
    assert client.post("/api/v1/sessions/revoke", json={"user": "other"}).status_code == 403
    assert bearer(app, token).post("/api/v1/sessions/revoke", json={"user": "other"}).status_code == 403
    assert Sessions(store).person(foreign) is not None
    assert send(client, "/people/revoke", own="yes", token=second).status_code == 303
    assert (newest(store).event, newest(store).who) == ("token.revoked", f"{role} right")
    assert bearer(app, token).post("/api/v1/sessions/revoke", json={}).json() == {"ended": 1}
    assert client.get("/account").status_code == 401
    assert bearer(app, token).get("/api/v1/me").json()["sessions"] == []


def test_a_form_of_another_page_changes_nobody(admin: Client, store: Store) -> None:
    before = Accounts(store).users()
    for path in ("/people", "/people/disable", "/people/tokens", "/people/revoke", "/people/sessions"):
        sent = {"name": "admin right", "role": "viewer", "csrf": "0" * 64}
        assert admin.post(path, data=sent).status_code == 403
        assert admin.post(path, data=sent | {"csrf": field(admin.get("/people").text, "csrf")}, headers={"Origin": "http://elsewhere.example"}).status_code == 403  # fmt: skip
    assert Accounts(store).users() == before


def test_with_the_console_s_own_token_the_name_is_what_is_written(app: FastAPI, store: Store) -> None:
    browser = visitor(app)
    browser.follow_redirects = False
    assert send(browser, "/people", name="ann", role="admin").status_code == 422, "without a name"
    assert send(browser, "/people", name="ann", role="admin", who="Ben").status_code == 303
    assert (newest(store).who, newest(store).told["shown"]) == ("Ben", "the console's own token")
    assert 'value="Ben"' in browser.get("/people").text
    assert "nobody&#39;s" in browser.get("/account").text or "nobody's" in browser.get("/account").text


def test_nobody_changes_people_in_the_name_of_somebody_else(app: FastAPI, store: Store) -> None:
    client = bearer(app, token_of(store, "admin"))
    body = {"name": "ann", "role": "viewer"}
    assert client.put("/api/v1/users", json=body | {"who": "Eve"}).status_code == 403
    assert client.put("/api/v1/users", json=body).json()["role"] == "viewer"


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"name": "ann", "role": "root"}, "is no role"),
        ({"name": "ann", "role": "viewer", "pipelines": "a; drop"}, "is no name of a pipeline"),
        ({"name": "a\u202enn", "role": "viewer"}, "is no name"),
        ({"name": "", "role": "viewer"}, "is no name"),
        ({"name": "ann"}, "needs a role"),
    ],
)
def test_what_is_wrong_is_said_on_the_page_and_changes_nothing(
    admin: Client, store: Store, sent: dict[str, str], says: str
) -> None:
    answer = send(admin, "/people", **sent)
    assert (answer.status_code, says in answer.text) == (422, True)
    assert len(Accounts(store).users()) == 1


def test_hostile_names_and_notes_are_text(admin: Client, store: Store) -> None:
    evil = "<script>alert(1)</script>"
    send(admin, "/people", name=evil, role="viewer")
    answer = send(admin, "/people/tokens", name=evil, note=evil)
    for page in (
        answer.text,
        admin.get("/people").text,
        admin.get("/people/one", params={"name": evil}).text,
    ):
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
