"""The command line: one verb per thing people do, one exit code per way it can end.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 a check failed or an incident is firing, 4 not allowed,
5 nobody answers (log or store).
"""

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import structlog
import typer

from consumers.log import LogError, LogUnavailable
from fluvial.commands.common import plain_log, say
from fluvial.database import StoreError, StoreUnavailable
from fluvial.errors import ConfigError, NoDrift, SnapshotError
from fluvial.incident import NoSuchIncident
from fluvial.people import NotAllowed
from fluvial.review import Conflict, NoSuchPipeline, ReviewError

OK, ERROR, USAGE, FAILED, NOT_ALLOWED, UNREACHABLE = range(6)

MENDABLE = (
    *(LogError, StoreError, ConfigError, ReviewError, SnapshotError),
    *(NoSuchIncident, NoSuchPipeline, NotAllowed, NoDrift),
)
"""What is no bug but something that its reader can put right."""

VERSION = "--version"

PARTS = {
    "run": ("run", "up", "console", "check"),
    "topics": ("topics", "produce"),
    "asyncapi": ("asyncapi",),
    "desk": ("pipelines", "status", "incident", "reviews"),
    "incidents": ("incidents",),
    "review": ("review", "snooze", "set-budget", "rollback"),
    "shadow": ("shadow",),
    "shadow_work": ("shadow-work",),
    "scenarios": ("scenarios", "proposals", "approve", "decline"),
    "notices": ("notices",),
    "shard": ("shard",),
    "replay": ("replay",),
    "explain": ("explain",),
    "card": ("card",),
    "snapshots": ("snapshots",),
    "upgrade": ("upgrade",),
    "store": ("store",),
    "doctor": ("doctor",),
    "demo": ("demo",),
    "users": ("users", "tokens", "sessions"),
    "audit": ("audit",),
}
"""The modules of ``fluvial.commands`` in the order of the help, and the verbs of each."""


def commandline(word: str = "") -> typer.Typer:
    """The command line with the verbs of the part that has ``word``, or with all where none has it.

    Most verbs need a fraction of what all of them together load, and the version nothing: who asks for an
    incident at night does not wait until River is there.
    """
    app = typer.Typer(
        help="Keeps a model learning from a live stream and keeps people in charge of it.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(fluvial)
    for part in _parts(word):
        import_module(f"fluvial.commands.{part}").add_to(app)
    return app


def _parts(word: str) -> list[str]:
    if word == VERSION:
        return []
    return [name for name, verbs in PARTS.items() if word in verbs] or list(PARTS)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"fluvial {version('fluvial')}")
        raise typer.Exit(OK)


def fluvial(
    _version: Annotated[
        bool, typer.Option(VERSION, callback=_print_version, is_eager=True, help="Print the version.")
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
        commandline(*sys.argv[1:2])()
    except MENDABLE as error:
        for line in str(error).splitlines():
            say(f"fluvial: {line}", err=True)
        sys.exit(exit_code(error))
