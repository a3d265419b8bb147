"""Crosscheck: what in a pipeline file does not fit together, though each key by itself is right."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fluvial.explain import nearest
from learners.task import task_named

if TYPE_CHECKING:
    from fluvial.config import Pipeline, RecentSection

ROLES = ("events", "labels", "reviews", "predictions", "incidents", "quarantine")

_LABELS = {"binary": "boolean", "multiclass": "category", "regression": "number"}
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def mistakes(pipeline: "Pipeline") -> Iterator[str]:
    """Yield a sentence for each."""
    unknown = list(_unknown_fields(pipeline))
    yield from unknown
    if not unknown:
        yield from _kinds(pipeline)
        yield from _images(pipeline)
        yield from _private_slices(pipeline)
        for name, recent in pipeline.recent.items():
            yield from (f"recent.{name}{problem}" for problem in _recent(pipeline, name, recent))
    yield from _goal(pipeline)
    yield from _topics(pipeline)


def _unknown_fields(pipeline: "Pipeline") -> Iterator[str]:
    named = {"id": pipeline.id, "time": pipeline.time, "source": pipeline.source}
    named["baselines.by"] = pipeline.baselines.by
    named |= {f"slices.{i}": name for i, name in enumerate(pipeline.slices)}
    for key, recent in pipeline.recent.items():
        named |= {f"recent.{key}.by": name for name in _keys_of(recent) if name not in pipeline.fields}
        if recent.of not in ("label", "events"):
            named[f"recent.{key}.of"] = recent.of
    for key, name in named.items():
        if name is not None and name not in pipeline.fields:
            yield f"{key}: no field is called {name!r}{nearest(name, pipeline.fields)}"


def _keys_of(recent: "RecentSection") -> tuple[str, ...]:
    return (recent.by,) if isinstance(recent.by, str) else recent.by or ()


def _kinds(pipeline: "Pipeline") -> Iterator[str]:
    identity, label = pipeline.fields[pipeline.id], pipeline.label
    if label.type != _LABELS[pipeline.task]:
        yield f"label.type: a {pipeline.task} task wants {_LABELS[pipeline.task]}, not {label.type}"
    if label.field in pipeline.fields:
        yield f"label.field: {label.field!r} is declared under fields too: the model would see the truth"
    if identity.type not in ("text", "category", "integer"):
        yield f"id: {pipeline.id!r} must have type text, category or integer, not {identity.type}"
    if identity.missing != "reject":
        yield f"id: {pipeline.id!r} must not be allowed to be missing"
    if pipeline.time is not None and pipeline.fields[pipeline.time].type != "time":
        yield f"time: {pipeline.time!r} must have type time, not {pipeline.fields[pipeline.time].type}"


def _images(pipeline: "Pipeline") -> Iterator[str]:
    """Where a field stands that has few values to compare, or one number: an image has neither."""
    named = {"source": pipeline.source, "baselines.by": pipeline.baselines.by}
    named |= {f"slices.{i}": name for i, name in enumerate(pipeline.slices)}
    for key, recent in pipeline.recent.items():
        named |= {f"recent.{key}.by": name for name in _keys_of(recent)} | {f"recent.{key}.of": recent.of}
    for key, name in named.items():
        if name in pipeline.fields and pipeline.fields[name].type == "image":
            yield f"{key}: {name!r} is an image, which can only be shown to the model"


def _private_slices(pipeline: "Pipeline") -> Iterator[str]:
    for i, name in enumerate(pipeline.slices):
        if pipeline.fields[name].pii:
            yield f"slices.{i}: {name!r} is private (pii), and a slice shows its values"


def _recent(pipeline: "Pipeline", name: str, recent: "RecentSection") -> Iterator[str]:
    if name in pipeline.fields:
        yield f": {name!r} is the name of a field already"
    if recent.of == "events":
        return
    spec = pipeline.label if recent.of == "label" else pipeline.fields[recent.of]
    if spec.type in ("category", "text"):
        if recent.equals is None:
            yield f": {recent.of} has type {spec.type}: say with equals which value counts as one"
        if recent.equals is not None and spec.values and recent.equals not in spec.values:
            yield f".equals: {recent.equals!r} is no declared value{nearest(recent.equals, spec.values)}"
    elif recent.equals is not None:
        yield f".equals: this is for categories, and {recent.of} has type {spec.type}"


def _goal(pipeline: "Pipeline") -> Iterator[str]:
    known, goal = list(task_named(pipeline.task).score().values()), pipeline.success
    if goal is not None and goal.metric not in known:
        yield f"success.metric: a {pipeline.task} task has no {goal.metric!r}{nearest(goal.metric, known)}"


def _topics(pipeline: "Pipeline") -> Iterator[str]:
    taken: dict[str, str] = {}
    for role in ROLES:
        topic = pipeline.topic(role)
        if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
            yield f"topics.{role}: {topic!r} is no topic name: at most 249 letters, digits, dots, dashes, _"
        # Kafka takes a dot and an underscore for the same in the names of metrics and refuses such pairs.
        elif (same := taken.setdefault(topic.replace(".", "_"), role)) != role:
            yield f"topics.{role}: {topic!r} is the topic of {same} already"
