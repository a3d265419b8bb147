"""Phrases: numbers, moments and decisions in the words that people read; :mod:`claims` has those for alarms.

What comes from events is hostile text: :func:`visible` takes away what could disguise it, and the
templates escape what could be markup.
"""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

NOTHING = "—"

TIMES = 10
"""From so many times as much on a growth is told in times: nobody reads thousands of per cent."""

MOST_TIMES = 1000
"""From so many times as much on a growth says nothing any more: there was next to nothing before."""

METRICS = {
    "rocauc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "logloss": "log loss",
    "f1": "F1",
    "macro_f1": "macro F1",
    "kappa": "Cohen's kappa",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "base_rate": "base rate",
    "mean_forecast": "mean forecast",
}
"""Metrics as the field writes them; the others are words already."""

ACTIONS = {
    "acknowledge": "Acknowledge",
    "keep_learning": "Keep learning",
    "pause": "Pause learning",
    "resume": "Resume learning",
    "reset": "Reset the model",
    "reset_part": "Reset this part",
    "retrain": "Retrain beside it",
    "adopt": "Go on with it",
    "rollback": "Bring it back",
    "exclude_source": "Exclude it",
    "include_source": "Include it again",
    "resume_shard": "Try again",
    "accept_gap": "Accept the gap",
    "resolve": "Resolve",
    "false_alarm": "False alarm",
    "snooze": "Snooze",
    "unsnooze": "End the snooze",
    "reopen": "Reopen",
    "comment": "Comment",
    "expect": "Expect it",
    "unexpect": "Expect it no more",
    "set_budget": "Set the budget",
    "approve": "Approve",
    "decline": "Decline",
}

DEEDS = {
    "acknowledge": "acknowledged it",
    "keep_learning": "kept the model learning",
    "pause": "paused learning",
    "resume": "resumed learning",
    "reset": "reset the model",
    "reset_part": "reset a part of the model",
    "retrain": "had a model retrained",
    "adopt": "adopted another model",
    "rollback": "brought an earlier model back",
    "exclude_source": "excluded a source",
    "include_source": "included a source again",
    "resume_shard": "had the shard tried again",
    "accept_gap": "accepted the gap",
    "resolve": "resolved it",
    "false_alarm": "called it a false alarm",
    "snooze": "snoozed it",
    "unsnooze": "ended the snooze",
    "reopen": "reopened it",
    "comment": "commented",
    "expect": "registered a scenario",
    "unexpect": "ended a scenario",
    "set_budget": "changed the budget of false alarms",
    "propose": "asked for approval",
    "approve": "approved",
    "decline": "declined",
}

# Control characters, marks that change the direction of writing or show nothing, and lone halves of
# surrogate pairs, which no encoder takes.
_DISGUISE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def visible(value: object) -> object:
    """Replace what hides or disguises text; anything that is no plain string stays as it is.

    >>> visible("safe\u202etxt.exe"), visible(3)
    ('safe�txt.exe', 3)
    """
    return _DISGUISE.sub("\ufffd", value) if type(value) is str else value


def sound(value: Any) -> Any:
    """Make every string in a JSON value visible, keys included."""
    if isinstance(value, dict):
        return {visible(key): sound(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sound(item) for item in value]
    return visible(value)


def number(value: float | None) -> str:
    """A number as people read it.

    >>> number(1234567), number(0.70421), number(12.3456), number(999.9), number(None)
    ('1,234,567', '0.704', '12.3', '1,000', '—')
    """
    if value is None or not isfinite(value):
        return NOTHING
    if isinstance(value, int) or abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3f}" if 0.001 <= abs(value) < 1 else f"{value:.3g}"


def metric(name: str) -> str:
    """A metric's name in the field's terms.

    >>> metric("rocauc"), metric("accuracy")
    ('ROC AUC', 'accuracy')
    """
    return METRICS.get(name, name.replace("_", " "))


def stopped(sentence: str) -> str:
    """A sentence with a full stop, where there is one.

    >>> stopped("labels are late"), stopped("They are."), stopped("")
    ('labels are late.', 'They are.', '')
    """
    return sentence if not sentence or sentence.endswith(".") else f"{sentence}."


def upright(clause: str) -> str:
    """A clause as a sentence of its own; a name that is written in another way than a word stays as it is.

    >>> upright("labels are late"), upright("dep_delay is missing"), upright("20% are new"), upright("")
    ('Labels are late.', 'dep_delay is missing.', '20% are new.', '')
    """
    first = clause.partition(" ")[0].rstrip(":")
    begun = clause[:1].upper() + clause[1:] if first.isalpha() and first.islower() else clause
    return stopped(begun)


def count(amount: int, noun: str, nouns: str | None = None) -> str:
    """An amount and its noun.

    >>> count(1, "alarm"), count(2000, "alarm"), count(2, "batch", "batches")
    ('1 alarm', '2,000 alarms', '2 batches')
    """
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {nouns or noun + 's'}"


