"""Every route, every role, every kind of token: who gets in follows from what the route says, and nothing else.

The routes are read off the application itself, so that a new one is tested by existing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from fluvial.console.app import create
from fluvial.console.needs import Needs, Rule, needs
from fluvial.people import NEEDS, ROLES, Role
from fluvial.review import ACTIONS
from fluvial.store import Store
from fluvial.wishes import NEEDED
from tests.fluvial.console.people import Kind, bearer, signed_in, token_of
from tests.fluvial.console.visitors import TOKEN, Client, stranger

INCIDENT = "0f1e2d3c4b5a"
NAMES = {"name": "flights", "pipeline": "flights", "incident_id": INCIDENT, "incident": INCIDENT}

SAID: dict[str, Any] = {"until": 3e9, "since": 2e9, "name": "sale", "of": "p1"}
SAID |= {"variant": "frozen", "part": "Scaler", "source": "UA"}


class Asked(NamedTuple):
    """One request to one route."""

    rule: Rule
    method: str
    path: str

    def by(self, client: Client) -> Any:
        """The answer to it; what it sends is a decision that a reviewer may take."""
        wish = {"action": "acknowledge", "reason": "mine"}
        if self.method in ("GET", "HEAD"):
            return client.request(self.method, self.path)
        return client.request(
            self.method, self.path, **({"json": wish} if "/api/" in self.path else {"data": wish})
        )


def asked(app: FastAPI) -> list[Asked]:
    """Every method of every route, about the pipeline flights."""
    return [
        Asked(rule, method, _address(rule.path))
        for rule in Needs(app).rules
        for method in sorted(rule.methods)
    ]


def _address(path: str) -> str:
    found = re.sub(r"\{(\w+)(:\w+)?\}", lambda part: NAMES.get(part[1], "x"), path)
    return f"{found}?once=true" if found.endswith("/stream") else found  # it would go on for ever


def closed(app: FastAPI) -> Iterator[tuple[Asked, Role]]:
    """The requests that need a role, and the role."""
    for one in asked(app):
        if not one.rule.open:
            need = one.rule.need[0]
            assert need is not None
            yield one, need


def test_every_route_says_whom_it_is_for(app: FastAPI) -> None:
    assert [rule.path for rule in Needs(app).rules if not rule.need] == []
    assert len(asked(app)) >= 22


def test_what_is_open_to_all_is_little(app: FastAPI) -> None:
    found = {rule.path for rule in Needs(app).rules if rule.open}
    assert found == {"/healthz", "/static/{name}", "/signin", "/signin/provider", "/signin/back"}
    for one in asked(app):
        if one.rule.open:
            assert "flights" not in stranger(app).request(one.method, one.path).text


def test_a_route_that_says_nothing_is_for_nobody(app: FastAPI, store: Store) -> None:
    app.get("/forgotten")(lambda: PlainTextResponse("secret"))
    app.add_route("/plain", lambda _: PlainTextResponse("secret"))
    app.router.routes.append(Mount("/mounted", PlainTextResponse("secret")))
    for path in ("/forgotten", "/plain", "/mounted", "/mounted/deep/down"):
        answer = bearer(app, token_of(store, "admin")).get(path)
        assert (answer.status_code, "secret" in answer.text) == (403, False), path
        assert bearer(app, TOKEN).get(path).status_code == 403
        assert stranger(app).get(path).status_code == 401


@pytest.mark.parametrize("kind", ["expired", "revoked", "disabled"])
@pytest.mark.parametrize("role", ROLES)
def test_a_token_that_is_good_no_more_opens_nothing(
    app: FastAPI, store: Store, role: Role, kind: Kind
) -> None:
    client = bearer(app, token_of(store, role, kind))
    assert {one.path: one.by(client).status_code for one, _ in closed(app)}.items() == {
        one.path: 401 for one, _ in closed(app)
    }.items()


def test_without_a_token_nothing_opens(app: FastAPI) -> None:
    client = stranger(app)
    assert {one.by(client).status_code for one, _ in closed(app)} == {401}


@pytest.mark.parametrize("by", [bearer, signed_in], ids=["program", "browser"])
@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_it_should_and_nothing_more(
    app: FastAPI, store: Store, role: Role, by: Any
) -> None:
    client = by(app, token_of(store, role))
    wrong = []
    for one, need in closed(app):
        allowed = ROLES.index(role) >= ROLES.index(need)
        status = one.by(client).status_code
        changes = one.method not in ("GET", "HEAD") and by is signed_in  # without its page's token: never
        if (status == 403) != (not allowed or changes) or status == 401 or status >= 500:
            wrong.append((one.method, one.path, status))
    assert wrong == []


@pytest.mark.parametrize("by", [bearer, signed_in], ids=["program", "browser"])
@pytest.mark.parametrize("role", ROLES)
def test_who_is_for_another_pipeline_sees_nothing_of_this_one(
    app: FastAPI, store: Store, role: Role, by: Any
) -> None:
    client = by(app, token_of(store, role, "other pipeline"))
    wrong = []
    for one, _ in closed(app):
        answer = one.by(client)
        about_it = "flights" in one.path or INCIDENT in one.path
        hidden = answer.status_code in (403, 404, 422) or (not about_it and "flights" not in answer.text)
        if not hidden or answer.status_code >= 500:
            wrong.append((one.method, one.path, answer.status_code))
    assert wrong == []
    assert "intent" in client.get("/").text


def test_another_pipeline_cannot_be_asked_for_by_name_either(app: FastAPI, store: Store) -> None:
    client = bearer(app, token_of(store, "admin", "other pipeline"))
    for path in ("incidents", "reviews", "audit"):
        assert client.get(f"/api/v1/{path}", params={"pipeline": "flights"}).json() == []
    assert client.get("/api/v1/reviews", params={"incident": INCIDENT}).json() == []


def test_in_postgres_too_nobody_sees_another_pipeline(either_store: Store) -> None:
    app = create(either_store, token=TOKEN)
    client = bearer(app, token_of(either_store, "operator", "other pipeline"))
    assert [one["name"] for one in client.get("/api/v1/pipelines").json()] == ["intent"]
    assert {one["pipeline"] for one in client.get("/api/v1/incidents").json()} <= {"intent"}
    refused = client.post("/api/v1/pipelines/flights/reviews", json={"action": "pause"})
    assert refused.status_code == 404
    taken = client.post("/api/v1/pipelines/intent/reviews", json={"action": "pause"})
    assert (taken.status_code, taken.json()["who"]) == (200, "operator other pipeline")


def test_every_action_says_which_role_it_needs() -> None:
    assert set(NEEDS) == set(ACTIONS)


@pytest.mark.parametrize("role", ROLES)
def test_an_action_is_taken_by_the_role_that_it_needs(app: FastAPI, store: Store, role: Role) -> None:
    client = bearer(app, token_of(store, role))
    wrong = []
    for action, need in NEEDS.items():
        body = {"action": action, "reason": "because"} | {name: SAID[name] for name in NEEDED.get(action, ())}
        body |= {"rollback": {"batch": 0, "shard": 0}, "set_budget": {"budget": 1.0}}.get(action, {})
        answer = client.post(f"/api/v1/incidents/{INCIDENT}/reviews", json=body)
        allowed = ROLES.index(role) >= ROLES.index(need)
        if (answer.status_code == 403) == allowed or answer.status_code >= 500:
            wrong.append((action, answer.status_code, answer.text))
    assert wrong == []


def test_an_action_that_nobody_declared_is_for_nobody(
    app: FastAPI, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluvial.people.NEEDS", {})
    client = bearer(app, token_of(store, "admin"))
    answer = client.post(f"/api/v1/incidents/{INCIDENT}/reviews", json={"action": "acknowledge"})
    assert answer.status_code == 403


def test_the_gate_answers_before_it_is_known_what_was_sent(app: FastAPI, store: Store) -> None:
    client = bearer(app, token_of(store, "viewer"))
    answer = client.post(
        "/api/v1/pipelines/flights/reviews", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 403


def test_a_visit_is_there_for_every_route_that_wants_it(app: FastAPI) -> None:
    def who(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.state.visit.person.how)

    app.get("/who")(needs("admin")(who))
    assert bearer(app, TOKEN).get("/who").text == "the console's own token"
