"""pipelines, status, incidents, reviews: what the desk knows, in a terminal."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from fluvial import reviews
from fluvial.commands.beside import print_beside
from fluvial.commands.claimed import print_claims
from fluvial.commands.common import AsJson, plain_text, print_json, print_table, say
from fluvial.console import cases
from fluvial.console.phrases import loss, standing
from fluvial.dated import OVER, PASSED
from fluvial.errors import ConfigError
from fluvial.incidents import HALT, STATES, WENT_ON, Incident, Incidents, State, is_drift
from fluvial.opening import open_store
from fluvial.settings import settings
from fluvial.similar import similar
from fluvial.store import Store, pipeline_table, shard_table
from fluvial.tuning import propose

Pipeline = Annotated[str | None, typer.Option(help="The pipeline's name.")]
WhichState = Annotated[str | None, typer.Option(help=", ".join(STATES))]

COLUMNS = (
    *("id", "state", "severity", "pipeline", "monitor", "last alarm (event time)", "alarms"),
    *("likely cause", "who"),
)
"""What is listed of incidents."""


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("pipelines")(pipelines)
    app.command("status")(status)
    app.command("incident")(incident)
    app.command("reviews")(history)


@contextmanager
def opened_store() -> Iterator[Store]:
    """The store of this machine, closed at the end."""
    with closing(open_store(settings())) as store:
        yield store


def day(seconds: float | None) -> str:
    """A moment as people read it, in UTC."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


def pipelines(json: AsJson = False) -> None:
    """List the pipelines that ran on this store."""
    with opened_store() as store, store.read() as db:
        rows = db.execute(sa.select(pipeline_table).order_by(pipeline_table.c.pipeline)).all()
    if json:
        print_json([dict(row._mapping) for row in rows])
    else:
        shown = [(r.pipeline, r.facts["question"], r.facts["owner"], _course(r)) for r in rows]
        print_table(("pipeline", "question", "owner", "learning"), shown)


def _course(row: Any) -> str:
    return f"paused by {row.paused_by}" if row.paused else "learning"


def status(
    pipeline: Annotated[str, typer.Argument(help="The pipeline's name.")], json: AsJson = False
) -> None:
    """Show where a pipeline's shards stand; exit code 3 where one is halted."""
    with opened_store() as store:
        rows = shards_of(store, pipeline)
    if json:
        print_json([dict(row._mapping) | {"status_at": day(row.status_at)} for row in rows])
    else:
        for row in rows:
            _print_shard(row)
    if any(row.halted for row in rows):
        raise typer.Exit(3)


def shards_of(store: Store, pipeline: str) -> list[Any]:
    """The rows of a pipeline's shards. Raises NoSuchPipeline."""
    query = sa.select(shard_table).where(shard_table.c.pipeline == pipeline).order_by(shard_table.c.shard)
    with store.read() as db:
        rows = list(db.execute(query).all())
    if not rows:
        raise reviews.NoSuchPipeline(f"no pipeline {pipeline!r} has run here: see `fluvial pipelines`")
    return rows


def _print_shard(row: Any) -> None:
    held = row.status or {}
    owner = plain_text(row.owner)
    say(f"shard {row.shard}  owner {owner}  epoch {row.epoch}  batch {row.last_batch}")
    if row.halted:
        say(f"  HALTED: {plain_text(row.halted)}")
    if not held:
        return
    parts = [f"{n} {name}" for name, n in held["outcomes"].items()] + [f"{held['waiting']} waiting"]
    say(f"  {held['events']} events = {' + '.join(parts)}")
    goal = held["success"]
    if goal:
        value = _number(goal["value"])
        say(f"  success {goal['status']}: {goal['metric']} {value}, wanted {goal['goal']} {goal['level']}")
    if held.get("monitors"):
        say(f"  monitors: {plain_text(_monitors(held['monitors']))}")
    reached = f", up to {day(held['watermark'])} UTC" if held["watermark"] else ""
    say(f"  learning {'paused' if held['paused'] else 'on'}{reached}")


