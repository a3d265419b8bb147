"""review, snooze, set-budget, rollback: deciding in a terminal; at once, or signed through the topic."""

import getpass
import json as jsonlib
import time
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from pydantic import ValidationError

from fluvial import rate, reviews
from fluvial.approvals import PROPOSE
from fluvial.commands.common import AsJson, print_json, say
from fluvial.commands.desk import Pipeline, opened_store
from fluvial.console.phrases import number
from fluvial.durations import seconds
from fluvial.errors import ConfigError
from fluvial.moment import Moment
from fluvial.opening import open_log
from fluvial.reviews import ACTIONS, Request
from fluvial.secrets import load_key
from fluvial.settings import settings
from fluvial.signing import STORE, Signer, of_store, signed
from fluvial.store import Store

MONTHLY = "/month"
"""What follows a number of false alarms that is meant for a month."""

Who = Annotated[str, typer.Option(help="Who decides; the name you are logged in with by default.")]
Reason = Annotated[str, typer.Option(help="Why.")]
ReviewId = Annotated[str | None, typer.Option("--id", help="Makes a repetition recognisable.")]
ViaTopic = Annotated[str | None, typer.Option("--topic", help="Sign it and write it to this topic instead.")]
WhichAction = Annotated[str, typer.Argument(help=", ".join(ACTIONS))]
WhichIncident = Annotated[str | None, typer.Argument(help="The incident's id; else --pipeline.")]
Name = Annotated[str, typer.Argument(help="The pipeline's name.")]
ToBatch = Annotated[int, typer.Option(help="The batch whose model comes back; see `fluvial snapshots list`.")]
WhichShard = Annotated[int | None, typer.Option(help="The shard, where there are several.")]


