"""pipelines, status, incidents, review, reviews: the desk in a terminal."""

import getpass
import json as jsonlib
import time
from typing import Annotated, Any
from uuid import uuid4

import sqlalchemy as sa
import typer
from pydantic import ValidationError

from fluvial import reviews
from fluvial.commands.common import AsJson, plain_text, print_json, print_table
from fluvial.config import ConfigError
from fluvial.incidents import STATES, Incident, Incidents, State
from fluvial.review_feed import sign
from fluvial.reviews import ACTIONS, EFFECTS, Action, Request
from fluvial.settings import settings
from fluvial.snapshot import load_key
from fluvial.store import Store, pipeline_table, shard_table
from fluvial.wiring import open_log, open_store

Pipeline = Annotated[str | None, typer.Option(help="The pipeline's name.")]
Who = Annotated[str, typer.Option(help="Who decides; the name you are logged in with by default.")]
Reason = Annotated[str, typer.Option(help="Why.")]
ReviewId = Annotated[str | None, typer.Option("--id", help="Makes a repetition recognisable.")]
ViaTopic = Annotated[str | None, typer.Option("--topic", help="Sign it and write it to this topic instead.")]
WhichAction = Annotated[str, typer.Argument(help=", ".join(ACTIONS))]
WhichIncident = Annotated[str | None, typer.Argument(help="The incident's id; else --pipeline.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("pipelines")(pipelines)
    app.command("status")(status)
    app.command("incidents")(incidents)
    app.command("incident")(incident)
    app.command("review")(review)
    app.command("reviews")(history)


def day(seconds: float | None) -> str:
    """A moment as people read it, in UTC."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


def pipelines(json: AsJson = False) -> None:
    """List the pipelines that ran on this store."""
    store = open_store(settings())
    with store.read() as db:
        rows = db.execute(sa.select(pipeline_table).order_by(pipeline_table.c.pipeline)).all()
    if json:
        print_json([dict(row._mapping) for row in rows])
    else:
        shown = [(r.pipeline, r.facts["question"], r.facts["owner"], _course(r)) for r in rows]
        print_table(("pipeline", "question", "owner", "learning"), shown)


def _course(row: Any) -> str:
    return f"paused by {row.paused_by}" if row.paused else "learning"


def status(pipeline: Annotated[str, typer.Argument(help="The pipeline's name.")], json: AsJson = False) -> None:
    """Show where a pipeline's shards stand; exit code 3 where one is halted."""
    rows = _shards(open_store(settings()), pipeline)
    if json:
        print_json([dict(row._mapping) | {"status_at": day(row.status_at)} for row in rows])
    else:
        for row in rows:
            _print_shard(row)
    if any(row.halted for row in rows):
        raise typer.Exit(3)


def _shards(store: Store, pipeline: str) -> list[Any]:
    query = sa.select(shard_table).where(shard_table.c.pipeline == pipeline).order_by(shard_table.c.shard)
    with store.read() as db:
        rows = list(db.execute(query).all())
    if not rows:
        raise reviews.NoSuchPipeline(f"no pipeline is called {pipeline!r} here: see `fluvial pipelines`")
    return rows


def _print_shard(row: Any) -> None:
    held = row.status or {}
    typer.echo(f"shard {row.shard}  owner {row.owner}  epoch {row.epoch}  batch {row.last_batch}")
    if row.halted:
        typer.echo(f"  HALTED: {plain_text(row.halted)}")
    if not held:
        return
    parts = [f"{n} {name}" for name, n in held["outcomes"].items()] + [f"{held['waiting']} waiting"]
    typer.echo(f"  {held['events']} events = {' + '.join(parts)}")
    goal = held["success"]
    if goal:
        value = "undefined" if goal["value"] is None else f"{goal['value']:.4f}"
        typer.echo(f"  success {goal['status']}: {goal['metric']} {value}, wanted {goal['goal']} {goal['level']}")
    typer.echo(f"  learning {'paused' if held['paused'] else 'on'}, up to {day(held['watermark'])} UTC")


def incidents(
    pipeline: Pipeline = None,
    state: Annotated[str | None, typer.Option(help=", ".join(STATES))] = None,
    json: AsJson = False,
) -> None:
    """List incidents; exit code 3 where one is firing."""
    if state is not None and state not in STATES:
        raise ConfigError(f"--state {state}: there are {', '.join(STATES)}")
    wanted: State | None = state  # type: ignore[assignment]  # checked on the line above
    found = Incidents(open_store(settings())).listing(pipeline=pipeline, state=wanted)
    if json:
        print_json([_shown(one) for one in found])
    else:
        columns = ("id", "state", "pipeline", "monitor", "last alarm (event time)", "alarms", "who")
        rows = [
            (i.id, i.state, i.pipeline, i.monitor, day(i.last_time), i.alarms, i.resolved_by or i.acknowledged_by or "")
            for i in found
        ]
        print_table(columns, rows)
    if any(one.state == "firing" for one in found):
        raise typer.Exit(3)


def _shown(one: Incident) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__} | {"state": one.state}


def incident(incident_id: Annotated[str, typer.Argument(help="The incident's id.")], json: AsJson = False) -> None:
    """Show one incident: what got worse, since when, what was decided, what can be done."""
    store = open_store(settings())
    one = Incidents(store).get(incident_id)
    past = reviews.history(store, incident=incident_id)
    if json:
        print_json(_shown(one) | {"reviews": [r._asdict() for r in past]})
        return
    typer.echo(f"{one.id}  {one.state}  {one.pipeline}, shard {one.shard}")
    for alarm in one.evidence:
        typer.echo(
            f"  {alarm['monitor']} got {alarm['direction']}: {alarm['before']:.4f} -> {alarm['after']:.4f} since "
            f"{day(alarm['onset'])} UTC, over {alarm['n_after']} labels (said {day(alarm['time'])})"
        )
    for taken in reversed(past):
        typer.echo(f"  {day(taken.at)} {plain_text(taken.who)}: {taken.action} ({plain_text(taken.reason)})")
    typer.echo(f"Decide with: fluvial review ACTION {one.id} --reason WHY")
    print_table(("action", "effect"), EFFECTS.items())


def review(
    action: WhichAction,
    incident: WhichIncident = None,
    pipeline: Pipeline = None,
    who: Who = "",
    reason: Reason = "",
    review_id: ReviewId = None,
    topic: ViaTopic = None,
    json: AsJson = False,
) -> None:
    """Decide: acknowledge, keep_learning, pause, resume, reset, resolve, false_alarm."""
    request = _request(action, incident, pipeline, who or getpass.getuser(), reason, review_id or (uuid4().hex if topic else None))
    if topic is not None:
        _send(request, topic)
        typer.echo(f"sent to {topic} as {request.id}")
        return
    taken = reviews.review(open_store(settings()), request, "cli")
    if json:
        print_json(taken._asdict())
    else:
        typer.echo(f"{'Already so' if taken.repeated else 'Done'}: {taken.effect}")


def _request(
    action: str, incident: str | None, pipeline: str | None, who: str, reason: str, review_id: str | None
) -> Request:
    if action not in ACTIONS:
        raise ConfigError(f"no action is called {action!r}: there are {', '.join(ACTIONS)}")
    if (incident is None) == (pipeline is None):
        raise ConfigError("name either an incident or a --pipeline")
    known: Action = action  # type: ignore[assignment]  # checked above
    try:
        return Request(action=known, incident=incident, pipeline=pipeline, who=who, reason=reason, id=review_id)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ConfigError(f"{problem['loc'][0]}: {problem['msg']}") from None


def _send(request: Request, topic: str) -> None:
    here = settings()
    message: dict[str, Any] = request.model_dump(exclude_none=True)
    message["signature"] = sign(message, load_key(here.key_path))
    log = open_log(here)
    value = jsonlib.dumps(message).encode()
    log.append(topic, value, key=(request.id or "").encode(), timestamp=int(time.time() * 1000), partition=0)
    log.flush()
    log.close()


def history(pipeline: Pipeline = None, json: AsJson = False) -> None:
    """List who decided what, the newest first."""
    found = reviews.history(open_store(settings()), pipeline=pipeline)
    if json:
        print_json([taken._asdict() for taken in found])
    else:
        rows = [(day(r.at), r.who, r.action, r.incident or r.pipeline, r.channel, r.reason) for r in found]
        print_table(("when", "who", "action", "subject", "channel", "reason"), rows)