def _monitors(held: Mapping[str, tuple[str, float | None]]) -> str:
    """How many are in each state, and which of them are not at rest."""
    states = Counter(state for state, _ in held.values())
    awake = [f"{name} {state}" for name, (state, _) in held.items() if state in ("suspected", "alarm")]
    counted = ", ".join(f"{n} {state}" for state, n in states.items())
    return f"{counted} ({', '.join(awake)})" if awake else counted


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def incidents(pipeline: str | None, state: str | None, *, json: bool) -> None:
    """List incidents; exit code 3 where one is firing."""
    wanted = state_named(state)
    with opened_store() as store:
        found = Incidents(store).listing(pipeline=pipeline, state=wanted)
    if json:
        print_json([one.told() for one in found])
    else:
        print_table(COLUMNS, [_row(one) for one in found])
    if any(one.state == "firing" for one in found):
        raise typer.Exit(3)


def state_named(name: str | None) -> State | None:
    """The state of that name. Raises ConfigError."""
    found = next((state for state in STATES if state == name), None)
    if name is not None and found is None:
        raise ConfigError(f"--state {name}: there are {', '.join(STATES)}")
    return found


def _row(one: Incident) -> tuple[object, ...]:
    who = one.resolved_by or one.acknowledged_by or ""
    last = day(one.last_time) if is_drift(one.monitor) else f"{day(one.last_time)} (clock)"
    told = (one.pipeline, one.monitor, last, one.alarms, one.cause[0], who)
    stands = ", ".join([one.state, *one.marks, *([str(one.phase)] if one.eased else [])])
    return one.id, stands, one.severity, *told


def incident(
    incident_id: Annotated[str, typer.Argument(help="The incident's id.")], json: AsJson = False
) -> None:
    """Show one incident: what got worse, since when, what was decided, what can be done."""
    with opened_store() as store:
        one = Incidents(store).get(incident_id)
        past = reviews.history(store, incident=incident_id)
        alike = similar(store, one)
        proposal = propose(store, one) if one.verdict == "false_alarm" else None
        actions = cases.detailed(store, one).actions
    if json:
        print_json(one.told() | {"reviews": [r._asdict() for r in past]})
        return
    say(f"{one.id}  {', '.join([one.state, *one.marks])}  {one.severity}  {one.pipeline}, shard {one.shard}")
    if is_drift(one.monitor):
        print_claims(one)
    for found in [] if is_drift(one.monitor) else one.evidence:
        _print_evidence(one, found)
    for taken in reversed(past):
        say(f"  {day(taken.at)} {plain_text(taken.who)}: {taken.action} ({plain_text(taken.reason)})")
    if one.verdict == PASSED:
        say(f"  {day(one.resolved_at)} it went back before anybody was called; it closed by itself")
    if one.verdict == WENT_ON:
        say(f"  {day(one.resolved_at)} shard {one.shard} went on; the incident closed by itself")
    if one.verdict == OVER:
        say(f"  {day(one.resolved_at)} the alert was over; the incident closed by itself")
    print_beside(one, alike, proposal)
    say(f"Decide with: fluvial review ACTION {one.id} --reason WHY")
    print_table(("action", "effect"), list(actions.items()))


def _print_evidence(one: Incident, found: Mapping[str, Any]) -> None:
    if one.monitor == HALT:
        _print_halt(one, found)
    else:
        say(f"  Alertmanager told of it on {day(found['time'])} (clock): {plain_text(found['why'])}")


def _print_halt(one: Incident, said: Mapping[str, Any]) -> None:
    say(f"  {plain_text(standing(one.shard, said['why'], said['onset'], one.resolved_at))}")
    if one.resolved_at is not None:
        return
    if said["gives_up"] is not None:
        say(f"  accepting the gap: {plain_text(loss(said['gives_up']))}")
    if said["retried"]:
        say("  it is tried again every minute")


def history(pipeline: Pipeline = None, json: AsJson = False) -> None:
    """List who decided what, the newest first."""
    with opened_store() as store:
        found = reviews.history(store, pipeline=pipeline)
    if json:
        print_json([taken._asdict() for taken in found])
    else:
        rows = [(day(r.at), r.who, r.action, r.incident or r.pipeline, r.channel, r.reason) for r in found]
        print_table(("when", "who", "action", "subject", "channel", "reason"), rows)