Until = Annotated[str | None, typer.Option(help="The end of a snooze: 2026-12-24T18:00, or see --for.")]
Lasting = Annotated[str | None, typer.Option("--for", help="How long a snooze lasts: 30m, 2h, 3d.")]
Snoozed = Annotated[str, typer.Argument(help="The incident's id.")]
Budget = Annotated[
    str | None,
    typer.Option(help="False alarms to expect per 100,000 events, or as 2/month at the present rate."),
]
Smallest = Annotated[float | None, typer.Option(help="The smallest change in loss worth a call.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would do and change nothing.")]
Variant = Annotated[str | None, typer.Option(help="adopt: which model of the shadow table.")]
Window = Annotated[str | None, typer.Option(help="retrain: from which batches, as 120:180 or 120:.")]
Part = Annotated[str | None, typer.Option(help="reset_part: a step of the model, or a category: carrier=WN.")]
Source = Annotated[
    str | None, typer.Option(help="exclude_source, include_source: whom; rollback: excluded with it.")
]
Since = Annotated[
    str | None, typer.Option(help="exclude_source: unlearn it from this time of the stream on (UTC).")
]
Pause = Annotated[bool, typer.Option("--pause", help="rollback, adopt: pause learning with it.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("review")(review)
    app.command("snooze")(snooze)
    app.command("set-budget")(set_budget)
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
    review_id: ReviewId = None,
    topic: ViaTopic = None,
    dry_run: DryRun = False,
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
    _decide(wish, topic, json=json, dry_run=dry_run)


def snooze(
    incident: Snoozed,
    until: Until = None,
    lasting: Lasting = None,
    who: Who = "",
    reason: Reason = "",
    review_id: ReviewId = None,
    topic: ViaTopic = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Let an incident be quiet until a moment; if it gets worse it calls all the same."""
    wish = {"action": "snooze", "incident": incident, "until": _end(until, lasting), "reason": reason}
    _decide(wish | {"who": who or login(), "id": review_id}, topic, json=json, dry_run=dry_run)


def _end(until: str | None, lasting: str | None) -> object:
    """When a snooze ends, said as a moment or as a duration. Raises ConfigError."""
    if lasting is None:
        return until
    if until is not None:
        raise ConfigError("give --until or --for and not both")
    try:
        return time.time() + float(str(seconds(lasting)))
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from None


def set_budget(
    pipeline: Name,
    budget: Budget = None,
    smallest_change: Smallest = None,
    who: Who = "",
    reason: Reason = "",
    review_id: ReviewId = None,
    topic: ViaTopic = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Let a pipeline's monitors watch by another budget of false alarms, from the next batch on."""
    found = budget
    if budget is not None and budget.endswith(MONTHLY):
        found, said = _monthly(pipeline, budget)
        say(said, err=True)
    wish: dict[str, Any] = {"action": "set_budget", "pipeline": pipeline, "budget": found}
    wish |= {"reason": reason, "smallest_change": smallest_change, "who": who or login(), "id": review_id}
    _decide(wish, topic, json=json, dry_run=dry_run)


def _monthly(pipeline: str, wanted: str) -> tuple[str, str]:
    """The budget per 100,000 events that is so much a month, and that in words. Raises ConfigError."""
    try:
        alarms = float(wanted.removesuffix(MONTHLY))
    except ValueError:
        alarms = 0.0
    if not 0.0 < alarms < inf:
        raise ConfigError(f"--budget {wanted}: write how many, above 0, such as 0.5{MONTHLY}")
    with opened_store() as store:
        present = rate.of(store, pipeline)
    if present is None:
        raise ConfigError(
            f"--budget {wanted}: fewer than 2,000 outcomes of a pipeline {pipeline!r} are known here, so "
            "nobody can say what a month brings: see `fluvial pipelines`, or say how many per 100,000 events"
        )
    budget = present.budget(alarms)
    return str(budget), f"At {number(present.daily)} outcomes a day that is {budget:g} per 100,000 events."


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
    review_id: ReviewId = None,
    topic: ViaTopic = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Bring the model back that a pipeline had after an earlier batch; the offset stays."""
    wish = {"action": "rollback", "pipeline": pipeline, "shard": shard, "batch": batch, "reason": reason}
    wish |= {"source": source, "pause": pause, "who": who or login(), "id": review_id}
    _decide(wish, topic, json=json, dry_run=dry_run)


def _decide(wish: dict[str, Any], topic: str | None, *, json: bool, dry_run: bool) -> None:
    if topic is None or dry_run:
        request = asked(wish)
        with opened_store() as store:
            take(store, request, json=json, dry_run=dry_run)
    else:
        request = asked(wish | {"id": wish["id"] or uuid4().hex})
        _send(request, topic)
        say(f"sent to {topic} as {request.id}")


def asked(wish: dict[str, Any]) -> Request:
    """A wish as a request. Raises ConfigError, which says what is wrong with it."""
    try:
        return Request.model_validate(wish)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        said = str(problem["msg"]).removeprefix("Value error, ")
        raise ConfigError(": ".join([*map(str, problem["loc"][:1]), said])) from None


def take(store: Store, request: Request, *, json: bool, dry_run: bool = False) -> None:
    """Take a review and say what it does. Raises what :func:`fluvial.reviews.review` raises."""
    way = reviews.rehearse if dry_run else reviews.review
    taken = way(store, request, "cli")
    if json:
        print_json(taken._asdict() | {"dry_run": dry_run})
    else:
        say(f"{_became(taken, dry_run)}: {taken.effect}")


def _became(taken: reviews.Review, dry_run: bool) -> str:
    """What became of a review, in a word or two."""
    if taken.repeated:
        return "Already so"
    if dry_run:
        return "It would do this"
    return f"Proposed as {taken.id}" if taken.action == PROPOSE else "Done"


def login() -> str:
    """The name of whoever is logged in. Raises ConfigError where nobody is."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        raise ConfigError("who decides? Say it with --who NAME") from None


def _send(request: Request, topic: str) -> None:
    here = settings()
    signer = here.reviewer_key or _store_key(here.key_path)
    message: dict[str, Any] = request.model_dump(exclude_none=True)
    if signer.name != STORE:  # who decides follows from the key
        del message["who"]
    value = jsonlib.dumps(signed(message, signer)).encode()
    with closing(open_log(here)) as log:
        log.append(
            topic, value, key=(request.id or "").encode(), timestamp=int(time.time() * 1000), partition=0
        )
        log.flush()


def _store_key(path: Path) -> Signer:
    if not path.exists():  # a key made now would fit no worker's
        raise ConfigError(
            f"there is no key at {path}: give FLUVIAL_REVIEWER_KEY_FILE your own, or FLUVIAL_KEY_FILE that "
            "of the workers"
        )
    return of_store(load_key(path))
