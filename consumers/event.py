"""Event, Label, Rejection: what a record can turn out to be."""

from typing import NamedTuple

from consumers.image import Image

Value = float | int | str | bool | Image
"""What a field of an event can hold once the contract has read it."""

Truth = float | bool | str
"""What a label can say: a number (regression), yes or no (binary), a class (multiclass)."""


class Event(NamedTuple):
    """Something that happened, as the contract understood it.

    ``time`` is event time in seconds since 1970 UTC. ``features`` are in contract order, with
    missing values handled; a field whose rule is to be left out is absent. ``label`` is the truth
    where the event carries it itself. ``context`` holds the declared fields that the learner does
    not see (time fields, fields declared ``use: context``), for slices, recent statistics and
    display. ``filled`` names the fields that were missing and have their fixed value.
    """

    id: str
    time: float
    features: dict[str, Value]
    context: dict[str, Value]
    source: str | None = None
    label: Truth | None = None
    filled: tuple[str, ...] = ()


class Label(NamedTuple):
    """The truth about one event, ``time`` in seconds since 1970 UTC: when it became known."""

    id: str
    value: Truth
    time: float
    source: str | None = None


class Rejection(NamedTuple):
    """Why a record is not fit to learn from, and a view of it that is safe to show.

    ``reason`` is one of REASONS (a closed set: it labels a metric), ``detail`` a sentence for a
    person that names the field, ``view`` the record's start with sensitive fields and long values
    removed.
    """

    reason: str
    detail: str
    view: str


REASONS = (
    "not_json",
    "not_an_object",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "too_long",
    "bad_image",
    "unknown_label",
    "review_refused",
)
