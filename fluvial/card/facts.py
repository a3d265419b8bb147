"""Facts: what the store knows of an incident and of those before it, read once."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from fluvial import scenarios
from fluvial.card.card import Earlier
from fluvial.evidence import Said, calling
from fluvial.incidents import Incident, Incidents, is_drift
from fluvial.reviews import Review, history
from fluvial.scenarios import Scenario
from fluvial.store import Store
from fluvial.tuning import Watching, watching

EARLIER = 200
"""Incidents that are looked through for those of the same monitor."""

SHOWN = 5
"""Earlier incidents that are shown."""


class Facts(NamedTuple):
    """An incident, the drifts before it, newest first, and the reviews of its pipeline by id.

    ``expected`` are the scenarios in whose time the change began or was seen; ``watching`` is
    by what the pipeline is watched now, its file and the decisions about it taken together. ``by_shard``
    is what the monitors of each shard said of the incident, in the order of event time.
    """

    incident: Incident
    earlier: Sequence[Incident]
    reviews: Mapping[str, Review]
    expected: Sequence[Scenario] = ()
    watching: Watching | None = None
    by_shard: Mapping[int, Sequence[Said]] = MappingProxyType({})


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
    decided = {review.id: review for review in reviews}
    now = watching(store, incident.pipeline)
    return Facts(incident, before, decided, expected, now, Incidents(store).by_shard(incident.id))


def outcomes(facts: Facts) -> list[Earlier]:
    """What became of the last incidents of the same monitor."""
    same = [one for one in facts.earlier if one.monitor == facts.incident.monitor]
    return [_earlier(one, facts) for one in same[:SHOWN]]


def _earlier(one: Incident, facts: Facts) -> Earlier:
    reviews = facts.reviews.values()
    decided = [review for review in reviews if review.incident == one.id and review.action != "comment"]
    last = max(decided, key=lambda review: (bool(review.reason), review.at), default=None)
    first = next(iter(calling(one.evidence)), None)
    return Earlier(
        id=one.id,
        monitor=one.monitor,
        state=one.state,
        verdict=one.verdict or (last.action if last else None),
        who=one.resolved_by or one.acknowledged_by,
        reason=last.reason if last else "",
        cause=one.cause[0],
        opened_at=one.opened_at,
        onset=first["onset"] if first else None,
    )
