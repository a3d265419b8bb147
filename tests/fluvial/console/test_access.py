"""Nobody sees or changes anything without the token, and no other site can act for a visitor."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from fluvial.console.app import create
from fluvial.console.auth import Access, Hosts
from fluvial.incidents import Incidents
from fluvial.store import Store
from tests.fluvial.console.visitors import ORIGIN, TOKEN, Client, form, stranger, visitor

OPEN_TO_ALL = {"/healthz", "/static/{name}", "/signin", "/signin/provider", "/signin/back"}
CLOSED = "/incidents/0f1e2d3c4b5a"


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and address the console answers to, with names of things that exist."""
    for route in iter_route_contexts(app.routes):
        if route.path in OPEN_TO_ALL:
            continue
        path = re.sub(r"\{name\}", "flights", str(route.path))
        for method in sorted(route.methods or ()):
            yield method, path.replace("{incident_id}", "0f1e2d3c4b5a")


def test_there_are_routes_to_check(app: FastAPI) -> None:
    found = set(routes(app))
    assert {
        ("GET", "/"),
        ("POST", "/incidents/0f1e2d3c4b5a/reviews"),
        ("GET", "/api/v1/openapi.json"),
    } < found
    assert len(found) >= 17


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}]
)
def test_every_route_refuses_without_the_token(app: FastAPI, headers: dict[str, str]) -> None:
    client = stranger(app)
    answers = {route: client.request(*route, headers=headers).status_code for route in routes(app)}
    assert set(answers.values()) == {401}


@pytest.mark.parametrize("cookie", ["", "wrong", TOKEN])
def test_every_route_refuses_a_wrong_cookie(app: FastAPI, cookie: str) -> None:
    client = stranger(app)
    client.cookies.set(Access(TOKEN).cookie, cookie)
    assert {client.request(*route).status_code for route in routes(app)} == {401}


def test_addresses_that_do_not_exist_are_closed_too(app: FastAPI) -> None:
    assert stranger(app).get("/no/such/page").status_code == 401
    assert stranger(app).get("/static/../pipelines").status_code == 401


def test_the_refusal_says_where_the_address_is(app: FastAPI) -> None:
    page, answer = stranger(app).get("/incidents"), stranger(app).get("/api/v1/incidents")
    assert "printed where the console was started" in page.text
    assert "printed where the console was started" in answer.json()["detail"]
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "flights" not in page.text


def test_the_address_with_the_token_is_exchanged_for_a_cookie(app: FastAPI) -> None:
    client = stranger(app)
    answer = client.get(f"/incidents?state=firing&token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/incidents?state=firing"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert client.get(answer.headers["location"]).status_code == 200


def test_a_wrong_token_in_the_address_is_refused(app: FastAPI) -> None:
    answer = stranger(app).get("/?token=nonsense")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_the_exchange_never_leads_to_another_host(app: FastAPI) -> None:
    answer = stranger(app).get(f"{ORIGIN}//elsewhere.example/x?token={TOKEN}")
    assert answer.headers["location"] == "/elsewhere.example/x"


def test_two_consoles_on_one_machine_do_not_share_a_cookie() -> None:
    assert Access(TOKEN).cookie != Access("another-token-of-this-size").cookie


def test_a_short_token_is_not_accepted(store: Store) -> None:
    with pytest.raises(ValueError, match="at least 16"):
        create(store, token="secret")


def changes(app: FastAPI) -> list[tuple[str, str]]:
    """The routes that change something."""
    return [route for route in routes(app) if route[0] not in ("GET", "HEAD")]


@pytest.mark.parametrize("origin", [None, "null", "http://elsewhere.example", "http://127.0.0.1:81"])
def test_no_other_site_can_change_anything(app: FastAPI, store: Store, origin: str | None) -> None:
    client = visitor(app)
    page = client.get(CLOSED).text
    del client.headers["Origin"]
    headers = {"Origin": origin} if origin else {}
    for method, path in changes(app):
        answer = client.request(method, path, data=form(page, action="acknowledge"), headers=headers)
        assert answer.status_code == 403, path
    assert Incidents(store).get("0f1e2d3c4b5a").state == "firing"


@pytest.mark.parametrize("csrf", ["", "wrong", TOKEN])
def test_no_change_without_the_form_s_own_token(app: FastAPI, browser: Client, csrf: str) -> None:
    wish = {"action": "acknowledge", "who": "Eve", "reason": "mine"}
    for method, path in changes(app):
        answer = browser.request(method, path, data=wish | {"csrf": csrf})
        assert answer.status_code == 403
        answer = browser.request(method, path, json=wish, headers={"X-CSRF-Token": csrf})
        assert answer.status_code == 403


def test_a_page_s_own_script_may_change_something_with_its_token(browser: Client) -> None:
    wish = {"action": "acknowledge", "who": "Ben"}
    token = {"X-CSRF-Token": Access(TOKEN).csrf}
    assert browser.post("/api/v1/incidents/0f1e2d3c4b5a/reviews", json=wish, headers=token).status_code == 200


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:8123", "[::1]:80", "10.1.2.3:80", "ml.example"]
)
def test_the_console_answers_to_its_names(store: Store, host: str) -> None:
    client = stranger(create(store, token=TOKEN, names=["ml.example"]))
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1@evil", "[::1", "a b", "x:y"]
)
def test_a_name_of_another_site_is_refused(app: FastAPI, host: str) -> None:
    answer = stranger(app).get("/", headers={"Host": host, "Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 400


def test_hosts_do_not_stumble_over_nonsense() -> None:
    assert "١٢٧.0.0.1" not in Hosts(())
    assert "127.0.0.1:99999999" not in Hosts(())


@pytest.mark.parametrize(
    "path", ["/", CLOSED, "/healthz", "/static/console.css", "/api/v1/incidents", "/nothing"]
)
@pytest.mark.parametrize("known", [True, False])
def test_every_answer_carries_the_security_headers(app: FastAPI, path: str, known: bool) -> None:
    headers = (visitor(app) if known else stranger(app)).get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "cache-control" in headers


@pytest.mark.parametrize(
    "path", ["/incidents/a%00b", "/incidents?pipeline=%00", "/api/v1/reviews?incident=a%00"]
)
def test_nul_characters_never_reach_the_store(client: Client, path: str) -> None:
    assert client.get(path).status_code == 400


def test_a_link_on_another_site_works_for_somebody_who_was_let_in(app: FastAPI) -> None:
    # Strict cookies are not sent then: the answer leads the browser here once more, from our own page.
    answer = stranger(app).get(f"{CLOSED}?taken=x", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 401
    assert answer.headers["refresh"] == f"0; url={CLOSED}?taken=x"
    assert "refresh" not in stranger(app).get(CLOSED, headers={"Sec-Fetch-Site": "same-origin"}).headers
