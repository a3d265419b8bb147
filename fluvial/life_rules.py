"""Life rules: what people may do about the life of an incident, what repeats it, which facts it leaves."""

import time
from typing import Any

import sqlalchemy as sa

from fluvial import minutes, scenarios
from fluvial.dated import CLOSED_BY_ITSELF
from fluvial.incidents import Incident
from fluvial.review import ON_INCIDENTS, Action, Conflict, NotPossible, Request, Review
from fluvial.scenarios import Scenario
from fluvial.wishes import names

SILENT: tuple[Action, ...] = ("comment",)
"""What leaves an incident as it is."""

AFTER_THE_END: tuple[Action, ...] = ("reopen", "comment")
"""What can be said about an incident that is resolved."""

OURS: tuple[Action, ...] = ("snooze", "unsnooze", "reopen", "comment", "expect", "unexpect", "set_budget")
"""The actions whose repetitions are known here."""


def calls_again(incident: Incident) -> bool:
    """Whether somebody has it and it calls all the same: it got worse, or its snooze is over."""
    return incident.resolved_at is None and not incident.quiet


def afresh(incident: Incident | None, action: Action) -> bool:
    """Whether what was decided before has been overtaken, so that the same decision is a new one."""
    if incident is None:
        return False
    if action == "acknowledge":
        return incident.acknowledged_by is not None and calls_again(incident)
    return action in ("resolve", "false_alarm") and incident.resolved_by is None  # it was reopened


def already(db: sa.Connection, request: Request, incident: Incident | None, pipeline: str) -> Review | None:
    """The review that one of our actions repeats."""
    if not _holds(db, request, incident, pipeline):
        return None
    kinds = ("snooze", "unsnooze") if request.action == "unsnooze" else (request.action,)
    last = minutes.last(db, pipeline, kinds, incident.id if incident else None)
    return last if last is not None and (last.action, last.who) == (request.action, request.who) else None


def _holds(db: sa.Connection, request: Request, incident: Incident | None, pipeline: str) -> bool:
    """Whether what is asked for is so already, whoever wanted it."""
    match request.action:
        case "expect":
            return _registered(db, request, pipeline)
        case "unexpect":
            return _removed(db, request)
        case "set_budget":
            return _watched_so(db, request, pipeline)
    return incident is not None and _stands(request, incident)


def _stands(request: Request, incident: Incident) -> bool:
    match request.action:
        case "snooze":
            return _snoozed_so(incident, request)
        case "unsnooze":
            return incident.state != "snoozed"
    return request.action == "reopen" and incident.state != "resolved"


def _snoozed_so(incident: Incident, request: Request) -> bool:
    return (incident.snoozed_by, incident.snoozed_until) == (request.who, request.until)


def _registered(db: sa.Connection, request: Request, pipeline: str) -> bool:
    wanted = wished(request, pipeline, "", 0.0)
    now = time.time()
    there = [one for one in scenarios.of(db, pipeline) if one.counts(now)]
    return any(_core(one) == _core(wanted) for one in there)


def _core(one: Scenario) -> tuple[object, ...]:
    return one.name, one.who, one.monitors, one.concerns, one.since, one.until


def _removed(db: sa.Connection, request: Request) -> bool:
    found = scenarios.find(db, str(request.of))
    return found is not None and found.removed_by == request.who


def _watched_so(db: sa.Connection, request: Request, pipeline: str) -> bool:
    last = minutes.last(db, pipeline, ("set_budget",))
    return last is not None and minutes.told(db, last.id) == tuning(request)


def tuning(request: Request) -> dict[str, float]:
    """What a ``set_budget`` tells the shards."""
    wanted = {"budget": request.budget, "smallest_change": request.smallest_change}
    return {name: value for name, value in wanted.items() if value is not None}


