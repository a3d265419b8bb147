"""The description of the topics is what the code says, and what really stands in them fits it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fluvial.asyncapi import TOPICS, document
from fluvial.config import as_yaml
from fluvial.incidents import Incidents
from fluvial.signing import of_store, signed
from fluvial.wiring import OUTPUT_ROLES
from tests.fluvial.commandline import Commandline
from tests.fluvial.world import KEY, START, World, coins, embedded_world, tosses

PAGE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
CLOSED = ("predictions", "incidents", "quarantine")


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == as_yaml(document()), "run `fluvial asyncapi > docs/asyncapi.yaml`"


def test_the_command_prints_the_page(command: Commandline) -> None:
    assert yaml.safe_load(command("asyncapi").out) == document()
    assert json.loads(command("asyncapi", "--json").out) == document()


def test_every_topic_of_a_pipeline_is_described() -> None:
    assert {one.role for one in TOPICS} == {"events", "labels", *OUTPUT_ROLES}
    assert set(document()["channels"]) == {one.role for one in TOPICS}


def test_every_reference_leads_somewhere() -> None:
    found = document()

    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from [part["$ref"]] if "$ref" in part else []
            part = list(part.values())
        for one in part if isinstance(part, list) else ():
            yield from references(one)

    seen = set(references(found))
    assert len(seen) > 20
    for reference in seen:
        at: Any = found
        for name in reference.removeprefix("#/").split("/"):
            at = at[name]


def test_the_schemas_are_schemas() -> None:
    for name, schema in document()["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema.get("description") or schema.get("enum"), name


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What stands in each topic after a worker has met a drift, bad records, and reviews good and bad."""
    folder = tmp_path_factory.mktemp("written")
    world = embedded_world(folder, coins(), f"sqlite:///{folder / 'store.db'}")
    with closing(world.log), closing(world.store):
        world.feed(tosses(1_500, flip_after=900))
        world.feed(iter([("events", "bad", b"{", START), ("labels", "bad", b'{"id": 1}', START)]))
        world.run()
        (incident, *_) = Incidents(world.store).listing()
        review = {"action": "acknowledge", "incident": incident.id, "who": "ann", "id": "r1"}
        for message in (signed(review, of_store(KEY)), signed(review, of_store(KEY)) | {"signature": "no"}):
            topic = world.pipeline.topic("reviews")
            world.log.append(topic, json.dumps(message).encode(), timestamp=START, partition=0)
        world.log.flush()
        Incidents(world.store).stands_still("coins", 0, "the log is gone", gives_up=None, retried=True)
        world.run()
        return {one.role: list(messages(world, one.role)) for one in TOPICS}


def messages(world: World, role: str) -> Iterator[Any]:
    """The values in a topic that are JSON objects."""
    for record in world.records(role):
        if record.value not in (b"{", b'{"id": 1}'):
            yield json.loads(record.value or b"")


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.role)
def test_what_stands_in_the_topics_fits(topic: Any, written: dict[str, list[Any]]) -> None:
    found = document()["components"]
    name = topic.message.__name__
    root = {"$ref": f"#/components/schemas/{name}", "components": found}
    validator = jsonschema.Draft202012Validator(root)
    values = written[topic.role]
    assert values
    for value in values:
        validator.validate(value)
        if topic.role in CLOSED:
            assert set(value) <= set(found["schemas"][name]["properties"]), "nothing is left unsaid"


def test_the_messages_that_were_checked_are_of_every_kind(written: dict[str, list[Any]]) -> None:
    assert {one["state"] for one in written["incidents"]} >= {"firing", "acknowledged"}
    assert {said["direction"] for one in written["incidents"] for said in one["evidence"]} >= {
        "worse",
        "halted",
    }
    assert {one["stream"] for one in written["quarantine"]} == {"events", "labels", "reviews"}


@pytest.mark.parametrize("role", ["labels", "predictions", "incidents", "quarantine", "reviews"])
def test_another_message_does_not_fit(role: str) -> None:
    found = document()["components"]
    name = next(topic.message.__name__ for topic in TOPICS if topic.role == role)
    validator = jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": found})
    assert not validator.is_valid({"id": 3, "odd": True})
    assert not validator.is_valid([])
