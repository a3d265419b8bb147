"""Wishes: what a review says beside its verb; flat, so that every channel can say it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

FURTHEST = 4e9
"""The latest moment that can be named (s since 1970 UTC): beyond it nobody plans."""


def instant(value: Any) -> Any:
    """Read a moment: seconds since 1970 UTC, or ISO 8601, which is UTC where it names no zone.

    >>> instant("1970-01-01T00:01"), instant("1970-01-01T00:01+00:00"), instant(60)
    (60.0, 60.0, 60)
    """
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        shown = f"{value[:40]!r} is no moment"
        raise ValueError(f"{shown}: write 2026-12-24T18:00 or seconds since 1970") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


Instant = Annotated[float, BeforeValidator(instant), Field(ge=0, le=FURTHEST, allow_inf_nan=False)]
Short = Annotated[str, Field(min_length=1, max_length=200)]


class Wishes(BaseModel):
    """What some actions need.

    ``until`` is the end of a snooze (clock time) or of a scenario (event time), ``since`` the beginning
    of a scenario and ``expires`` the clock time after which it explains nothing more. ``name``,
    ``monitors`` and ``concerns`` (fields or parts; names separated by commas) describe it. ``of`` is the
    id of the proposal or scenario that is meant. ``budget`` and ``smallest_change`` are those of the
    section ``monitor`` of the pipeline file. ``variant`` names the model of the shadow table to be adopted,
    ``window`` the batches to retrain from (``120:180``), ``part`` the step of the model to be reset, or a
    category of a field (``carrier=WN``),
    ``source`` whom to exclude or include; ``since`` is then the event time from which on the model is to be
    without it. A rollback can exclude a ``source`` with it and, as an adoption, ``pause`` learning.
    """

    until: Instant | None = None
    since: Instant | None = None
    expires: Instant | None = None
    name: Short | None = None
    monitors: Short | None = None
    concerns: Short | None = None
    of: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    budget: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = None
    smallest_change: Annotated[float, Field(ge=0, le=1)] | None = None
    variant: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    window: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    part: Short | None = None
    source: Short | None = None
    pause: bool = False


NEEDED: dict[str, tuple[str, ...]] = {
    "snooze": ("until",),
    "expect": ("name", "since", "until"),
    "unexpect": ("of",),
    "approve": ("of",),
    "decline": ("of",),
    "adopt": ("variant",),
    "reset_part": ("part",),
    "exclude_source": ("source",),
    "include_source": ("source",),
}
"""What an action cannot do without."""

TAKEN: dict[str, tuple[str, ...]] = NEEDED | {
    "expect": ("name", "since", "until", "expires", "monitors", "concerns"),
    "set_budget": ("budget", "smallest_change"),
    "adopt": ("variant", "pause"),
    "retrain": ("window",),
    "rollback": ("source", "pause"),
    "exclude_source": ("source", "since"),
}
"""All that an action takes."""


def objection(action: str, wishes: Wishes) -> str:
    """What is wrong with the wishes for an action; empty where nothing is.

    >>> objection("snooze", Wishes()), objection("resolve", Wishes(budget=1.0))
    ('snooze needs until', 'budget is not for resolve')
    """
    said = [name for name in Wishes.model_fields if getattr(wishes, name) not in (None, False)]
    for name in NEEDED.get(action, ()):
        if name not in said:
            return f"{action} needs {name}"
    for name in said:
        if name not in TAKEN.get(action, ()):
            return f"{name} is not for {action}"
    if action == "set_budget" and not said:
        return "set_budget needs budget or smallest_change"
    if action == "expect" and (wishes.since or 0.0) >= (wishes.until or 0.0):
        return "a scenario ends after it begins: since is before until"
    return ""


def names(text: str | None) -> tuple[str, ...]:
    """Names that are separated by commas.

    >>> names("loss, field:town"), names(None)
    (('loss', 'field:town'), ())
    """
    return tuple(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))
