"""Look: what happened around the onset of a drift on one shard, from the journal."""

from collections.abc import Iterator, Sequence
from math import inf, isfinite
from typing import NamedTuple

from fluvial.card.recorder import Recording, inputs, record
from fluvial.card.sides import Sides, Stretch, sides
from fluvial.card.window import REACH, Window, around, distance, still_there
from fluvial.config import Pipeline
from fluvial.earlier import NotHere, pipeline_of
from fluvial.errors import Gap
from fluvial.evidence import Said, calling, complete, phase
from fluvial.fingerprint import definition
from fluvial.history import History, Past
from fluvial.place import Place, partitions_of
from fluvial.shard import StepFailed

LABELLED = ("loss", "labels")
"""Monitors that see a change when the truth comes, by what their names begin with."""


class Look(NamedTuple):
    """One shard around the onset that its own alarms found; ``missing`` says what could not be found out."""

    shard: int
    stretch: Stretch
    pipeline: Pipeline
    window: Window
    recorded: Recording
    two: Sides
    missing: list[str]


class Blank(LookupError):
    """The journal holds nothing of the shard."""


def look(place: Place, shard: int, evidence: Sequence[Said], most: int) -> Look:
    """Look at a shard again; at most so many events on each side.

    ``evidence`` is what its monitors said. Raises Blank, Gap, StepFailed, LogError.
    """
    pipeline, stretch = place.pipeline, stretch_of(evidence)
    found = around(History(place, shard), place.journal, stretch.onset, pipeline.topic("events"), most)
    if found is None:
        raise Blank("The journal holds nothing of this shard.")
    window = still_there(found, place.log.spans(partitions_of(pipeline, shard)))
    place, unlike = _as_then(place, window)
    recorded, window, lacking = _recorded(place, History(place, shard), window, stretch.until)
    place.heard(window.last, window.last)
    missing = [why for why in (unlike, lacking) if why]
    return Look(shard, stretch, place.pipeline, window, recorded, sides(recorded, stretch), missing)


def stretch_of(evidence: Sequence[Said]) -> Stretch:
    """Since when, and until when where all that called recovered."""
    first = complete(calling(evidence)[0])
    onset = first["onset"]
    began = float(onset if isinstance(onset, float) and isfinite(onset) else first["time"])
    over = [said["onset"] for said in evidence if said.get("phase") == "recovered"]
    over = [float(one) for one in over if one is not None and one > began]
    of_labels = str(first["monitor"]).partition(":")[0] in LABELLED
    until = max(over, default=inf) if phase(evidence) == "recovered" else inf
    return Stretch(began, until, int(first["n_before"]) if of_labels else 0)


def _as_then(place: Place, window: Window) -> tuple[Place, str]:
    """The place with the definition that was in force at the onset, where that can run here.

    What is private now stays private, whatever the file said then.
    """
    name = next((row.definition for row in window.rows if row.number >= window.onset), "")
    if name in ("", definition(place.pipeline)):
        return place, ""
    try:
        then = pipeline_of(place.journal, name)
    except NotHere as why:
        return place, f"The definition that was in force cannot run here ({why}); the present one stands in."
    private = {name for name, spec in place.pipeline.fields.items() if spec.pii}
    fields = {
        name: spec.model_copy(update={"pii": spec.pii or name in private})
        for name, spec in then.fields.items()
    }
    return place._replace(pipeline=then.model_copy(update={"fields": fields})), ""


def _recorded(place: Place, history: History, window: Window, until: float) -> tuple[Recording, Window, str]:
    """What happened, with outcomes and the model of before where a snapshot is near enough."""
    why = f"No snapshot is within {REACH:,} records before the onset"
    for past, shorter in _starts(history, window):
        if distance(place.journal, history.index, past.batch, shorter.first) > REACH:
            continue
        try:
            return record(history, past, shorter, until, place.heard), shorter, ""
        except (Gap, StepFailed) as trouble:
            why = f"The model of before cannot be rebuilt: {trouble}"
    return inputs(history, window), window, f"{why}. Errors, costs and segments are not known."


def _starts(history: History, window: Window) -> Iterator[tuple[Past, Window]]:
    """From where the model of before may be rebuilt: before the window, else somewhere within its front."""
    yield history.start(window.first - 1), window
    within = history.from_here(window.first)
    if within is not None and within.batch < window.onset - 1:
        yield within, window.since(within.batch + 1)
