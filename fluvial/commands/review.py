"""review, rollback: deciding in a terminal; through the store, or signed through the reviews topic."""

import getpass
import json as jsonlib
import time
from contextlib import closing
from typing import Annotated, Any
from uuid import uuid4

import typer
from pydantic import ValidationError

from fluvial import reviews
from fluvial.commands.common import AsJson, print_json
from fluvial.commands.desk import Pipeline, opened_store
from fluvial.config import ConfigError
from fluvial.moment import Moment
from fluvial.review_feed import sign
from fluvial.reviews import ACTIONS, Request
from fluvial.settings import settings
from fluvial.snapshot import load_key
from fluvial.store import Store
from fluvial.wiring import open_log

Who = Annotated[str, typer.Option(help="Who decides; the name you are logged in with by default.")]
Reason = Annotated[str, typer.Option(help="Why.")]
ReviewId = Annotated[str | None, typer.Option("--id", help="Makes a repetition recognisable.")]
ViaTopic = Annotated[str | None, typer.Option("--topic", help="Sign it and write it to this topic instead.")]
WhichAction = Annotated[str, typer.Argument(help=", ".join(ACTIONS))]
WhichIncident = Annotated[str | None, typer.Argument(help="The incident's id; else --pipeline.")]
Name = Annotated[str, typer.Argument(help="The pipeline's name.")]
ToBatch = Annotated[int, typer.Option(help="The batch whose model comes back; see `fluvial snapshots list`.")]
WhichShard = Annotated[int | None, typer.Option(help="The shard, where there are several.")]


Variant = Annotated[str | None, typer.Option(help="adopt: which model of the shadow table.")]
Window = Annotated[str | None, typer.Option(help="retrain: from which batches, as 120:180 or 120:.")]
Part = Annotated[str | None, typer.Option(help="reset_part: which step of the model.")]
Source = Annotated[
    str | None, typer.Option(help="exclude_source, include_source: whom; rollback: excluded with it.")
]
Since = Annotated[
    str | None, typer.Option(help="exclude_source: unlearn it from this time of the stream on (UTC).")
]
Pause = Annotated[bool, typer.Option("--pause", help="rollback, adopt: pause learning with it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and do nothing.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("review")(review)
    app.command("rollback")(rollback)


def review(  # noqa: PLR0913, PLR0917 - each is an option of the verb
    action: WhichAction,
    incident: WhichIncident = None,
    pipeline: Pipeline = None,
    who: Who = "",
    reason: Reason = "",
    shard: WhichShard = None,
    variant: Variant = None,
    window: Window = None,
    part: Part = None,
    source: Source = None,
    since: Since = None,
    pause: Pause = False,
    dry_run: DryRun = False,
    review_id: ReviewId = None,
    topic: ViaTopic = None,
    json: AsJson = False,
) -> None:
    """Decide: take any action on an incident or on a pipeline; what it does is said in its answer."""
    if action not in ACTIONS:
        raise ConfigError(f"no action is called {action!r}: there are {', '.join(ACTIONS)}")
    if (incident is None) == (pipeline is None):
        raise ConfigError("name either an incident or a --pipeline")
    wish: dict[str, Any] = {"action": action, "incident": incident, "pipeline": pipeline, "reason": reason}
    wish |= {"shard": shard, "variant": variant, "window": window, "part": part, "source": source}
    wish |= {"since": _time(since), "pause": pause, "who": who or login(), "id": review_id}
    _decide(wish, topic, dry_run=dry_run, json=json)


def _time(text: str | None) -> float | None:
    """A time of the stream in seconds. Raises ConfigError."""
    moment = Moment.parse(text, "--since") if text is not None else None
    if moment is not None and moment.time is None:
        raise ConfigError(f"--since {text}: write a time, such as 2013-02-01T06:30")
    return moment.time if moment is not None else None


def rollback(  # noqa: PLR0913, PLR0917 - each is an option of the verb
    pipeline: Name,
    batch: ToBatch,
    shard: WhichShard = None,
    who: Who = "",
    reason: Reason = "",
    source: Source = None,
    pause: Pause = False,
    dry_run: DryRun = False,
    review_id: ReviewId = None,
    topic: ViaTopic = None,
    json: AsJson = False,
) -> None:
    """Bring the model back that a pipeline had after an earlier batch; the offset stays."""
    wish = {"action": "rollback", "pipeline": pipeline, "shard": shard, "batch": batch, "reason": reason}
    wish |= {"source": source, "pause": pause, "who": who or login(), "id": review_id}
    _decide(wish, topic, dry_run=dry_run, json=json)


def _decide(wish: dict[str, Any], topic: str | None, *, dry_run: bool, json: bool) -> None:
    if topic is not None and dry_run:
        raise ConfigError("--dry-run asks the store: leave --topic out")
    if topic is None:
        request = asked(wish)
        with opened_store() as store:
            take(store, request, dry_run=dry_run, json=json)
    else:
        request = asked(wish | {"id": wish["id"] or uuid4().hex})
        _send(request, topic)
        typer.echo(f"sent to {topic} as {request.id}")


def asked(wish: dict[str, Any]) -> Request:
    """A wish as a request. Raises ConfigError, which says what is wrong with it."""
    try:
        return Request.model_validate(wish)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        said = str(problem["msg"]).removeprefix("Value error, ")
        raise ConfigError(": ".join([*map(str, problem["loc"][:1]), said])) from None


def take(store: Store, request: Request, *, dry_run: bool = False, json: bool) -> None:
    """Take a review, or only say what it does. Raises what :func:`fluvial.reviews.review` raises."""
    taken = (reviews.foretell if dry_run else reviews.review)(store, request, "cli")
    if json:
        print_json(taken._asdict() | {"dry_run": dry_run})
    else:
        done = "Would be done" if dry_run else "Done"
        typer.echo(f"{'Already so' if taken.repeated else done}: {taken.effect}")


def login() -> str:
    """The name of whoever is logged in. Raises ConfigError where nobody is."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        raise ConfigError("who decides? Say it with --who NAME") from None


def _send(request: Request, topic: str) -> None:
    here = settings()
    if not here.key_path.exists():  # a key made now would fit no worker's
        raise ConfigError(f"there is no key at {here.key_path}: give FLUVIAL_KEY_FILE the workers' own")
    message: dict[str, Any] = request.model_dump(exclude_none=True, exclude_defaults=True)
    message |= {"action": request.action, "who": request.who, "reason": request.reason}
    message["signature"] = sign(message, load_key(here.key_path))
    value = jsonlib.dumps(message).encode()
    with closing(open_log(here)) as log:
        log.append(
            topic, value, key=(request.id or "").encode(), timestamp=int(time.time() * 1000), partition=0
        )
        log.flush()
