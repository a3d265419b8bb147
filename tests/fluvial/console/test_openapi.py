"""The description of the API: every operation says what it answers, refusals included; its examples work."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from fluvial.console.routes import table
from fluvial.store import Store
from tests.fluvial.console.evidence_cards import keep_full
from tests.fluvial.console.fleet import keep_models
from tests.fluvial.console.visitors import Client

FIRING = "/api/v1/incidents/0f1e2d3c4b5a/reviews"


@pytest.fixture
def described(client: Client) -> dict[str, Any]:
    """The document."""
    found: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation."""
    return [(path, way, one) for path, ways in described["paths"].items() for way, one in ways.items()]


def test_every_route_of_the_api_is_described(client: Client, described: dict[str, Any]) -> None:
    routes = {one.path for one in table(client.app) if one.path.startswith("/api/v1/")}  # type: ignore[arg-type]
    # The description itself, and the stream, which never ends: the manual describes it.
    assert routes - set(described["paths"]) == {"/api/v1/openapi.json", "/api/v1/stream"}


def test_every_operation_says_what_it_does_and_how_it_refuses(described: dict[str, Any]) -> None:
    for path, way, one in operations(described):
        if path.startswith("/api/v1/"):
            assert one["description"], path
            wanted = {"200", "401", "422", "503"} if path != "/api/v1/alerts" else {"401", "422", "503"}
            assert wanted <= set(one["responses"]), (way, path)
        for status, answer in one["responses"].items():
            if status >= "400" and "content" in answer:
                name = answer["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                assert name in ("Problem", "ConflictProblem"), (way, path, status)


def test_every_example_fits_its_schema(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    checked = 0
    for name, schema in schemas.items():
        root = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        for example in schema.get("examples", []):
            jsonschema.Draft202012Validator(root).validate(example)
            checked += 1
    assert checked >= 5


@pytest.mark.parametrize("number", range(3))
def test_every_example_of_a_decision_is_taken(
    client: Client, store: Store, described: dict[str, Any], number: int
) -> None:
    keep_models(store, "flights", 0, 288)
    body = dict(described["components"]["schemas"]["ReviewBody"]["examples"][number])
    if "version" in body:
        body["version"] = client.get(FIRING.removesuffix("/reviews")).json()["version"]
    address = FIRING if body["action"] == "acknowledge" else "/api/v1/pipelines/flights/reviews"
    answer = client.post(address, json=body)
    assert answer.status_code == 200, answer.text


def test_answers_fit_what_is_said_of_them(client: Client, store: Store, described: dict[str, Any]) -> None:
    keep_full(store)
    known = {"name": "flights", "incident_id": "0f1e2d3c4b5a"}
    for path, way, one in operations(described):
        if way != "get" or not path.startswith("/api/v1/"):
            continue
        answer = client.get(path.format(**known))
        assert answer.status_code == 200, path
        schema = one["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(schema | {"components": described["components"]}).validate(
            answer.json()
        )