def refuse(db: sa.Connection, request: Request, incident: Incident | None, pipeline: str) -> None:
    """Raise Conflict or NotPossible where one of our actions cannot be taken."""
    action = request.action
    if incident is None and action in ON_INCIDENTS:
        raise NotPossible(f"{action} is about an incident: name one")
    if incident is not None and action in ("expect", "unexpect"):
        raise NotPossible(f"{action} is about a pipeline: name it")
    if action == "unexpect":
        _refuse_unexpecting(db, request, pipeline)
    if incident is None:
        return
    if action == "snooze":
        _refuse_snoozing(request, incident)
    if action == "unsnooze" and incident.state != "snoozed":
        raise NotPossible(f"{incident.id} is not snoozed")
    if action == "reopen":
        _refuse_reopening(db, incident, pipeline)


def _refuse_unexpecting(db: sa.Connection, request: Request, pipeline: str) -> None:
    found = scenarios.find(db, str(request.of))
    if found is None or found.pipeline != pipeline:
        raise NotPossible(f"{pipeline} has no scenario {request.of}: see `fluvial scenarios list`")
    if found.removed_by is not None:
        raise Conflict(f"{found.removed_by} has removed the scenario {found.name}", found.removed_by)


def _refuse_snoozing(request: Request, incident: Incident) -> None:
    if (request.until or 0.0) <= time.time():
        raise NotPossible("a snooze ends in the future: name a later moment")
    if incident.state == "snoozed" and incident.snoozed_by not in (None, request.who):
        who = str(incident.snoozed_by)
        raise Conflict(f"{who} has snoozed {incident.id}", who)


def _refuse_reopening(db: sa.Connection, incident: Incident, pipeline: str) -> None:
    if incident.verdict in CLOSED_BY_ITSELF:
        raise NotPossible(f"{incident.id} was over by itself: if it comes back, a new incident opens")
    if incident.resolved_at is None:
        last = minutes.last(db, pipeline, ("reopen",), incident.id)
        if last is None:
            raise NotPossible(f"{incident.id} is open")
        raise Conflict(f"{last.who} has reopened {incident.id}", last.who)


def facts_of(incident: Incident, request: Request, now: float, escalate: float) -> dict[str, Any]:
    """The facts that a review leaves on its incident; whoever decides has it, unless somebody has already."""
    action, who = request.action, request.who
    if action in ("resolve", "false_alarm"):
        facts: dict[str, Any] = {"resolved_by": who, "resolved_at": now, "verdict": action}
    elif action == "snooze":
        until = float(request.until or now)
        facts = {"snoozed_by": who, "snoozed_until": until}
        facts |= {"escalates_at": until + escalate if escalate else None}
    elif action == "unsnooze":
        facts = {"snoozed_by": None, "snoozed_until": None}
    elif action == "reopen":
        facts = {"resolved_by": None, "resolved_at": None, "verdict": None, "snoozed_by": None}
        facts |= {"snoozed_until": None, "acknowledged_by": who, "acknowledged_at": now}
    else:
        facts = {}
    if incident.acknowledged_by is None or (action == "acknowledge" and calls_again(incident)):
        facts |= {"acknowledged_by": who, "acknowledged_at": now}
    elif action == "snooze":  # what it grew by is known to whoever snoozes it
        facts |= {"acknowledged_at": now}
    return facts


def follow_up(db: sa.Connection, request: Request, taken: Review) -> None:
    """Do what a review does beside its incident and its shards."""
    if request.action == "expect":
        scenarios.add(db, wished(request, taken.pipeline, taken.id, taken.at))
    elif request.action == "unexpect":
        scenarios.remove(db, str(request.of), request.who)


def wished(request: Request, pipeline: str, scenario_id: str, at: float) -> Scenario:
    """The scenario that somebody asks for; without an end of its own it counts for 400 days."""
    return Scenario(
        id=scenario_id,
        pipeline=pipeline,
        name=str(request.name),
        monitors=names(request.monitors),
        concerns=names(request.concerns),
        since=float(request.since or 0.0),
        until=float(request.until or 0.0),
        expires_at=request.expires if request.expires is not None else at + KEPT,
        who=request.who,
        at=at,
    )


KEPT = 400 * 86400.0
"""Seconds of clock time for which a scenario explains what falls into it, where nobody says how long."""
