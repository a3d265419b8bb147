"""Tuning: after a false alarm, a budget or a smallest change that would not have called, and its price.

Nothing is replayed. Every alarm has its evidence and what the budget asked for; another budget would have
asked for ln(old / new) nats more, and of a loss whose errors come in bursts for some on top of that (see
:mod:`monitors.comparison`), so the recorded figures say which of the incidents of the last 30 days would
still have been called. An alarm is raised as soon as the evidence suffices, and a change that lasts gathers
more of it: what would be lost here might have been called later all the same, so the price is an upper bound.
"""

from collections.abc import Mapping, Sequence
from math import exp, floor, inf, log, log10
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial import minutes
from fluvial.console.phrases import count
from fluvial.evidence import Said, calling
from fluvial.incidents import ALERT, HALT, Incident, Incidents, is_drift
from fluvial.store import Store, incident_table, pipeline_table
from monitors.comparison import without_bursts
from monitors.spec import MonitorSpec

DAYS = 30
"""Days of event time that are looked back on."""

LOOKED_AT = 1000
"""Incidents of that time that are looked at, at most, the newest of them."""

STRICTEST = 1000.0
"""By how much a budget is cut at most: evidence that is stronger is no question of the budget."""


class Watching(NamedTuple):
    """By what a pipeline's monitors watch: false alarms per 100,000 events, and the change worth a call."""

    budget: float
    smallest_change: float


class Price(NamedTuple):
    """What would have become of the incidents of the last 30 days of event time.

    ``lost`` are those that people took for true, ``spared`` those that they called false alarms and
    ``others`` those that nobody has judged, which would not have been called.
    """

    incidents: int
    remain: int
    lost: tuple[str, ...]
    spared: tuple[str, ...]
    others: tuple[str, ...]


class Proposal(NamedTuple):
    """Another way to watch that would not have called a false alarm; ``now`` is the present one.

    ``why`` says it in a sentence; ``wanted`` is None where no reasonable budget or change would do.
    """

    incident: str
    now: Watching
    wanted: Watching | None
    why: str
    price: Price | None


def watching(store: Store, pipeline: str) -> Watching:
    """By what the monitors of a pipeline watch, as its file says or as a person has set it since."""
    facts = sa.select(pipeline_table.c.facts).where(pipeline_table.c.pipeline == pipeline)
    with store.read() as db:
        declared = (db.execute(facts).scalar() or {}).get("monitor") or {}
        since = minutes.tuned(db, pipeline)
    return combined(declared, since)


def combined(declared: Mapping[str, Any], since: Mapping[str, float]) -> Watching:
    """The ``monitor`` section of a pipeline's file, and what people have set since."""
    first = MonitorSpec()
    now: dict[str, float] = {"budget": first.budget, "smallest_change": first.smallest_change}
    return Watching(**{name: since.get(name, declared.get(name, usual)) for name, usual in now.items()})


def propose(store: Store, incident: Incident) -> Proposal | None:
    """What would not have called this incident; None where no monitor of the stream called it."""
    if not is_drift(incident.monitor) or not calling(incident.evidence):
        return None
    now = watching(store, incident.pipeline)
    wanted, why = _wanted(incident.evidence, now)
    price = None if wanted is None else priced(recent(store, incident), now, wanted)
    return Proposal(incident.id, now, wanted, why, price)


def _wanted(evidence: Sequence[Said], now: Watching) -> tuple[Watching | None, str]:
    spare = slack(evidence)
    if spare < log(STRICTEST):
        budget = rounded_down(now.budget * exp(-spare))
        why = "Its evidence was hardly more than was needed: with this budget it would not have been enough."
        return now._replace(budget=budget), why
    size = largest(evidence)
    if 0.0 < now.smallest_change < size < 5 * now.smallest_change:
        why = "It was surely there and small: a change must be larger than this to call."
        return now._replace(smallest_change=rounded_up(size)), why
    return None, "It was surely there and large: register a scenario for what is expected, or raise nothing."


def slack(evidence: Sequence[Said]) -> float:
    """By how much the strongest alarm had more evidence than was needed (nats); inf where it is not said.

    That is by how much the logarithm of the budget may fall: what a loss needs for its bursts falls with it.

    >>> slack([{"monitor": "loss", "direction": "worse", "score": 5.0, "needed": 4.0}])
    4.5
    """
    return max(map(_spare, calling(evidence)), default=inf)