def moment(seconds: float | None) -> str:
    """A moment in UTC.

    >>> moment(1370098800.0), moment(None)
    ('1 Jun 2013, 15:00 UTC', '—')
    """
    when = _moment(seconds)
    return f"{when.day} {when:%b %Y, %H:%M} UTC" if when else NOTHING


def iso(seconds: float | None) -> str:
    """A moment for machines; empty where there is none.

    >>> iso(1370098800.0)
    '2013-06-01T15:00:00Z'
    """
    when = _moment(seconds)
    return f"{when:%Y-%m-%dT%H:%M:%SZ}" if when else ""


def _moment(seconds: float | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds or 0.0, UTC) if seconds else None
    except (OverflowError, ValueError):  # event times are anything that a producer wrote
        return None


def span(seconds: float) -> str:
    """A length of time, roughly.

    >>> [span(s) for s in (3.2, 90, 7300, 200_000)]
    ['3 s', '1 min', '2 h', '2 days']
    """
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= (2 * size if unit == "days" else size):
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def ago(seconds: float | None) -> str:
    """How long ago a clock time was."""
    if not seconds:
        return "never"
    passed = time.time() - seconds
    return f"{span(passed)} ago" if passed >= 2 else "just now"


def change(before: float, after: float) -> str:
    r"""How much of itself a quantity gained or lost; nothing where it was next to nothing before.

    >>> change(0.2, 0.3), change(0.002, 0.628), change(0.0, 0.3), change(1e-9, 0.3)
    ('+50\xa0%', '314\xa0times', '', '')
    """
    if before <= 0 or after >= MOST_TIMES * before:
        return ""
    if after >= TIMES * before:
        return f"{after / before:.0f}\xa0times"
    return f"{after / before - 1:+.0%}".replace("%", "\xa0%")


def standing(shard: int, why: str, since: float, until: float | None) -> str:
    """What stands still, since when and why; in one sentence.

    >>> standing(1, "the disk is gone", 1370098800.0, None)
    'Shard 1 stands still since 1 Jun 2013, 15:00 UTC: the disk is gone.'
    """
    if until is None:
        return f"Shard {shard} stands still since {moment(since)}: {why}."
    return f"Shard {shard} stood still from {moment(since)} to {moment(until)}: {why}."


def called(why: str, since: float, until: float | None) -> str:
    """What Alertmanager told of, and since when; in one sentence or two.

    >>> called("No event has come.", 1370098800.0, None)
    'No event has come. Told by Alertmanager on 1 Jun 2013, 15:00 UTC.'
    """
    told = f"{why.rstrip('.')}. Told by Alertmanager on {moment(since)}"
    return f"{told}." if until is None else f"{told}, over on {moment(until)}."


def loss(gives_up: Mapping[str, Any]) -> str:
    """What accepting a gap gives up.

    >>> loss({"after": 9, "batches": 1, "records": 120, "skipped": {}})
    'Forgotten: 1 batch with 120 records; the state after batch 9 comes back. Every record is read.'
    >>> loss({"after": 9, "batches": 0, "records": 0, "skipped": {"a:0": [500, 700], "b:0": [9, 4]}})
    'Nothing that was learned is forgotten. Never read: a:0 from 500 to 699. Read on from 4, not from 9: b:0.'
    """
    forgotten = "Nothing that was learned is forgotten."
    if gives_up["batches"]:
        what = f"{count(gives_up['batches'], 'batch', 'batches')} with {count(gives_up['records'], 'record')}"
        forgotten = f"Forgotten: {what}; the state after batch {gives_up['after']:,} comes back."
    skipped = gives_up["skipped"].items()
    ahead = [f"{tp} from {was:,} to {at - 1:,}" for tp, (was, at) in skipped if at > was]
    back = [f"Read on from {at:,}, not from {was:,}: {tp}." for tp, (was, at) in skipped if at < was]
    never = f"Never read: {', '.join(ahead)}." if ahead else ""
    return " ".join(filter(None, [forgotten, never, *back])) + ("" if skipped else " Every record is read.")


def outcome(action: str, args: Mapping[str, Any], *, taken_up: bool) -> str:
    """What came of a decision where that was not sure before; empty where there is nothing to say.

    >>> outcome("rollback", {"batch": 9, "failed": "records are gone"}, taken_up=True)
    'It had no effect: records are gone.'
    """
    if "failed" in args:
        return f"It had no effect: {args['failed']}."
    if action == "accept_gap" and taken_up:
        return loss(args) if "after" in args else "There was no gap any more: nothing was given up."
    if "tried" in args and not taken_up:
        return f"It was tried, and the shard stands still: {args['tried']}."
    return ""
