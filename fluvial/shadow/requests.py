"""Requests: asking for a shadow table in words, and checking what they say."""

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from fluvial.evidence import calling
from fluvial.incidents import Incident, is_drift
from fluvial.review import NotPossible
from fluvial.shadow.asked import Asked
from fluvial.shadow.jobs import enqueue
from fluvial.shadow.lineup import suspects


def ask(
    db: sa.Connection, incident: Incident, wish: Mapping[str, Any], *, field: str | None, again: str
) -> str:
    """Ask for a table with a ``window``, a ``candidate`` or a ``source`` left out; the name of its job.

    Raises NotPossible where the incident is about no drift, or a window is none.
    """
    called = calling(incident.evidence)
    if not is_drift(incident.monitor) or not called:
        raise NotPossible(f"{incident.id} is about no drift: there is nothing to be held beside the model")
    shard = incident.shard if wish.get("shard") is None else int(wish["shard"])
    source = wish.get("source")
    asked = Asked(
        incident.id,
        onset=called[0]["onset"] if wish.get("since") is None else float(wish["since"]),
        window=window_of(wish["window"]) if wish.get("window") else None,
        candidate=wish.get("candidate") or None,
        without=(source,) if source else suspects(incident.evidence, field),
    )
    name = f"table/{incident.id}/{shard}/{again}"
    enqueue(db, name, "table", incident.pipeline, shard, asked.as_json())
    return name


def window_of(text: str) -> tuple[int, int | None]:
    """The first and the last batch of a window. Raises NotPossible.

    >>> window_of("120:180"), window_of("120:")
    ((120, 180), (120, None))
    """
    match = re.fullmatch(r"\s*(\d{1,15})\s*:\s*(\d{1,15})?\s*", text)
    first, last = (int(match[1]), int(match[2]) if match[2] else None) if match else (0, None)
    if first < 1 or (last is not None and last < first):
        raise NotPossible(f"the window {text!r} is none: write the first and the last batch, as 120:180")
    return first, last
