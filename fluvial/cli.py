"""The command line: one verb per thing people do, one exit code per way it can end.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 a check failed or an incident is firing, 4 not allowed,
5 nobody answers (log or store).
"""

import sys
from importlib.metadata import version
from typing import Annotated

import structlog
import typer

from consumers.log import LogError, LogUnavailable
from fluvial.card.collect import NoDrift
from fluvial.commands import (
    asyncapi,
    audit,
    card,
    demo,
    desk,
    doctor,
    explain,
    incidents,
    notices,
    replay,
    review,
    run,
    scenarios,
    shadow,
    shadow_work,
    shard,
    snapshots,
    store,
    topics,
    upgrade,
    users,
)
from fluvial.commands.common import plain_log, say
from fluvial.config import ConfigError
from fluvial.incidents import NoSuchIncident
from fluvial.people import NotAllowed
from fluvial.reviews import Conflict, NoSuchPipeline, ReviewError
from fluvial.snapshot import SnapshotError
from fluvial.store import StoreError, StoreUnavailable

OK, ERROR, USAGE, FAILED, NOT_ALLOWED, UNREACHABLE = range(6)

MENDABLE = (
    *(LogError, StoreError, ConfigError, ReviewError, SnapshotError),
    *(NoSuchIncident, NoSuchPipeline, NotAllowed, NoDrift),
)
"""What is no bug but something that its reader can put right."""

app = typer.Typer(
    help="Keeps a model learning from a live stream and keeps people in charge of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
PARTS = (
    *(run, topics, asyncapi, desk, incidents, review, shadow, shadow_work, scenarios, notices, shard),
    *(replay, explain, card, snapshots, upgrade, store, doctor, demo),
)
for part in PARTS:
    part.add_to(app)
for part in (users, audit):
    part.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"fluvial {version('fluvial')}")
        raise typer.Exit(OK)


@app.callback()
def fluvial(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keeps a model learning from a live stream and keeps people in charge of it."""


def exit_code(error: Exception) -> int:
    """The exit code that says how the command ended."""
    if isinstance(error, LogUnavailable | StoreUnavailable):
        return UNREACHABLE
    if isinstance(error, ConfigError):
        return USAGE
    return NOT_ALLOWED if isinstance(error, Conflict | NotAllowed) else ERROR


def main() -> None:
    """Run a command; what users can mend is one sentence on stderr, never a traceback."""
    *steps, render = structlog.get_config()["processors"]
    factory = structlog.PrintLoggerFactory(sys.stderr)
    structlog.configure(processors=[*steps, plain_log, render], logger_factory=factory)
    try:
        app()
    except MENDABLE as error:
        for line in str(error).splitlines():
            say(f"fluvial: {line}", err=True)
        sys.exit(exit_code(error))
