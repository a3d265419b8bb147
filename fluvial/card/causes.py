"""Causes: what is likely behind a drift, by what its card shows and by what the alarms said."""

from collections.abc import Iterator

from fluvial.card.card import Card, Finding, Measure, Segment
from fluvial.card.moves import FieldMove
from monitors.alarm import Cause

LEANS = 0.05
"""The share of a model's reliance from which on a field can be behind a loss."""

GAPS = 0.05
"""How many more values are missing or new (share of events) when somebody changed what is sent."""

REFUSED = 0.01
"""How many more records are refused then."""

MOVED = 0.15
"""The distance from which on a field's move is worth naming."""

SLOWER, APART = 1.5, 0.3
"""Labels came at another pace: the median is so many times longer or shorter, and distributions differ."""

NEAR = 1_000
"""Events before the onset within which a decision or a deploy can be behind it."""

LATE = 250
"""Events after the onset within which it still can: onsets are estimates."""

PARTLY = 0.35
"""A source that carries this share of a change is named beside another cause."""

ENOUGH = 200
"""Outcomes after the onset from which on what they say counts more than what an alarm said on fewer."""

TRUTH = 0.1
"""By how much the mean of the truth has to move to be named (binary)."""


EXCHANGED = {
    "reset": "was reset",
    "reset_part": "forgot what a part of it had learned",
    "rollback": "was brought back from an earlier batch",
    "adopt": "was exchanged for another one",
}
"""What people do that gives a shard another model, as it is told of the model."""


def cause(card: Card) -> tuple[Cause, str]:
    """The likely cause and why, in a sentence; empty where nothing points anywhere.

    >>> cause(Card(incident="a", pipeline="p", task="binary", shard=0, version=1, onset=None))
    ('', '')
    """
    found = findings(card)
    return (found[0].cause, found[0].because) if found else ("", "")


def findings(card: Card) -> list[Finding]:
    """Everything that may be behind the drift, the strongest first.

    What somebody did comes before what the data did, and what the form of the data did before what
    the world did: a changed unit moves inputs, and a poisoned source moves the relation, too.
    """
    specific = [*_model(card), *_schema(card), *_feed(card), *_source(card)]
    specific += _told(card, specific)
    found = specific + list(_world(card, specific))
    return sorted(found, key=lambda one: -one.strength)


def worse(card: Card) -> bool:
    """Whether the loss surely rose."""
    loss = loss_of(card)
    return loss is not None and loss.low is not None and loss.low > 0


def loss_of(card: Card) -> Measure | None:
    """The mean loss on the two sides."""
    return next((one for one in card.measures if one.name == "loss"), None)


def _model(card: Card) -> Iterator[Finding]:
    for deploy in card.context.deploys:
        if -LATE <= deploy.events_before_onset <= NEAR:
            what = ", ".join(deploy.changed[:4]) or "nobody knows what of it is new"
            because = f"another definition took over {_ahead(deploy.events_before_onset)} the onset ({what})"
            yield Finding(cause="schema" if deploy.contract else "model", because=because, strength=0.97)
    for deed in card.context.decisions:
        if deed.action in EXCHANGED and -LATE <= deed.events_before_onset <= NEAR:
            because = f"the model {EXCHANGED[deed.action]} {_ahead(deed.events_before_onset)} the onset"
            yield Finding(cause="model", because=because, strength=0.96)


def _ahead(events: int) -> str:
    """Where something lies from the onset.

    >>> _ahead(1200), _ahead(-3)
    ('1,200 events before', '3 events after')
    """
    return f"{abs(events):,} events {'before' if events >= 0 else 'after'}"


def _schema(card: Card) -> Iterator[Finding]:
    for one in card.refused:
        if one.after - one.before >= REFUSED:
            because = f"{one.after:.0%} of {one.stream} cannot be read, {one.before:.0%} before: {one.detail}"
            yield Finding(cause="schema", because=because, strength=0.92)
    for field in card.fields:
        because = _reshaped(field) if leans(field) and field.certain else ""
        if because:
            yield Finding(cause="schema", because=because, strength=0.85 + 0.05 * (field.lean or 0.0))


def leans(field: FieldMove) -> bool:
    """Whether the model leans on a field enough for it to be behind a loss; yes where nobody knows."""
    return (field.lean is None and field.kind != "text") or (field.lean or 0.0) >= LEANS


