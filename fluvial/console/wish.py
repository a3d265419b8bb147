"""Wish: what a page sends back when somebody decides, and the request that it stands for."""

import time
from typing import Any

from pydantic import BaseModel

from fluvial.durations import seconds
from fluvial.wishes import TAKEN


class Wish(BaseModel):
    """What a form sends: the fields of all its buttons, and which button was pressed.

    ``foretell`` names the action whose effect is asked for; ``pause`` those with which learning is paused.
    ``back`` is the query of the inbox that the form stands in; without it the form is its subject's.
    """

    csrf: str = ""
    action: str = ""
    foretell: str = ""
    who: str = ""
    reason: str = ""
    id: str = ""
    version: str = ""
    model: str = ""
    lasting: str = ""
    of: str = ""
    name: str = ""
    since: str = ""
    until: str = ""
    expires: str = ""
    monitors: str = ""
    concerns: str = ""
    budget: str = ""
    smallest_change: str = ""
    variant: str = ""
    source: str = ""
    included: str = ""
    also: str = ""
    part: str = ""
    category: str = ""
    window: str = ""
    pause: list[str] = []
    back: str | None = None


def asked(wish: Wish, action: str) -> dict[str, Any]:
    """The request that a form stands for whose button ``action`` was pressed."""
    version = int(wish.version) if wish.version.isdecimal() and len(wish.version) < 10 else None
    # One page may lead to several decisions (by the back button): each has an id of its own.
    review_id = f"{wish.id}-{action}" if wish.id else None
    said: dict[str, Any] = {"action": action, "who": wish.who, "reason": wish.reason, "id": review_id}
    return said | {"version": version} | _chosen(wish, action)


def _chosen(wish: Wish, action: str) -> dict[str, Any]:
    """What stood in the fields of the button that was pressed."""
    chosen: dict[str, Any] = {"pause": True} if action in wish.pause else {}
    match action:
        case "rollback":
            return chosen | _model(wish.model) | {"source": wish.also.strip() or None}
        case "adopt":
            shard, _, name = wish.variant.partition(":")
            return chosen | {"variant": name or None, "shard": int(shard) if shard.isdecimal() else None}
        case "include_source":
            return {"source": wish.included or None}
        case "reset_part":
            return {"part": wish.category.strip() or wish.part or None}
        case "snooze" if wish.lasting:
            return {"until": _after(wish.lasting)}
    return {name: value for name in TAKEN.get(action, ()) if (value := getattr(wish, name).strip())}


def _after(lasting: str) -> float | None:
    """The end of a snooze that lasts so long; None where that is no duration."""
    try:
        return time.time() + float(str(seconds(lasting)))
    except ValueError:
        return None


def _model(chosen: str) -> dict[str, int]:
    """The shard and the batch of a choice such as 0:120; nothing where it is none."""
    parts = chosen.split(":")
    if len(parts) != 2 or not all(part.isdecimal() and len(part) < 16 for part in parts):
        return {}
    return {"shard": int(parts[0]), "batch": int(parts[1])}
