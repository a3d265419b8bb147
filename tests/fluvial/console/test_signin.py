"""Sessions: a token becomes one, it ends here and not only in the cookie, and nobody acts through it from elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from fluvial import trail
from fluvial.accounts import Accounts, Scope, Wanted
from fluvial.console.app import SignIn, create
from fluvial.console.refusals import Refusals
from fluvial.incidents import Incidents
from fluvial.reviews import history
from fluvial.sessions import LASTS
from fluvial.store import Store, session_table, token_table
from tests.fluvial.console.fleet import locked
from tests.fluvial.console.people import bearer, signed_in, token_of
from tests.fluvial.console.visitors import ORIGIN, TOKEN, Client, field, form, stranger

INCIDENT = "0f1e2d3c4b5a"
PAGE = f"/incidents/{INCIDENT}"


def cookie_of(client: Client) -> tuple[str, str]:
    """The name and the value of a browser's session."""
    [(name, value)] = [(one.name, one.value or "") for one in client.cookies.jar if one.name != "fluvial_who"]
    return name, value


def test_a_token_becomes_a_session_and_the_decision_has_its_user_s_name(app: FastAPI, store: Store) -> None:
    client = signed_in(app, token_of(store, "reviewer"))
    page = client.get(PAGE).text
    assert "You decide as" in page
    assert 'name="who"' not in page
    wish = form(page, action="acknowledge")
    del wish["who"]
    assert client.post(f"{PAGE}/reviews", data=wish).status_code == 303
    assert Incidents(store).get(INCIDENT).acknowledged_by == "reviewer right"
    assert trail.entries(store, limit=1)[0].who == "reviewer right"


def test_a_page_offers_what_its_visitor_may_do(app: FastAPI, store: Store) -> None:
    offered = {"viewer": (False, False), "reviewer": (True, False), "operator": (True, True)}
    for role, (has, steers) in offered.items():
        page = signed_in(app, token_of(store, role)).get(PAGE).text  # type: ignore[arg-type]
        assert ('value="acknowledge"' in page, 'value="pause"' in page) == (has, steers)


def test_nobody_decides_in_the_name_of_somebody_else(app: FastAPI, store: Store) -> None:
    token = token_of(store, "operator")
    program, browser = bearer(app, token), signed_in(app, token)
    body = {"action": "acknowledge", "who": "Ana"}
    assert program.post(f"/api/v1{PAGE}/reviews", json=body).status_code == 403
    wish = form(browser.get(PAGE).text, action="acknowledge", who="Ana")
    assert browser.post(f"{PAGE}/reviews", data=wish).status_code == 403
    assert Incidents(store).get(INCIDENT).state == "firing"
    entry = trail.entries(store, limit=1)[0]
    assert (entry.event, entry.who, entry.told["claimed"]) == ("review.refused", "operator right", "Ana")
    assert program.post(f"/api/v1{PAGE}/reviews", json=body | {"who": "operator right"}).status_code == 200


def test_with_the_console_s_own_token_the_name_is_what_is_written(app: FastAPI, store: Store) -> None:
    body = {"action": "acknowledge", "who": "Ana"}
    assert bearer(app, TOKEN).post(f"/api/v1{PAGE}/reviews", json=body).json()["who"] == "Ana"
    assert trail.entries(store, limit=1)[0].told["shown"] == "the console's own token"


def test_a_session_that_ended_opens_nothing_with_its_old_cookie(app: FastAPI, store: Store) -> None:
    client = signed_in(app, token_of(store, "viewer"))
    name, value = cookie_of(client)
    csrf = field(client.get("/").text, "csrf")
    assert client.post("/signout", data={"csrf": csrf}).headers["location"] == "/signin"
    client.cookies.set(name, value)
    assert client.get("/").status_code == 401
    assert trail.entries(store, limit=1)[0].event == "signout"


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled", "session expired"])
def test_a_session_is_as_good_as_what_opened_it(app: FastAPI, store: Store, how: str) -> None:
    client = signed_in(app, token_of(store, "viewer"))
    assert client.get("/").status_code == 200
    with store.write() as db:
        if how == "session expired":
            db.execute(sa.update(session_table).values(expires_at=1.0))
        if how == "expired":
            db.execute(sa.update(token_table).values(expires_at=1.0))
    if how == "revoked":
        Accounts(store).revoke(Accounts(store).tokens()[0]["id"])
    if how == "disabled":
        Accounts(store).disable("viewer right")
    assert client.get("/").status_code == 401


