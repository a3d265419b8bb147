"""Lineup: which models stand beside the shard's own in a shadow table, each by its recipe."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fluvial.evidence import Said, calling
from fluvial.shadow.recipe import Recipe, recipe_of

AS_IS = "as_is"

TITLES = {
    AS_IS: "The model as it is",
    "undecided": "As if nothing had been decided",
    "paused": "Learning paused at the decision",
    "afresh": "Reset at the decision",
    "frozen": "Frozen before the drift",
    "reset": "Reset at the onset",
    "retrained": "Retrained from a window",
    "rolled_back": "Rolled back",
    "without": "Without the suspect source",
    "candidate": "Candidate",
}
"""What people call each variant."""


class Entrant(NamedTuple):
    """One variant: its name, what it is in a sentence, and the recipe of its model."""

    name: str
    says: str
    recipe: Recipe


class Wish(NamedTuple):
    """What a table is about: the batch before the onset and what somebody wants to see beside the usual.

    ``window`` is the first and the last batch to be learned (None: those after the onset, up to now);
    ``excluded`` are the sources that are not learned from now anyway, ``without`` those under suspicion.
    """

    onset: int
    window: tuple[int, int | None] | None = None
    candidate: str | None = None
    without: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def lineup(wish: Wish, kept: Iterable[int]) -> list[Entrant]:
    """The usual variants and the wished ones. ``kept`` are the batches whose snapshots can be opened."""
    onset, left_out = wish.onset, wish.excluded
    before = max((batch for batch in kept if batch <= onset), default=0)
    return [
        Entrant(
            "frozen",
            f"predicts with the model of batch {onset:,} and learns nothing since",
            Recipe(onset, onset, onset, without=left_out),
        ),
        Entrant(
            "reset",
            f"knows nothing after batch {onset:,} and learns what the shard learns since",
            Recipe(onset, onset, fresh=True, without=left_out),
        ),
        _retrained(wish),
        *_rolled_back(wish, max((batch for batch in kept if 0 < batch < onset), default=0)),
        *_without(wish),
        *_candidate(wish, before),
    ]


def _retrained(wish: Wish) -> Entrant:
    first, last = (wish.onset + 1, None) if wish.window is None else wish.window
    recipe = Recipe(first - 1, first - 1, last, fresh=True, without=wish.excluded, heeds_pauses=False)
    until = "now" if last is None else f"batch {last:,}"
    return Entrant("retrained", f"knows every label from batch {first:,} to {until}, and no other", recipe)


def _rolled_back(wish: Wish, before: int) -> list[Entrant]:
    if not before:
        return []
    says = f"went back to the model of batch {before:,} at the onset and learns on"
    return [Entrant("rolled_back", says, Recipe(before, wish.onset, without=wish.excluded))]


def _without(wish: Wish) -> list[Entrant]:
    if not wish.without:
        return []
    sources = tuple(sorted({*wish.without, *wish.excluded}))
    says = f"has learned nothing of {', '.join(wish.without)} since batch {wish.onset:,}"
    return [Entrant("without", says, Recipe(wish.onset, wish.onset, without=sources))]


def _candidate(wish: Wish, before: int) -> list[Entrant]:
    if wish.candidate is None:
        return []
    says = f"{wish.candidate.strip()}, taught every label since batch {before + 1:,}"
    recipe = Recipe(
        before, before, fresh=True, model=wish.candidate, without=wish.excluded, heeds_pauses=False
    )
    return [Entrant("candidate", says, recipe)]


def alternatives(before: int, *, paused: bool, excluded: tuple[str, ...]) -> list[Entrant]:
    """What else could have been decided after a batch: to let things be, to pause, to reset.

    ``paused`` and ``excluded`` say how things stood then.
    """
    return [
        Entrant(
            "undecided",
            f"went on as it was after batch {before:,}",
            Recipe(before, before, before if paused else None, without=excluded, heeds_pauses=False),
        ),
        Entrant(
            "paused",
            f"predicts with the model of batch {before:,} and learns nothing since",
            Recipe(before, before, before),
        ),
        Entrant(
            "afresh",
            f"knows nothing after batch {before:,} and learns since",
            Recipe(before, before, fresh=True, without=excluded, heeds_pauses=False),
        ),
    ]


def tabled(rows: Iterable[Mapping[str, Any]]) -> list[Entrant]:
    """The variants of a shadow table once more, as its rows carry them."""
    good = [row for row in rows if row.get("recipe") is not None and row.get("failed") is None]
    return [Entrant(str(row["name"]), str(row["says"]), recipe_of(row["recipe"])) for row in good]


def suspects(evidence: Iterable[Mapping[str, Any]], field: str | None) -> tuple[str, ...]:
    """The sources that the evidence names: of the label, or by the pipeline's source ``field``.

    >>> said = {"monitor": "loss", "direction": "worse", "because": "carrier=UA carries 80% of the change"}
    >>> suspects([said], "carrier"), suspects([said], None)
    (('UA',), ())
    """
    return tuple(sorted({name for said in calling(evidence) for name in _named(said, field)}))


def _named(said: Said, field: str | None) -> list[str]:
    found = []
    if said["monitor"] in ("labels:source", f"loss:{field}"):
        found.append((said.get("part") or "").partition("=")[2])
    names = "|".join(re.escape(name) for name in ("source", field) if name)
    if match := re.match(rf"(?:{names})=(.+) carries \d", said.get("because") or ""):
        found.append(match[1])
    return [name for name in found if name]
