"""Claims: what an alarm says, in the words that people read.

A part of what a monitor watches may hold a value from events: it is hostile text, which is kept short
here and escaped where it is shown.
"""

from collections.abc import Sequence
from math import isfinite

from fluvial.console.phrases import change, count, moment, number, span, upright
from fluvial.evidence import Said, calling, who

LONGEST = 60
"""Characters of a part that are shown; the rest is cut off."""

SUBJECTS = {
    "loss": "loss",
    "estimated_loss": "estimated loss",
    "prediction": "mean prediction",
    "confidence": "confidence of the model",
    "labels:truth": "base rate of the labels",
    "labels:delay": "delay of the labels",
    "labels:share": "share of labels that come late or never",
    "labels:source": "level of the labels",
    "feed:rate": "rate of events",
    "feed:silence": "silence of the feed",
    "feed:lateness": "share of events that come late",
    "feed:quarantine": "share of records that cannot be read",
}
"""What monitors watch; slices (``loss:FIELD``) and fields (``field:NAME``) are named by their field."""

PHASES = {
    "first": "new",
    "worse": "worse than at first",
    "eased": "eased",
    "recovered": "back to where it was",
}
"""What became of a change."""

CAUSES = {
    "world": "the world changed",
    "feed": "a feed",
    "schema": "the form of the records",
    "source": "one source",
    "model": "the model",
}
"""What is likely behind a change."""

MONITOR_STATES = {
    "warming": "learns what is usual",
    "quiet": "nothing unusual",
    "suspected": "something moved; not sure yet",
    "alarm": "has raised an alarm that is not over",
}
"""What the states of a monitor mean."""


def subject(monitor: str, part: str = "") -> str:
    """What an alarm is about.

    >>> subject("loss:carrier", "carrier=UA"), subject("field:distance", "missing"), subject("feed:rate")
    ('loss where carrier is UA', 'field distance (missing)', 'rate of events')
    """
    kind, _, name = monitor.partition(":")
    field, is_value, value = part.partition("=")
    where = f" where {_short(field)} is {_short(value)}" if is_value else f" ({_short(part)})" if part else ""
    if kind == "loss" and name:
        return f"loss{where or f' by {name}'}"
    if kind == "field" and name:
        return f"field {name}{where}"
    return f"{SUBJECTS.get(monitor, monitor)}{where}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def observed(monitor: str) -> str:
    """What a monitor counts.

    >>> observed("loss:carrier"), observed("field:distance"), observed("feed:rate")
    ('label', 'event', 'observation')
    """
    kind = monitor.partition(":")[0]
    if kind in ("loss", "labels"):
        return "label"
    return "event" if kind in ("field", "prediction", "confidence", "estimated_loss") else "observation"


def gap(said: Said) -> str:
    """How large the change is.

    >>> gap({"before": 0.3, "after": 0.1}), gap({"before": None, "after": 0.1})
    ('-0.200', '—')
    """
    before, after = said["before"], said["after"]
    return difference(None if before is None or after is None else after - before)


def moved(said: Said) -> str:
    r"""From where to where.

    >>> moved({"before": 0.2, "after": 0.3}), moved({"before": 0.0, "after": 0.3})
    ('from 0.200 to 0.300 (+50\xa0%)', 'from 0 to 0.300')
    """
    before, after = said["before"], said["after"]
    relative = change(before, after) if _known(before, after) else ""
    return f"from {number(before)} to {number(after)}{f' ({relative})' if relative else ''}"


def difference(value: float | None) -> str:
    """A difference with its sign.

    >>> difference(0.05), difference(-0.0123), difference(0.0), difference(None)
    ('+0.050', '-0.012', '0', '—')
    """
    if value is None or not isfinite(value) or value == 0:
        return number(value)
    return f"{'+' if value > 0 else '-'}{number(abs(value))}"


def interval(said: Said) -> str:
    """Between which bounds the change surely lies; empty where nobody knows.

    >>> interval({"low": 0.05, "high": 0.09}), interval({"low": None, "high": None})
    ('+0.050 to +0.090', '')
    """
    low, high = said.get("low"), said.get("high")
    return f"{difference(low)} to {difference(high)}" if _known(low, high) else ""


def _known(*values: float | None) -> bool:
    return all(value is not None and isfinite(value) for value in values)


