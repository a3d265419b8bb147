"""Which versions made a state: a snapshot made by others is not loaded but rebuilt by replay."""

import hashlib
import json
import platform
from importlib.metadata import version

from fluvial.config import Pipeline

LEARNED = ("task", "model", "fields", "id", "time", "label", "recent", "seed", "baselines", "monitor", "ledger", "success", "slices", "cost")
"""The sections that shape a shard's state; a change in any of them makes old snapshots unusable."""


def _short(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:8]


def contract_version(pipeline: Pipeline) -> str:
    """Short hash of the fields and the label, in their order."""
    shown = pipeline.model_dump(mode="json", include={"fields", "label", "id", "time"})
    return _short([list(pipeline.fields), shown])


def model_version(pipeline: Pipeline) -> str:
    """Short hash of the model expression, its task and its seed."""
    return _short([pipeline.task, pipeline.model, pipeline.seed])


def state_version(pipeline: Pipeline) -> str:
    """Short hash of everything in the pipeline file that shapes a shard's state."""
    return _short([list(pipeline.fields), list(pipeline.recent), pipeline.model_dump(mode="json", include=set(LEARNED))])


def libraries() -> dict[str, str]:
    """Versions whose change can change a prediction or break a pickle."""
    return {
        "python": platform.python_version(),
        "river": version("river"),
        "numpy": version("numpy"),
        "fluvial": version("fluvial"),
    }
