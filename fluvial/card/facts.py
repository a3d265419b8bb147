"""Facts: what the store knows of an incident and of those before it, read once."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fluvial import scenarios
from fluvial.card.card import Earlier
from fluvial.evidence import calling, cause, who
from fluvial.incidents import Incident, Incidents, is_drift
from fluvial.reviews import Review, history
from fluvial.scenarios import Scenario
from fluvial.store import Store

EARLIER = 200
"""Incidents that are looked through for similar ones."""

SHOWN = 5
"""Earlier incidents that are shown."""

ALIKE = 0.25
"""Incidents are similar from this likeness on."""


class Facts(NamedTuple):
    """An incident, the drifts before it, newest first, and the reviews of its pipeline by id.

    ``expected`` are the scenarios in whose time the change began or was seen.
    """

    incident: Incident
    earlier: Sequence[Incident]
    reviews: Mapping[str, Review]
    expected: Sequence[Scenario] = ()


def facts_of(store: Store, incident: Incident) -> Facts:
    """What the store knows now."""
    listed = Incidents(store).listing(pipeline=incident.pipeline, limit=EARLIER)
    before = [one for one in listed if one.id != incident.id and is_drift(one.monitor)]
    before = [
        one for one in before if (one.opened_at, one.last_time) <= (incident.opened_at, incident.last_time)
    ]
    reviews = history(store, pipeline=incident.pipeline, limit=1000)
    began = min((said["onset"] for said in calling(incident.evidence)), default=incident.last_time)
    expected = [
        one
        for one in scenarios.listing(store, incident.pipeline, every=True)
        if one.removed_at is None and one.since <= incident.last_time and began <= one.until
    ]
    return Facts(incident, before, {review.id: review for review in reviews}, expected)


def outcomes(facts: Facts) -> list[Earlier]:
    """What became of the last incidents of the same monitor."""
    same = [one for one in facts.earlier if one.monitor == facts.incident.monitor]
    return [_earlier(one, facts) for one in same[:SHOWN]]


def similar(facts: Facts) -> list[Earlier]:
    """Incidents in which much the same moved, the most similar first."""
    found = [_earlier(one, facts) for one in facts.earlier]
    alike = [one for one in found if one.likeness >= ALIKE]
    return sorted(alike, key=lambda one: -one.likeness)[:SHOWN]


def _earlier(one: Incident, facts: Facts) -> Earlier:
    decided = [review for review in facts.reviews.values() if review.incident == one.id]
    last = max(decided, key=lambda review: (bool(review.reason), review.at), default=None)
    first = next(iter(calling(one.evidence)), None)
    return Earlier(
        id=one.id,
        monitor=one.monitor,
        state=one.state,
        verdict=one.verdict or (last.action if last else None),
        who=one.resolved_by or one.acknowledged_by,
        reason=last.reason if last else "",
        cause=cause(one.evidence)[0],
        opened_at=one.opened_at,
        onset=first["onset"] if first else None,
        likeness=_likeness(one, facts.incident),
    )


def _likeness(one: Incident, other: Incident) -> float:
    """What moved in both as a share of what moved in either (Jaccard), likely cause included."""
    a, b = _moved(one), _moved(other)
    return len(a & b) / len(a | b) if a | b else 0.0


def _moved(one: Incident) -> set[tuple[str, ...]]:
    moved: set[tuple[str, ...]] = {
        who(said) for said in one.evidence if said.get("phase") in ("first", "worse")
    }
    likely = cause(one.evidence)[0]
    return moved | ({("cause", likely)} if likely else set())
