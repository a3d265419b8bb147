"""shadow-work: computes shadow tables and models beside a worker, which starts it when there is work."""

import os
import signal
import time
from collections.abc import Callable

import typer

from fluvial.commands.common import PipelineFile
from fluvial.commands.past import key_if_any
from fluvial.commands.run import opened
from fluvial.config import load
from fluvial.place import place_of
from fluvial.settings import settings
from fluvial.shadow.ceiling import cap
from fluvial.shadow.helper import NICE
from fluvial.shadow.work import Bench, Stopped

IDLE = 20.0
"""Seconds without work after which it ends; the worker starts it again when there is some."""

LOOK = 0.25
"""Seconds between two looks for work."""


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("shadow-work")(shadow_work)


def shadow_work(pipeline_file: PipelineFile) -> None:
    """Compute the shadow tables and models that wait, and end when there is nothing more to do.

    Workers start it themselves; it ends with whoever has started it.
    """
    os.nice(NICE)
    pipeline, here, leaving = load(pipeline_file), settings(), _leaving()
    cap(here.shadow_memory)
    with opened(here, 10.0) as (log, store):
        place = place_of(
            pipeline, log, store, key_if_any(here), worker=f"{here.worker_name}-shadow-{os.getpid()}"
        )
        bench, idle_since = Bench(place, store, leaving), time.monotonic()
        while not leaving() and time.monotonic() - idle_since < IDLE:
            try:
                if bench.one():
                    idle_since = time.monotonic()
                else:
                    time.sleep(LOOK)
            except Stopped:
                return


def _leaving() -> Callable[[], bool]:
    """Whether it is time to end: after a signal, and when the process is gone that has started this one."""
    parent, told = os.getppid(), []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.append(True))
    return lambda: bool(told) or os.getppid() != parent
