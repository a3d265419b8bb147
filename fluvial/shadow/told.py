"""Told: shadow tables in the words that people read."""

from collections.abc import Mapping
from typing import Any

from fluvial.shadow.forgetting import in_words
from fluvial.shadow.lineup import AS_IS


def against(row: Mapping[str, Any]) -> str:
    """How much a variant loses more than the model as it is, with bounds that hold however often one looks.

    >>> row = {"name": "reset", "failed": None, "difference": -0.2, "low": -0.25, "high": -0.15}
    >>> against(row), against({**row, "low": None, "high": None})
    ('-0.200 (-0.250 to -0.150)', '-0.200, too few labels for bounds')
    """
    if row["name"] == AS_IS:
        return ""
    if row["failed"]:
        return f"of no use: {row['failed']}"
    if row["difference"] is None:
        return "no labels yet"
    if row["low"] is None:
        return f"{signed(row['difference'])}, too few labels for bounds"
    return f"{signed(row['difference'])} ({signed(row['low'])} to {signed(row['high'])})"


def signed(value: float) -> str:
    """A difference with its sign.

    >>> signed(0.04), signed(-12.3456), signed(0.0)
    ('+0.0400', '-12.3', '0')
    """
    if value == 0:
        return "0"
    return f"{value:+#.3g}".rstrip(".")


def sure(row: Mapping[str, Any]) -> str:
    """Whether a variant is surely better or worse than the model as it is; empty where nobody can tell.

    >>> sure({"low": -0.2, "high": -0.1}), sure({"low": -0.1, "high": 0.1}), sure({"low": None, "high": None})
    ('better', '', '')
    """
    if row["low"] is None or row["high"] is None:
        return ""
    return "better" if row["high"] < 0 else "worse" if row["low"] > 0 else ""


def since(action: str, shard: int, batch: int, args: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """How a shard stands since a decision was taken up, as it last reported; empty where that is not known.

    >>> args = {"stood": {"learned": 40, "positions": {"coins.events:0": 812004}}}
    >>> since("pause", 0, 57, args, {"paused": True, "outcomes": {"learned": 40}})
    'Since batch 57 of shard 0 (coins.events:0 at 812,004) learning is paused; 0 labels learned since.'
    """
    stood, outcomes = args.get("stood"), status.get("outcomes")
    if not stood or not outcomes or "failed" in args or (action == "pause" and not status.get("paused")):
        return ""
    forgot = args.get("forgot")
    what = _STANDS.get(action) if forgot is None else "what was known of {name} is forgotten" + _of(forgot)
    if what is None:
        return ""
    places = ", ".join(f"{tp} at {at:,}" for tp, at in sorted(stood["positions"].items())[:2])
    where = f"batch {batch:,} of shard {shard}" + (f" ({places})" if places else "")
    learned = max(0, outcomes["learned"] - stood["learned"])
    said = what.replace("{name}", args.get("source") or args.get("part") or args.get("variant") or "")
    return f"Since {where} {said}; {learned:,} label{'' if learned == 1 else 's'} learned since."


def _of(forgot: Mapping[str, Any]) -> str:
    return f" ({in_words(forgot)})"


_STANDS = {
    "pause": "learning is paused",
    "resume": "learning goes on",
    "reset": "the model is a fresh one",
    "reset_part": "the part {name} is a fresh one",
    "rollback": "the earlier model is back",
    "adopt": "the adopted model is at work",
    "exclude_source": "what {name} brings is not learned",
    "include_source": "what {name} brings is learned again",
}
