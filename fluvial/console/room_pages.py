"""The pages behind a pipeline's: quarantine, labels, models, settings; and the settings of the console."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fluvial.console import cases, curves, effective, reading, rooms
from fluvial.console.api import Stored
from fluvial.console.forms import answers_of, of_forms
from fluvial.console.models import PipelineDetail
from fluvial.console.needs import needs
from fluvial.console.samples import Samples
from fluvial.reviews import EFFECTS
from fluvial.store import Store

OF_MODELS = ("reset", "rollback", "pause", "resume", "accept_gap")
"""Decisions that change which model runs, or whether it learns."""

router = APIRouter(include_in_schema=False)


def samples_of(request: Request) -> Samples:
    """What reads this console's log."""
    samples = request.app.state.samples
    assert isinstance(samples, Samples)
    return samples


@router.get("/pipelines/{name}/quarantine")
@needs("viewer")
def quarantine(request: Request, name: str, store: Stored, reason: str = "") -> Response:
    """What was refused, why, and what it looked like."""
    pipeline = reading.detail(store, name)
    found = rooms.quarantine(pipeline, samples_of(request))
    shown = {"samples": [one for one in found.samples if reason in ("", one.reason)], "reason": reason}
    return _room(request, store, pipeline, "quarantine", shown | {"quarantine": found})


@router.get("/pipelines/{name}/labels")
@needs("viewer")
def labels(request: Request, name: str, store: Stored) -> Response:
    """Where every label is, and how long they take."""
    pipeline = reading.detail(store, name)
    found = rooms.labels(store, pipeline)
    waiting = _by_time(found.waiting, pipeline.shards)
    curve = curves.draw(waiting, of="predictions waiting") if len(waiting) > 1 else None
    return _room(request, store, pipeline, "labels", {"labels": found, "waiting": curve})


@router.get("/pipelines/{name}/models")
@needs("viewer")
def models(request: Request, name: str, store: Stored) -> Response:
    """The model that runs, those that are kept, and the door back."""
    pipeline = reading.detail(store, name)
    decided = cases.decisions(store, pipeline=name, limit=100)
    shown = {"reviews": [one for one in decided if one.action in OF_MODELS], "EFFECTS": EFFECTS}
    return _room(request, store, pipeline, "models", shown | {"models": rooms.models(store, pipeline)})


@router.get("/pipelines/{name}/settings")
@needs("viewer")
def pipeline_settings(request: Request, name: str, store: Stored) -> Response:
    """What the pipeline runs with."""
    pipeline = reading.detail(store, name)
    return _room(request, store, pipeline, "settings", {"effective": rooms.effective(store, pipeline)})


@router.get("/settings")
@needs("operator")
def settings(request: Request, store: Stored) -> Response:
    """What this console runs with; secrets are never shown."""
    here = request.app.state.here
    shown = {
        "settings": effective.of_machine(here) if here is not None else [],
        "store": effective.of_store(store),
        "version": version("fluvial"),
        "log": here is not None,
        "tally": reading.tally(store),
    }
    return answers_of(request).page(request, "settings.html", shown)


def _room(
    request: Request, store: Store, pipeline: PipelineDetail, room: str, shown: dict[str, Any]
) -> Response:
    context = {"pipeline": pipeline, "room": room, **of_forms(store, None, ""), **shown}
    return answers_of(request).page(request, f"pipeline_{room}.html", context)


def _by_time(waiting: Sequence[tuple[float, int]], shards: int) -> list[float]:
    """How many predictions waited, of all shards together: their points take turns."""
    groups = [waiting[at : at + shards] for at in range(0, len(waiting), shards)]
    return [sum(n for _, n in group) / len(group) * shards for group in groups]
