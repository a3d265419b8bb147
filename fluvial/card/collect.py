"""Collect: the card of a drift, computed from the journal around its onset and from the store's facts.

One drift is one incident whichever shards report it: each of them is looked at around the onset that its
own alarms found, and what is compared is compared over all of them. It is bounded: a window of events on
each side, and a replay that needs a snapshot near it. It reads, and changes nothing; the same journal and
the same facts give the same card.
"""

from collections.abc import Sequence

from consumers.log import LogError
from fluvial.card import harm
from fluvial.card.card import Card, Finding, Segment, Watching
from fluvial.card.causes import findings
from fluvial.card.context import Course, context
from fluvial.card.examples import Examples
from fluvial.card.facts import Facts, outcomes
from fluvial.card.fields import Lean, moves
from fluvial.card.lean import lean
from fluvial.card.look import Blank, Look, look
from fluvial.card.pooled import Pool
from fluvial.card.segments import segments
from fluvial.card.window import EVENTS
from fluvial.config import Pipeline
from fluvial.errors import Gap, NoDrift
from fluvial.evidence import Said, calling, cause, complete
from fluvial.incidents import is_drift
from fluvial.place import Place
from fluvial.shard import StepFailed, contract_of

MOST = 8
"""Shards that are looked at, those with the strongest alarms first: each is a replay."""

FEWEST = 2_500
"""Events on each side that are looked at of a shard, where there are several."""


def collect(place: Place, facts: Facts) -> Card:
    """The card of an incident, as far as the journal and the store can tell. Raises NoDrift.

    What cannot be found out, because records or snapshots are gone, is named in ``missing``.
    """
    incident = facts.incident
    if not is_drift(incident.monitor) or not calling(incident.evidence):
        raise NoDrift(f"incident {incident.id} is about no drift: its page says everything about it")
    reporting = strongest(facts)
    card = _of_store(place.pipeline, reporting[0][0], facts)
    looks, missing = _looks(place, reporting)
    if left := [shard for shard, _ in reporting[MOST:]]:
        missing.append(f"Not looked at, their alarms are weaker: shards {', '.join(map(str, left))}.")
    if looks:
        card = _of_looks(place, card, looks, facts)
    card = card.model_copy(update={"missing": [*missing, *card.missing]})
    return card.model_copy(update={"findings": findings(card)})


def strongest(facts: Facts) -> list[tuple[int, Sequence[Said]]]:
    """The shards whose monitors called, each with all that they said, those with the most evidence first."""
    told = facts.by_shard or {facts.incident.shard: facts.incident.evidence}
    return sorted(
        ((shard, said) for shard, said in told.items() if calling(said)),
        key=lambda one: (*(-figure for figure in _weight(one[1])), one[0]),
    )


def _weight(evidence: Sequence[Said]) -> tuple[float, int]:
    """How much speaks for a change: standard errors, and outcomes since it began."""
    said = [complete(one) for one in calling(evidence)]
    return max(one["score"] or 0.0 for one in said), max(one["n_after"] or 0 for one in said)


def _looks(place: Place, reporting: Sequence[tuple[int, Sequence[Said]]]) -> tuple[list[Look], list[str]]:
    """What could be looked at again, and in sentences what could not."""
    looks: list[Look] = []
    missing: list[str] = []
    several = len(reporting) > 1
    most = max(FEWEST, EVENTS // min(len(reporting), MOST)) if several else EVENTS
    for shard, evidence in reporting[:MOST]:
        of = f"Shard {shard}: " if several else ""
        try:
            looks.append(found := look(place, shard, evidence, most))
            missing += [f"{of}{why}" for why in found.missing]
        except Blank as why:
            missing.append(f"{of}{why}")
        except (Gap, StepFailed, LogError) as trouble:
            missing.append(f"{of}The events around the onset cannot be looked at again: {trouble}.")
    return looks, missing


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
        onset=complete(calling(incident.evidence)[0])["onset"],
        told=told,
        watching=_watching(pipeline, facts),
    )


def _watching(pipeline: Pipeline, facts: Facts) -> Watching:
    said: Said = complete(calling(facts.incident.evidence)[0])
    spec, now = pipeline.monitor, facts.watching or pipeline.monitor
    return Watching(
        **{name: said[name] for name in ("monitor", "part", "n_before", "n_after", "before", "after")},
        **{name: said[name] for name in ("low", "high", "score", "needed")},
        shard=facts.incident.shard,
        budget=now.budget,
        smallest_change=now.smallest_change,
        seasons=list(spec.seasons),
        took=None if said["onset"] is None else said["time"] - said["onset"],
        outcomes=outcomes(facts),
    )


def _of_looks(place: Place, card: Card, looks: Sequence[Look], facts: Facts) -> Card:
    """The card with what the journal's past adds.

    What is of one model, or of one journal, is that of the first: the shard with the most evidence.
    """
    main, pool = looks[0], Pool(looks)
    course = Course(main.recorded.times, main.recorded.counts)
    held = context(main.window, course, place.journal.definitions(), facts)
    update = {"shard": main.shard, "context": held, "by_arrival": pool.by_arrival, "shards": pool.each()}
    return _of_pool(main, card.model_copy(update=update), pool)


def _of_pool(main: Look, card: Card, pool: Pool) -> Card:
    """The sections that compare the two sides."""
    pipeline, recorded = main.pipeline, main.recorded
    before, after = pool.known
    features = [*contract_of(pipeline).features, *pipeline.recent]
    task = recorded.state.learner.task if recorded.state else None
    leaning = Lean(lean(task, recorded.model, main.two.known[0], features) if task else {})
    measured = pool.measures(pipeline.task) if task else []
    parts, compared = segments(pipeline, pool.balanced, after)
    rates = pool.rates(0), pool.rates(1)
    costs = next((one for one in measured if one.name == "cost"), None)
    update = {
        "measures": measured,
        "cost": harm.cost(pipeline.cost.unit, costs, rates[1], pool.hours) if costs else None,
        "volume": harm.volume(*rates, _carrier(parts)),
        "labels": pool.labels(),
        "fields": moves(pipeline, *pool.sampled, leaning),
        "refused": harm.refused(pool.refusals(), 0.0, pool.arrived),
        "segments": parts,
        "segments_compared": compared,
        "examples": Examples(pipeline, task, features).pairs(before, after) if task else [],
        "before": pool.side(0),
        "after": pool.side(1),
    }
    made = card.model_copy(update=update)
    return made.model_copy(update={"missing": [*made.missing, *_thin(len(before), len(after))]})


def _carrier(parts: list[Segment]) -> Segment | None:
    return next((one for one in parts if one.carries), None)


def _thin(before: int, after: int) -> list[str]:
    if after >= 30 or not before:
        return []
    return [f"Only {after} labels have come since the onset: compute the card again when there are more."]
