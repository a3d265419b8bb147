"""Which versions made a state: a snapshot made by others is not loaded but rebuilt by replay."""

import hashlib
import json
import platform
from collections.abc import Collection
from functools import cache
from importlib.metadata import version
from typing import Any

from fluvial.config import Pipeline

LEARNED = (
    *("task", "model", "seed", "id", "time", "fields", "label", "recent", "learn"),
    *("success", "cost", "slices", "baselines", "monitor", "ledger"),
)
"""The sections that shape a shard's state; a change in any of them makes old snapshots unusable."""

_WORDS = {"description", "unit"}
"""Keys of a field and of the label that are for people only."""


def _short(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]


def _sections(pipeline: Pipeline, names: Collection[str]) -> dict[str, Any]:
    """Sections as JSON has them, fields and recent statistics as pairs: their order counts."""
    words: Any = {"fields": {"__all__": _WORDS | {"pii"}}, "label": _WORDS}
    shown = pipeline.model_dump(mode="json", include=set(names), exclude=words)
    return shown | {name: list(shown[name].items()) for name in ("fields", "recent") if name in shown}


def contract_version(pipeline: Pipeline) -> str:
    """Short hash of the fields, in their order, and the label."""
    return _short(_sections(pipeline, ("fields", "label", "id", "time", "source")))


def model_version(pipeline: Pipeline) -> str:
    """Short hash of the model expression, its task and its seed."""
    return _short([pipeline.task, pipeline.model.strip(), pipeline.seed])


def state_version(pipeline: Pipeline) -> str:
    """Short hash of everything in the pipeline file that shapes a shard's state."""
    return _short(_sections(pipeline, LEARNED))


def definition(pipeline: Pipeline) -> str:
    """Short hash of all that decides what a shard makes of its records: pipeline file and libraries."""
    return _short([state_version(pipeline), libraries()])


def libraries() -> dict[str, str]:
    """Versions whose change can change a prediction or break a pickle."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "river": version("river"),
        "numpy": version("numpy"),
        "pillow": version("pillow"),
        "fluvial": version("fluvial"),
    }
