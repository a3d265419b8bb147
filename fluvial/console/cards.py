"""Cards: the evidence card of an incident as its page and the API show it, and the words it is shown in."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel, Field

from fluvial.card import keep
from fluvial.card.card import Card, Mean, Measure, Segment
from fluvial.card.causes import worse
from fluvial.card.moves import Bar, FieldMove
from fluvial.console import phrases
from fluvial.console.claims import difference
from fluvial.console.phrases import NOTHING, count, number, stopped, upright
from fluvial.incidents import Incident
from fluvial.store import Store

MEASURES = {
    "loss": "loss as the monitors see it",
    "wrong": "wrong decisions",
    "error": "absolute error",
    "cost": "cost of an event",
}
"""What is measured on the two sides of the onset."""

VERDICTS = {
    "false_alarm": "a false alarm",
    "resolve": "resolved",
    "acknowledge": "acknowledged",
    "keep_learning": "kept learning",
    "pause": "learning was paused",
    "resume": "learning went on",
    "reset": "the model was reset",
    "reset_part": "a part of the model was reset",
    "rollback": "an earlier model was brought back",
    "retrain": "a model was retrained",
    "adopt": "another model was adopted",
    "exclude_source": "a source was excluded",
    "include_source": "a source was believed again",
    "set_budget": "another budget was set",
    "snooze": "snoozed",
    "unsnooze": "a snooze was ended",
    "reopen": "opened again",
    "passed": "gone back by itself, closed",
    "alert_over": "the alert was over, closed",
    "went_on": "the shard went on, closed",
}
"""What came of earlier incidents: verdicts, and reviews of incidents about drifts."""

LESS, MORE = 0.5, 1.25
"""A segment whose part of the change is so many times its share of the events goes with all others."""

LEAST = 0.01
"""A shift that is smaller is none, however many events show it."""


class KeptCard(BaseModel):
    """The evidence card that is kept of an incident."""

    incident: str
    version: int = Field(description="version of the incident that it was computed for")
    at: float = Field(description="when it was computed, a clock time")
    stale: bool = Field(description="the incident has changed since")
    card: Card


def card_of(store: Store, incident: Incident) -> KeptCard:
    """The card kept of an incident. Raises NoCard."""
    found = keep.kept(store, incident.id)
    stale = found.version < incident.version and incident.resolved_at is None
    return KeptCard(incident=incident.id, version=found.version, at=found.at, stale=stale, card=found.card)


def card_or_none(store: Store, incident: Incident) -> KeptCard | None:
    """The card kept of an incident, None where none is."""
    try:
        return card_of(store, incident)
    except keep.NoCard:
        return None


def percent(value: float | None) -> str:
    r"""A share in percent, with a place where it is small.

    >>> percent(0.5), percent(0.0123), percent(0.0), percent(None)
    ('50\xa0%', '1.2\xa0%', '0\xa0%', '—')
    """
    if value is None:
        return NOTHING
    places = 0 if value >= 0.0995 or value == 0 else 1
    return f"{100 * value:.{places}f}\N{NO-BREAK SPACE}%"


def reading(measure: Measure, mean: Mean) -> str:
    """A mean of a measure as people read it: decisions in percent, the others as numbers."""
    return percent(mean.mean) if measure.name == "wrong" else number(mean.mean)


def within(measure: Measure, mean: Mean) -> str:
    """The bounds of a mean; empty where there are none."""
    if mean.low is None or mean.high is None:
        return ""
    low, high = (max(0.0, one) for one in (mean.low, mean.high))
    shown = percent if measure.name == "wrong" else number
    return f"{shown(low)} to {shown(high)}"


def rise(measure: Measure) -> str:
    """By how much a measure changed."""
    if measure.change is None:
        return NOTHING
    shares = measure.name == "wrong"
    return f"{difference(measure.change * (100.0 if shares else 1.0))}{' points' if shares else ''}"


def between(measure: Measure) -> str:
    """The bounds of a change; empty where there are none."""
    if measure.low is None or measure.high is None:
        return ""
    scale = 100.0 if measure.name == "wrong" else 1.0
    return f"{difference(measure.low * scale)} to {difference(measure.high * scale)}"


def moved_fields(fields: Sequence[FieldMove]) -> list[FieldMove]:
    """The fields that surely moved, and by more than nothing."""
    return [one for one in fields if moved(one)]


def moved(one: FieldMove) -> bool:
    """Whether a field moved beyond chance, and by more than nothing."""
    gap = abs(one.missing_after - one.missing_before)
    return one.certain and max(one.distance or 0.0, gap, one.new or 0.0) >= LEAST


def size(psi: float | None) -> str:
    """What a population stability index says (Siddiqi, 2006).

    >>> size(0.05), size(0.2), size(3.0)
    ('small', 'moderate', 'large')
    """
    if psi is None:
        return NOTHING
    return "small" if psi < 0.1 else "moderate" if psi < 0.25 else "large"


def told(one: FieldMove) -> str:
    """What became of a field, in a clause."""
    parts = []
    if one.mean_before is not None and one.mean_after is not None:
        unit = f" {one.unit}" if one.unit else ""
        parts.append(f"mean {number(one.mean_before)} to {number(one.mean_after)}{unit}")
    if one.factor is not None:
        times = f"{one.factor:.3g}" if one.factor > 1 else f"1/{1 / one.factor:.3g}"
        parts.append(f"all values about {times} times those of before")
    if abs(one.missing_after - one.missing_before) >= LEAST:
        parts.append(f"missing {percent(one.missing_before)} to {percent(one.missing_after)}")
    if (one.new or 0.0) >= LEAST:
        parts.append(f"{percent(one.new)} of the values never came before")
    return ", ".join(parts) or "other values are frequent"


def apart(segments: Sequence[Segment]) -> list[Segment]:
    """The segments that contribute clearly more to the change than their share of the events, or the
    other way round: where all got worse alike, none of them says anything."""
    return [one for one in segments if one.carries or not LESS < one.of_change / _share(one) < MORE]


def alike(segments: Sequence[Segment]) -> list[Segment]:
    """Those that got worse as all did."""
    return [one for one in segments if one not in apart(segments)]


def _share(one: Segment) -> float:
    return max(one.share_after, 1e-9)


def in_words(bars: Sequence[Bar]) -> str:
    """A histogram as a text: for who cannot see it."""
    return "; ".join(f"{one.name}: {percent(one.before)} before, {percent(one.after)} after" for one in bars)


def ahead(events: int) -> str:
    """Where something lies from the onset.

    >>> ahead(1200), ahead(-1)
    ('1,200 events before', '1 event after')
    """
    return f"{count(abs(events), 'event')} {'before' if events >= 0 else 'after'}"


class Block(NamedTuple):
    """One bar as it is drawn: its place and size in the drawing's own units, 100 high."""

    x: float
    y: float
    width: float
    height: float
    side: str


WIDE = 24.0
"""Units from one pair of bars to the next."""


def blocks(bars: Sequence[Bar]) -> list[Block]:
    """The bars of a histogram, before and after side by side, the highest one 100 units high."""
    top = max((max(one.before, one.after) for one in bars), default=0.0) or 1.0
    drawn = []
    for place, one in enumerate(bars):
        for offset, side, share in ((2.0, "before", one.before), (12.0, "after", one.after)):
            height = round(100.0 * share / top, 2)
            drawn.append(Block(WIDE * place + offset, 100.0 - height, 9.0, height, side))
    return drawn


def span(seconds: float | None) -> str:
    """A length of time, roughly; a dash where it is unknown.

    >>> span(7300), span(None)
    ('2 h', '—')
    """
    return NOTHING if seconds is None else phrases.span(seconds)


FILTERS = (percent, worse, moved_fields, apart, alike, stopped, upright, in_words, blocks, span)
WORDS = (size, told, reading, within, rise, between, ahead)
"""What the templates call."""