def _reshaped(field: FieldMove) -> str:
    """What changed in the form of a field, in words; empty where its form is as it was."""
    if field.factor is not None:
        times = f"{field.factor:,.3g}" if field.factor > 1 else f"1/{1 / field.factor:,.3g}"
        return f"{field.name} reads as if in another unit: all values are about {times} times those of before"
    if field.missing_after - field.missing_before >= GAPS:
        shares = f"{field.missing_after:.0%} of the events, {field.missing_before:.0%} before"
        return f"{field.name} is missing in {shares}"
    if (field.new or 0.0) >= GAPS:
        return f"{field.new:.0%} of the values of {field.name} never came before"
    return ""


def _feed(card: Card) -> Iterator[Finding]:
    labels = card.labels
    if labels is None or labels.delay_before is None or labels.delay_after is None:
        return
    times = (labels.delay_after + 1.0) / (labels.delay_before + 1.0)
    if (labels.distance or 0.0) >= APART and not 1 / SLOWER < times < SLOWER:
        pace = f"{times:,.1f} times as long" if times > 1 else f"1/{1 / times:,.1f} as long"
        told = card.told is not None and card.told.cause == "feed"
        yield Finding(cause="feed", because=f"labels take {pace} as before", strength=0.95 if told else 0.75)


def _source(card: Card) -> Iterator[Finding]:
    if not worse(card):
        return
    # What is named of several segments is the one that carries most: they overlap.
    some = sorted(card.segments, key=lambda one: (-one.carries, -one.source, -one.of_change))
    for one in some[:1]:
        if one.carries:
            yield Finding(cause="source", because=_carries(one), strength=0.8)
    partly = [one for one in some if not one.carries and one.source and _stands_out(one)]
    for one in partly[:1]:
        yield Finding(cause="source", because=_carries(one), strength=0.5)


def _carries(one: Segment) -> str:
    return (
        f"{one.field} {one.value} carries {min(one.of_change, 1.0):.0%} of the change "
        f"with {one.share_after:.0%} of the events"
    )


def _stands_out(one: Segment) -> bool:
    return one.certain and one.of_change >= PARTLY and one.of_change >= 1.4 * one.share_after


def _told(card: Card, found: list[Finding]) -> list[Finding]:
    """What the alarms say beyond that: monitors see longer stretches, and know seasons."""
    told = card.told
    if told is None or told.cause in ("", "world") or any(one.cause == told.cause for one in found):
        return []
    return [] if told.cause == "source" and _knows_better(card) else [told]


def _knows_better(card: Card) -> bool:
    """Whether the segments were compared on many more outcomes than the alarm had."""
    loss, watching = loss_of(card), card.watching
    if loss is None or watching is None or not card.segments_compared:
        return False
    return loss.after.n >= max(ENOUGH, 2 * watching.n_after)


def _world(card: Card, found: list[Finding]) -> Iterator[Finding]:
    explained = " ".join(one.because for one in found if one.cause == "schema")
    moved = [one for one in card.fields if _moved(one) and not explained.startswith(f"{one.name} ")]
    if moved and not explained:
        because = "; ".join(_moving(one) for one in moved[:3])
        yield Finding(cause="world", because=f"inputs moved: {because}", strength=0.4)
    labels = card.labels
    if labels is not None and _truth_moved(card):
        because = f"the truth itself moved from {labels.truth_before:.2f} to {labels.truth_after:.2f}"
        yield Finding(cause="world", because=because, strength=0.35)
    if worse(card) and not moved and all(one.cause == "feed" for one in found):
        because = (
            "no input that the model leans on moved: the relation between inputs and truth is another one"
        )
        yield Finding(cause="world", because=because, strength=0.3)
    elif card.told is not None and card.told.cause == "world" and not found and not moved:
        yield card.told.model_copy(update={"strength": 0.2})


def _moved(field: FieldMove) -> bool:
    return field.certain and leans(field) and field.lean is not None and (field.distance or 0.0) >= MOVED


def _moving(field: FieldMove) -> str:
    if field.mean_before is None or field.mean_after is None:
        return f"{field.name} (other values are frequent)"
    return f"{field.name} (mean {field.mean_before:.4g} to {field.mean_after:.4g})"


def _truth_moved(card: Card) -> bool:
    labels = card.labels
    if labels is None or labels.truth_before is None or labels.truth_after is None:
        return False
    loss = loss_of(card)
    if card.task != "binary" or loss is None or loss.after.n < ENOUGH:
        return False
    return abs(labels.truth_after - labels.truth_before) >= TRUTH
