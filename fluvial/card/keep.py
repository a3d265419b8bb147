"""Keep: the newest card of each incident in the store, computed by whoever has the log at hand."""

import time
from typing import NamedTuple

import sqlalchemy as sa

from fluvial.card.card import Card
from fluvial.card.collect import collect
from fluvial.card.facts import facts_of
from fluvial.incidents import Incidents
from fluvial.place import Place
from fluvial.store import Store
from fluvial.tables import card_table


class NoCard(LookupError):
    """No card of this incident is kept."""


class Kept(NamedTuple):
    """A card, of which version of the incident it is, and when it was computed (clock time, s)."""

    card: Card
    version: int
    at: float


def compute_and_keep(place: Place, store: Store, incident_id: str) -> Card:
    """Compute the card of an incident now and keep it in place of an older one.

    Raises NoSuchIncident, NoDrift, and StoreUnavailable.
    """
    incident = Incidents(store).get(incident_id)
    card = collect(place, facts_of(store, incident))
    keep(store, card)
    return card


def keep(store: Store, card: Card) -> None:
    """Keep a card in place of that of the same or of an older version of its incident."""
    row = {"version": card.version, "at": time.time(), "card": card.model_dump(mode="json")}
    # Beside it, so that lists show it without reading cards.
    likely = next(iter(card.findings), None)
    row |= {"cause": likely.cause if likely else "", "because": likely.because if likely else ""}
    put = store.insert(card_table).values(incident=card.incident, **row)
    newer = card_table.c.version <= put.excluded.version
    with store.write() as db:
        db.execute(put.on_conflict_do_update(index_elements=["incident"], set_=row, where=newer))


def kept(store: Store, incident_id: str) -> Kept:
    """The card kept of an incident. Raises NoCard."""
    with store.read() as db:
        row = db.execute(sa.select(card_table).where(card_table.c.incident == incident_id)).first()
    if row is None:
        raise NoCard(f"no evidence card of incident {incident_id!r} is kept: see `fluvial card`")
    return Kept(Card.model_validate(row.card), row.version, row.at)
