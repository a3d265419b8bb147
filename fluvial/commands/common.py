"""What several commands share: arguments, printing, signals."""

import json
import signal
import sys
from collections.abc import Iterable, MutableMapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from monitors.status import plain

PipelineFile = Annotated[Path, typer.Argument(help="The pipeline file, such as pipeline.yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


class Stoppable(Protocol):
    """Something with a flag that its loop reads."""

    should_exit: bool


def stop_on_signals(target: Stoppable) -> None:
    """Let SIGTERM and Ctrl-C end the loop of ``target`` after its current turn."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        target.should_exit = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


WIDE = 1000
"""Columns where the output is no terminal: a program that reads it wants one row in one line."""


def print_json(value: Any) -> None:
    """Print one JSON document on stdout; numbers that are none become null."""
    indent = 2 if sys.stdout.isatty() else None
    typer.echo(json.dumps(plain(value), indent=indent, allow_nan=False, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; what comes from events is shown as plain text, without control characters."""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(escape(plain_text(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def say(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print lines of text; whatever is in them, a terminal sees nothing but text.

    Everything that commands print goes through here, :func:`print_table` or :func:`print_json`.
    """
    typer.echo("\n".join(plain_text(line) for line in str(text).split("\n")), err=err, nl=nl)


def plain_log(_logger: object, _method: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A log entry whose texts a terminal cannot mistake for commands; everything else is quoted anyway."""
    return {name: plain_text(value) if isinstance(value, str) else value for name, value in said.items()}


def plain_text(value: object) -> str:
    """Text in one line that a terminal cannot mistake for a command, nor a reader for two lines."""
    return "".join(c if c.isprintable() else " " if c in "\r\n\t\xa0" else "\ufffd" for c in str(value))