def test_the_cookie_is_for_nobody_but_the_browser_and_not_kept_in_the_store(
    app: FastAPI, store: Store
) -> None:
    token = token_of(store, "viewer")
    answer = stranger(app).post("/signin", data={"token": token}, headers={"Origin": ORIGIN})
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert "secure" not in said
    over_tls = Client(app, base_url="https://127.0.0.1", follow_redirects=False)
    answer = over_tls.post("/signin", data={"token": token}, headers={"Origin": "https://127.0.0.1"})
    assert "; secure" in answer.headers["set-cookie"].lower()
    with store.read() as db:
        kept = str([tuple(row) for row in db.execute(sa.select(session_table))])
        kept += str([tuple(row) for row in db.execute(sa.select(token_table))])
    assert token.split("_")[2] not in kept
    assert not any(one.value in kept for one in over_tls.cookies.jar if one.value)


def test_a_session_of_one_browser_takes_no_form_of_another(app: FastAPI, store: Store) -> None:
    token = token_of(store, "operator")
    mine, theirs = signed_in(app, token), signed_in(app, token)
    foreign = field(theirs.get(PAGE).text, "csrf")
    wish = form(mine.get(PAGE).text, action="acknowledge") | {"csrf": foreign}
    del wish["who"]
    assert mine.post(f"{PAGE}/reviews", data=wish).status_code == 403
    headers = {"X-CSRF-Token": foreign}
    assert (
        mine.post(f"/api/v1{PAGE}/reviews", json={"action": "acknowledge"}, headers=headers).status_code
        == 403
    )
    assert mine.post("/signout", data={"csrf": foreign}).status_code == 403
    own = {"X-CSRF-Token": field(mine.get(PAGE).text, "csrf")}
    assert mine.post(f"/api/v1{PAGE}/reviews", json={"action": "acknowledge"}, headers=own).status_code == 200


def test_two_browsers_decide_at_once_and_the_second_sees_who_won(app: FastAPI, store: Store) -> None:
    first = signed_in(app, token_of(store, "reviewer"))
    second = signed_in(app, token_of(store, "operator"))
    pages = [client.get(PAGE).text for client in (first, second)]
    wishes = [form(page, action="acknowledge", reason="mine") for page in pages]
    for wish in wishes:
        del wish["who"]
    assert first.post(f"{PAGE}/reviews", data=wishes[0]).status_code == 303
    lost = second.post(f"{PAGE}/reviews", data=wishes[1])
    assert (lost.status_code, "reviewer right" in lost.text) == (409, True)
    assert len(history(store, incident=INCIDENT)) == 1


@pytest.mark.parametrize("origin", [None, "null", "http://elsewhere.example", "http://127.0.0.1:81"])
@pytest.mark.parametrize("path", ["/signin", "/signout", f"{PAGE}/reviews", f"/api/v1{PAGE}/reviews"])
def test_no_other_site_signs_anybody_in_or_out_or_decides(
    app: FastAPI, store: Store, origin: str | None, path: str
) -> None:
    token = token_of(store, "operator")
    client = signed_in(app, token)
    csrf = field(client.get("/").text, "csrf")
    del client.headers["Origin"]
    headers = {"X-CSRF-Token": csrf} | ({"Origin": origin} if origin else {})
    sent: dict[str, Any] = {"token": token, "csrf": csrf, "action": "acknowledge"}
    assert client.post(path, data=sent, headers=headers).status_code == 403
    assert Incidents(store).get(INCIDENT).state == "firing"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "to", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "x", "/a\r\nb", ""]
)
def test_signing_in_never_leads_to_another_host(app: FastAPI, store: Store, to: str) -> None:
    answer = stranger(app).post(
        "/signin", data={"token": token_of(store, "viewer"), "to": to}, headers={"Origin": ORIGIN}
    )
    assert answer.headers["location"] == "/"
    assert 'name="to" value="/"' in stranger(app).get("/signin", params={"to": to}).text


