"""AsyncAPI: the topics of a pipeline and the messages in them, as a document generated from the code."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from fluvial.messages import (
    EventMessage,
    IncidentMessage,
    LabelMessage,
    PredictionMessage,
    QuarantineMessage,
    ReviewMessage,
)

SCHEMAS = "#/components/schemas/"

ABOUT = """The topics of a pipeline; the pipeline file may give them other names (`topics`).

Values are JSON in UTF-8. Times are seconds since 1970 UTC; a `timestamp` is in milliseconds, as Kafka has it.
"""

KAFKA = "0.5.0"
"""Version of the Kafka bindings that are used."""


class Topic(NamedTuple):
    """A topic of every pipeline: what stands in it under which key, whether fluvial reads it, what for."""

    role: str
    message: type[BaseModel]
    key: str
    read: bool
    about: str


TOPICS = (
    Topic("events", EventMessage, "the event's id", True, "What happens. Plain JSON, no envelope is needed."),
    Topic("labels", LabelMessage, "the event's id", True, "What turned out to be true of an event."),
    Topic("reviews", ReviewMessage, "anything", True, "Decisions of people, from other tools, signed."),
    Topic("predictions", PredictionMessage, "that of the event", False, "What the model says of each event."),
    Topic("incidents", IncidentMessage, "the incident's id", False, "Every change of an incident, in full."),
    Topic("quarantine", QuarantineMessage, "that of the record, if any", False, "What was refused, and why."),
)
"""The topics of a pipeline, by the role that they play."""


def document() -> dict[str, Any]:
    """The AsyncAPI 3 document; ``{pipeline}`` stands for a pipeline's name."""
    _, schemas = models_json_schema(
        [(one.message, "validation") for one in TOPICS], ref_template=SCHEMAS + "{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "fluvial",
            "version": version("fluvial"),
            "description": ABOUT,
        },
        "defaultContentType": "application/json",
        "channels": {one.role: _channel(one) for one in TOPICS},
        "operations": {f"{'read' if one.read else 'write'}_{one.role}": _operation(one) for one in TOPICS},
        "components": {
            "messages": {one.message.__name__: _message(one) for one in TOPICS},
            "schemas": schemas["$defs"],
        },
    }


def _channel(topic: Topic) -> Mapping[str, Any]:
    name = topic.message.__name__
    channel: dict[str, Any] = {
        "address": f"{{pipeline}}.{topic.role}",
        "description": topic.about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "parameters": {"pipeline": {"description": "the pipeline's name"}},
    }
    if topic.role == "incidents":
        channel["bindings"] = {
            "kafka": {"topicConfiguration": {"cleanup.policy": ["compact"]}, "bindingVersion": KAFKA}
        }
    return channel


def _operation(topic: Topic) -> Mapping[str, Any]:
    channel = f"#/channels/{topic.role}"
    return {
        "action": "receive" if topic.read else "send",
        "channel": {"$ref": channel},
        "summary": topic.about,
        "messages": [{"$ref": f"{channel}/messages/{topic.message.__name__}"}],
    }


def _message(topic: Topic) -> Mapping[str, Any]:
    name = topic.message.__name__
    key = {"type": "string", "description": topic.key}
    return {
        "name": name,
        "summary": (topic.message.__doc__ or "").strip().partition("\n")[0],
        "payload": {"$ref": SCHEMAS + name},
        "bindings": {"kafka": {"key": key, "bindingVersion": KAFKA}},
    }