def certainty(said: Said) -> str:
    r"""How sure an alarm is, in a few sentences; empty where it does not say.

    >>> certainty({"low": 0.05, "high": 0.09, "dependence": 1.0, "season": 0.0})
    'With 95\xa0% confidence the change is +0.050 to +0.090.'
    >>> certainty({"score": 6.2, "needed": 4.5})
    'The evidence is 6.2 standard errors; 4.5 were needed.'
    """
    return " ".join(filter(None, (_bounds(said), _score(said), caveats(said))))


def caveats(said: Said) -> str:
    """What makes an alarm less sure than its observations look; empty where nothing does.

    >>> caveats({"dependence": 3.0, "season": 0.02})
    'Neighbours are alike, as if only one in 3 observations counted. A rhythm of 0.020 was taken out first.'
    """
    return " ".join(filter(None, (_dependence(said), _season(said))))


def _bounds(said: Said) -> str:
    between = interval(said)
    return f"With 95\N{NO-BREAK SPACE}% confidence the change is {between}." if between else ""


def _score(said: Said) -> str:
    score, needed = said.get("score"), said.get("needed")
    if score is None or needed is None:
        return ""
    return f"The evidence is {score:,.1f} standard errors; {needed:,.1f} were needed."


def _dependence(said: Said) -> str:
    times = said.get("dependence") or 1.0
    if times < 1.05:
        return ""
    shown = f"{times:,.1f}".removesuffix(".0")
    return f"Neighbours are alike, as if only one in {shown} observations counted."


def _season(said: Said) -> str:
    size = said.get("season") or 0.0
    if abs(size) < 0.001:
        return ""
    return f"A rhythm of {number(size)} was taken out first."


def likely(cause: str, because: str) -> str:
    """What is likely behind a change, and why; empty where nothing points anywhere.

    >>> likely("feed", "The events of one sender stopped just before."), likely("", "")
    ('Likely cause: a feed. The events of one sender stopped just before.', '')
    """
    return _named("Likely cause", cause, because)


def differed(cause: str, because: str) -> str:
    """What the alarms said where the card says otherwise, in a sentence or two; empty where they agree.

    >>> differed("world", "the relation is another one"), differed("", "")
    ('The alarms said first: the world changed. The relation is another one.', '')
    """
    return _named("The alarms said first", cause, because)


def _named(what: str, cause: str, because: str) -> str:
    return " ".join(filter(None, (f"{what}: {CAUSES.get(cause, cause)}.", upright(because)))) if cause else ""


def lead(onset: float | None, of: float | None) -> str:
    """How long before or after the drift something else began.

    >>> lead(1000.0, 8200.0), lead(8200.0, 1000.0), lead(5.0, 5.0)
    ('2 h before', '2 h after', 'at the same time')
    """
    if onset is None or of is None:
        return ""
    apart = abs(of - onset)
    if apart < 1:
        return "at the same time"
    return f"{span(apart)} {'before' if onset < of else 'after'}"


def sentence(said: Said) -> str:
    r"""What rose or fell, from where to where, since when, over how many observations.

    >>> sentence({"monitor": "loss", "before": 0.1, "after": 0.1, "onset": 9, "n_before": 5, "n_after": 1})
    'loss rose from 0.100 to 0.100 (+0\xa0%) since 1 Jan 1970, 00:00 UTC, seen on 1 label against 5 before'
    """
    seen = count(said["n_after"], observed(said["monitor"]))
    when = f"since {moment(said['onset'])}, seen on {seen} against {said['n_before']:,} before"
    return f"{subject(*who(said))} {_verb(said)} {moved(said)} {when}"


def headline(monitor: str, evidence: Sequence[Said]) -> str:
    """What got worse, since when, from where to where, on how many labels, how sure; in one sentence."""
    called = calling(evidence)
    if not called:
        return f"A monitor of the {subject(monitor)} raised an alarm."
    first = called[0]
    last = [said for said in called if who(said) == who(first)][-1]
    return f"The {sentence({**last, 'before': first['before'], 'onset': first['onset']})}{_sure(last)}."


def _sure(said: Said) -> str:
    between = interval(said) if said.get("low") != said.get("high") else ""
    return f" (95\N{NO-BREAK SPACE}% sure: {between})" if between else ""


def _verb(said: Said) -> str:
    before, after = said["before"], said["after"]
    if before is None or after is None:
        return "changed"
    return "rose" if after >= before else "fell"