def test_a_wrong_token_is_refused_in_words_and_written_down_without_it(app: FastAPI, store: Store) -> None:
    client = stranger(app)
    for _ in range(30):
        answer = client.post("/signin", data={"token": "fluvial_0_nonsense"}, headers={"Origin": ORIGIN})
        assert (answer.status_code, "opens nothing" in answer.text) == (401, True)
    found = [one for one in trail.entries(store) if one.event == "signin.refused"]
    assert len(found) == 1, "a stranger cannot fill the disk"
    assert "nonsense" not in found[0].detail


def test_how_often_strangers_tried_is_told_with_the_next_entry(
    app: FastAPI, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = stranger(app)
    for _ in range(5):
        client.get("/", headers={"Authorization": "Bearer wrong"})
    monkeypatch.setattr("fluvial.console.refusals.SELDOM", 0.0)
    client.get("/", headers={"Authorization": "Bearer wrong"})
    assert trail.entries(store, limit=1)[0].told["tries"] == 5
    assert isinstance(app.state.refusals, Refusals)


def test_the_console_s_own_token_can_be_put_away(store: Store) -> None:
    app = create(store, token=TOKEN, sign_in=SignIn(local=False))
    assert bearer(app, TOKEN).get("/").status_code == 401
    assert stranger(app).get("/", params={"token": TOKEN}).status_code == 401
    assert stranger(app).post("/signin", data={"token": TOKEN}, headers={"Origin": ORIGIN}).status_code == 401
    client = stranger(app)
    client.cookies.set(app.state.access.cookie, app.state.access.session)
    assert client.get("/").status_code == 401
    assert signed_in(app, token_of(store, "viewer")).get("/").status_code == 200


def test_it_can_be_typed_in_as_well(app: FastAPI) -> None:
    assert signed_in(app, TOKEN).get("/incidents").status_code == 200


def test_a_token_says_when_it_was_used_and_works_while_nothing_can_be_written(
    app: FastAPI, store: Store
) -> None:
    client = bearer(app, token_of(store, "viewer"))
    with locked(store):
        assert client.get("/api/v1/pipelines").status_code == 200
    assert Accounts(store).tokens()[0]["used_at"] is None
    assert client.get("/api/v1/pipelines").status_code == 200
    assert Accounts(store).tokens()[0]["used_at"] is not None


def test_a_token_is_in_the_smaller_role_and_on_the_pipelines_of_both(app: FastAPI, store: Store) -> None:
    accounts = Accounts(store)
    accounts.add("ann", Scope("reviewer", ("flights", "intent")))
    token = accounts.make(Wanted("ann", scope=Scope("admin", ("flights", "demand"))))
    client = bearer(app, token)
    assert [one["name"] for one in client.get("/api/v1/pipelines").json()] == ["flights"]
    body = {"action": "pause", "reason": "x"}
    assert client.post("/api/v1/pipelines/flights/reviews", json=body).status_code == 403
    accounts.add("ann", Scope("operator"))
    assert client.post("/api/v1/pipelines/flights/reviews", json=body).status_code == 200, "at once"


def test_a_day_is_longer_than_a_session() -> None:
    assert LASTS < 86_400


def test_the_trail_is_on_a_page_and_hostile_text_in_it_is_harmless(app: FastAPI, store: Store) -> None:
    token = token_of(store, "viewer")
    evil = "<script>alert(1)</script>\u202e"
    body = {"action": "acknowledge", "who": evil, "reason": evil}
    assert bearer(app, TOKEN).post(f"/api/v1{PAGE}/reviews", json=body).status_code == 200
    page = signed_in(app, token).get("/audit").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "user.added" not in page, "what is about no pipeline is for admins"
    assert "user.added" in bearer(app, TOKEN).get("/audit").text
    found = bearer(app, token).get("/api/v1/audit", params={"limit": 1}).json()
    assert found[0]["detail"]["reason"] == evil
    older = bearer(app, TOKEN).get("/api/v1/audit", params={"before": found[0]["number"]}).json()
    assert [one["number"] for one in older] == list(range(found[0]["number"] - 1, 0, -1))