def _spare(said: Said) -> float:
    score, needed = said.get("score"), said.get("needed")
    if score is None or needed is None:
        return inf
    found, asked = float(score**2 / 2), float(needed**2 / 2)
    effect, n = said.get("dependence"), said.get("n_after")
    if said["direction"] == "changed" or effect is None or not n:
        return found - asked
    return without_bursts(found, effect, n) - without_bursts(asked, effect, n)


def largest(evidence: Sequence[Said]) -> float:
    """The largest change among its alarms, as a difference; inf where one is not known."""
    sizes = [
        inf if said["before"] is None or said["after"] is None else abs(said["after"] - said["before"])
        for said in calling(evidence)
    ]
    return max(sizes, default=inf)


def remains(evidence: Sequence[Said], now: Watching, wanted: Watching) -> bool:
    """Whether an incident would still have been called.

    >>> alarm = {"monitor": "loss", "direction": "worse", "score": 5.0, "needed": 4.0}
    >>> alarm |= {"before": 0.1, "after": 0.2}
    >>> remains([alarm], Watching(0.02, 0.02), Watching(0.01, 0.02))
    True
    >>> remains([alarm], Watching(0.02, 0.02), Watching(0.0001, 0.02))
    False
    """
    return slack(evidence) >= log(now.budget / wanted.budget) and (
        wanted.smallest_change <= now.smallest_change or largest(evidence) >= wanted.smallest_change
    )


def priced(incidents: Sequence[Incident], now: Watching, wanted: Watching) -> Price:
    """What another way to watch would have made of incidents."""
    gone = [one for one in incidents if not remains(one.evidence, now, wanted)]
    true = tuple(one.id for one in gone if one.verdict == "resolve")
    false = tuple(one.id for one in gone if one.verdict == "false_alarm")
    others = tuple(one.id for one in gone if one.verdict not in ("resolve", "false_alarm"))
    return Price(len(incidents), len(incidents) - len(gone), true, false, others)


def recent(store: Store, incident: Incident) -> list[Incident]:
    """The incidents of the stream in the last 30 days of event time, up to the newest that is known."""
    column = incident_table.c
    of_stream = (
        column.pipeline == incident.pipeline,
        column.scenario.is_(None),
        column.monitor != HALT,
        column.monitor.not_like(f"{ALERT}%"),
    )
    with store.read() as db:
        newest = db.execute(sa.select(sa.func.max(column.last_time)).where(*of_stream)).scalar()
    since = (incident.last_time if newest is None else newest) - DAYS * 86400.0
    return Incidents(store).matching(*of_stream, column.last_time >= since, limit=LOOKED_AT)


def rounded_down(value: float) -> float:
    """To one digit, and below: a budget to be read by people.

    >>> rounded_down(0.0137), rounded_down(0.02)
    (0.01, 0.01)
    """
    scale = 10.0 ** floor(log10(value))
    digit = floor(value / scale + 1e-9)
    below = digit * scale if digit * scale < value * (1 - 1e-9) else (digit - 1 or 0.9) * scale
    return float(f"{below:.1g}")


def rounded_up(value: float) -> float:
    """To two digits, and above.

    >>> rounded_up(0.0312), rounded_up(0.04)
    (0.032, 0.041)
    """
    scale = 10.0 ** (floor(log10(value)) - 1)
    return float(f"{(floor(value / scale + 1e-9) + 1) * scale:.2g}")


def told(proposal: Proposal) -> dict[str, Any]:
    """A proposal as other programs are told."""
    return {
        "incident": proposal.incident,
        "now": proposal.now._asdict(),
        "wanted": proposal.wanted._asdict() if proposal.wanted else None,
        "why": proposal.why,
        "price": proposal.price._asdict() if proposal.price else None,
    }


def paid(price: Price) -> str:
    """What another way to watch would have made of the last 30 days, in a sentence or two.

    >>> paid(Price(9, 7, ("a",), ("b",), ()))
    'Of 9 incidents in 30 days 7 would remain. Lost: 1 that was true (a). Spared: 1 false alarm.'
    """
    said = [f"Of {count(price.incidents, 'incident')} in 30 days {price.remain:,} would remain."]
    if price.lost:
        said.append(f"Lost: {len(price.lost):,} that was true ({', '.join(price.lost)}).")
    if price.spared:
        said.append(f"Spared: {count(len(price.spared), 'false alarm')}.")
    if price.others:
        said.append(f"Not judged by anybody: {len(price.others):,}.")
    return " ".join(said)
