"""Bulk: many incidents acknowledged at once, after a look at which; each is a review of its own.

The preview says what would be touched and in which version. What changed in between is left alone and
named: nobody acknowledges what they have not seen.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from fluvial.incidents import Incident, Incidents, NoSuchIncident, State
from fluvial.review import Conflict, Request, Review, ReviewError
from fluvial.reviews import rehearse, review
from fluvial.store import Store

MOST = 1000
"""Incidents that can be acknowledged at once."""

NOBODYS: tuple[State, ...] = ("pending", "firing")
"""The states that are meant where none is named."""


class Chosen(NamedTuple):
    """An incident as somebody looked at it."""

    id: str
    version: int


class Outcome(NamedTuple):
    """What became of one incident: a review, or why it was left alone and who was first."""

    incident: str
    review: Review | None
    why: str = ""
    who: str = ""


def preview(store: Store, *, pipeline: str | None = None, state: State | None = None) -> list[Incident]:
    """The incidents that acknowledging would touch, the newest first."""
    incidents, states = Incidents(store), (state,) if state else NOBODYS
    found = [one for each in states for one in incidents.listing(pipeline=pipeline, state=each, limit=MOST)]
    wanted = [one for one in found if one.resolved_at is None and not one.quiet]
    return sorted(wanted, key=lambda one: (-one.opened_at, one.id))[:MOST]


def acknowledge(
    store: Store, chosen: Iterable[Chosen], wish: dict[str, str], channel: str, *, dry_run: bool = False
) -> list[Outcome]:
    """Acknowledge the chosen incidents, each by itself; ``wish`` has who, reason and perhaps an id.

    Repeating it under its id changes nothing.
    """
    way = rehearse if dry_run else review
    return [_one(one, wish, lambda request: way(store, request, channel)) for one in chosen]


def _one(one: Chosen, wish: dict[str, str], take: Callable[[Request], Review]) -> Outcome:
    named = wish.get("id")
    review_id = uuid5(NAMESPACE_URL, f"{named}/{one.id}").hex if named else None
    asked = {"action": "acknowledge", "incident": one.id, "version": one.version, "id": review_id}
    request = Request.model_validate(asked | {"who": wish["who"], "reason": wish.get("reason", "")})
    try:
        return Outcome(one.id, take(request))
    except Conflict as error:
        return Outcome(one.id, None, str(error), error.who)
    except (ReviewError, NoSuchIncident) as error:
        return Outcome(one.id, None, str(error))


def counted(outcomes: Sequence[Outcome]) -> str:
    """What became of all, in a sentence.

    >>> counted([Outcome("a1", None, "bob has acknowledged a1", "bob")])
    'Acknowledged 0 of 1 incidents; 1 left alone.'
    """
    taken = sum(one.review is not None for one in outcomes)
    left = len(outcomes) - taken
    said = f"Acknowledged {taken:,} of {len(outcomes):,} incidents"
    return f"{said}; {left:,} left alone." if left else f"{said}."
