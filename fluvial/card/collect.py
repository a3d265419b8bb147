"""Collect: the card of a drift, computed from the journal around its onset and from the store's facts.

It is bounded: a window of events on each side, and a replay that needs a snapshot near it. It reads, and
changes nothing; the same journal and the same facts give the same card.
"""

from collections.abc import Iterator
from math import inf, isfinite
from typing import Any

from consumers.log import LogError
from fluvial.card import harm
from fluvial.card.card import Card, Finding, Segment, Side, Watching
from fluvial.card.causes import findings
from fluvial.card.context import Course, context
from fluvial.card.examples import Examples
from fluvial.card.facts import Facts, outcomes
from fluvial.card.fields import Lean, moves
from fluvial.card.lean import lean
from fluvial.card.recorder import Recording, inputs, record
from fluvial.card.segments import segments
from fluvial.card.sides import Sides, Stretch, sides
from fluvial.card.window import REACH, Window, around, distance, still_there
from fluvial.config import Pipeline
from fluvial.earlier import NotHere, pipeline_of
from fluvial.evidence import Said, calling, cause, complete
from fluvial.fingerprint import definition
from fluvial.history import History, Past
from fluvial.incidents import Incident, is_drift
from fluvial.place import Place, partitions_of
from fluvial.replay import Gap
from fluvial.shard import StepFailed, contract_of

LABELLED = ("loss", "labels")
"""Monitors that see a change when the truth comes, by what their names begin with."""


class NoDrift(ValueError):
    """The incident is none about the stream: what it is about is said in its evidence."""


def collect(place: Place, shard: int, facts: Facts) -> Card:
    """The card of an incident, as far as the journal and the store can tell. Raises NoDrift.

    What cannot be found out, because records or snapshots are gone, is named in ``missing``.
    """
    incident = facts.incident
    if not is_drift(incident.monitor) or not calling(incident.evidence):
        raise NoDrift(f"incident {incident.id} is about no drift: its page says everything about it")
    card = _of_store(place.pipeline, shard, facts)
    stretch = _stretch(incident)
    try:
        card = _of_journal(place, card, stretch, facts)
    except (Gap, StepFailed, LogError) as trouble:
        said = f"The events around the onset cannot be looked at again: {trouble}."
        card = card.model_copy(update={"missing": [*card.missing, said]})
    return card.model_copy(update={"findings": findings(card)})


def _of_store(pipeline: Pipeline, shard: int, facts: Facts) -> Card:
    """What needs no journal."""
    incident = facts.incident
    likely, because = cause(incident.evidence)
    told = Finding(cause=likely, because=because, strength=0.6) if likely else None
    return Card(
        incident=incident.id,
        pipeline=incident.pipeline,
        task=pipeline.task,
        shard=shard,
        version=incident.version,
        onset=_first(incident)["onset"],
        told=told,
        watching=_watching(pipeline, facts),
    )


def _first(incident: Incident) -> dict[str, Any]:
    return complete(calling(incident.evidence)[0])


def _watching(pipeline: Pipeline, facts: Facts) -> Watching:
    said: Said = _first(facts.incident)
    spec, now = pipeline.monitor, facts.watching or pipeline.monitor
    return Watching(
        **{name: said[name] for name in ("monitor", "part", "n_before", "n_after", "before", "after")},
        **{name: said[name] for name in ("low", "high", "score", "needed")},
        budget=now.budget,
        smallest_change=now.smallest_change,
        seasons=list(spec.seasons),
        took=None if said["onset"] is None else said["time"] - said["onset"],
        outcomes=outcomes(facts),
    )


def _stretch(incident: Incident) -> Stretch:
    """Since when, and until when where all that called recovered."""
    first = _first(incident)
    onset = first["onset"]
    began = float(onset if isinstance(onset, float) and isfinite(onset) else first["time"])
    over = [said["onset"] for said in incident.evidence if said.get("phase") == "recovered"]
    over = [float(one) for one in over if one is not None and one > began]
    of_labels = str(first["monitor"]).partition(":")[0] in LABELLED
    until = max(over, default=inf) if incident.phase == "recovered" else inf
    return Stretch(began, until, int(first["n_before"]) if of_labels else 0)


def _of_journal(place: Place, card: Card, stretch: Stretch, facts: Facts) -> Card:
    """The card with what the journal's past adds."""
    pipeline = place.pipeline
    events = pipeline.topic("events")
    window = around(History(place, card.shard), place.journal, stretch.onset, events)
    if window is None:
        return _lacking(card, "The journal holds nothing of this shard.")
    window = still_there(window, place.log.spans(partitions_of(pipeline, card.shard)))
    place, why = _as_then(place, window)
    card = _lacking(card, why)
    history = History(place, card.shard)
    recorded, window, why = _recorded(place, history, window, stretch.until)
    card = _lacking(card, why)
    place.heard(window.last, window.last)
    two = sides(recorded, stretch)
    course = Course(recorded.times, recorded.counts)
    held = context(window, course, place.journal.definitions(), facts)
    made = card.model_copy(update={"context": held, "by_arrival": two.by_arrival})
    return _of_sides(place.pipeline, made, recorded, two)


def _lacking(card: Card, why: str) -> Card:
    return card.model_copy(update={"missing": [*card.missing, why]}) if why else card


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


def _of_sides(pipeline: Pipeline, card: Card, recorded: Recording, two: Sides) -> Card:
    """The sections that compare the two sides."""
    before, after = two.known
    features = [*contract_of(pipeline).features, *pipeline.recent]
    task = recorded.state.learner.task if recorded.state else None
    leaning = Lean(lean(task, recorded.model, before, features) if task else {})
    some = two.sampled()
    measured = harm.measures(pipeline.task, before, after) if task else []
    parts, compared = segments(pipeline, before, after)
    rates = harm.per_hour(two.arrived[0], two.spans[0]), harm.per_hour(two.arrived[1], two.spans[1])
    costs = next((one for one in measured if one.name == "cost"), None)
    hours = two.spans[1] / harm.HOUR
    update = {
        "measures": measured,
        "cost": harm.cost(pipeline.cost.unit, costs, rates[1], hours) if costs else None,
        "volume": harm.volume(*rates, _carrier(parts)),
        "labels": harm.labels(before, after, two.spans),
        "fields": moves(pipeline, *some, leaning),
        "refused": harm.refused(recorded.refusals, two.onset, two.arrived),
        "segments": parts,
        "segments_compared": compared,
        "examples": Examples(pipeline, task, features).pairs(before, after) if task else [],
        "before": _side(two, 0, len(some[0])),
        "after": _side(two, 1, len(some[1])),
    }
    return _lacking(card.model_copy(update=update), _thin(two))


def _carrier(parts: list[Segment]) -> Segment | None:
    return next((one for one in parts if one.carries), None)


def _side(two: Sides, which: int, sampled: int) -> Side:
    held = two.events[which]
    since, until = (held[0].at, held[-1].at) if held else (None, None)
    return Side(
        since=since, until=until, events=two.arrived[which], outcomes=len(two.known[which]), sampled=sampled
    )


def _thin(two: Sides) -> str:
    n = len(two.known[1])
    if n >= 30 or not two.known[0]:
        return ""
    return f"Only {n} labels have come since the onset: compute the card again when there are more."
