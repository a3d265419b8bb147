"""demo: a year of flights through the embedded log, learned live, with the console beside it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer
from prometheus_client import CollectorRegistry

from consumers.log import Log
from fluvial.commands.calling import write_alertmanager
from fluvial.commands.common import print_json, say, stop_on_signals
from fluvial.commands.panel import Panel
from fluvial.commands.run import beside
from fluvial.config import Pipeline, load
from fluvial.errors import ConfigError
from fluvial.incidents import Incidents
from fluvial.opening import open_log, open_store
from fluvial.runner import Runner
from fluvial.secrets import console_token
from fluvial.settings import Settings, settings
from fluvial.store import Store
from fluvial.wiring import create_topics, make_runner
from monitors.status import ShardStatus

if TYPE_CHECKING:
    from fluvial.console.server import ConsoleServer

SHOWN_METRICS = ("rocauc", "average_precision", "brier", "logloss")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("demo")(demo)


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="End when all is learned.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON summary at the end.")] = False,
    flights: Annotated[int | None, typer.Option(min=1, help="Only the first so many flights.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget earlier runs of the demo.")] = False,
    port: Annotated[int, typer.Option(help="Port of the console; 0 takes a free one.")] = 0,
) -> None:
    """Play the flights of 2013: will this flight arrive more than 15 minutes late?"""
    folder = examples() / "flights"
    here = _home(settings(), flights, fresh=fresh)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    Demo(here, folder, flights).play(leave=leave, as_json=json, port=port)


def examples() -> Path:
    """The folder with the examples: beside the packages in a checkout, inside them when installed."""
    here = Path(__file__).resolve().parent.parent
    for folder in (here.parent / "examples", here / "examples"):
        if (folder / "flights" / "pipeline.yaml").is_file():
            return folder
    raise ConfigError("the examples are missing: run the demo from a checkout of fluvial")


def _home(base: Settings, flights: int | None, *, fresh: bool) -> Settings:
    # Each length of the demo has a home of its own: the first N flights and their labels are no
    # prefix of the year (labels of later flights land between them).
    home = base.home / ("demo" if flights is None else f"demo-{flights}")
    if fresh and home.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    return Settings(home=home, log=f"embedded:{home / 'log.db'}", store=f"sqlite:///{home / 'store.db'}")


class Demo:
    """One run of the demo: a producer process, a worker, the console and a panel."""

    def __init__(self, here: Settings, folder: Path, flights: int | None) -> None:
        self._here, self._folder, self._flights = here, folder, flights
        self._pipeline: Pipeline = load(folder / "pipeline.yaml")
        self._done = False

    def play(self, *, leave: bool, as_json: bool, port: int) -> None:
        """Play, show, and at the end print the summary."""
        started = time.monotonic()
        log, store = open_log(self._here), open_store(self._here)
        create_topics(self._pipeline, log)
        server = self._serve(store, port, quiet=as_json)
        producer = self._start_producer()
        try:
            runner, reporter = make_runner(
                self._pipeline, self._here, log, store, CollectorRegistry(),
                drained=lambda: self._drained(runner, producer, log, leave=leave),
            )  # fmt: skip
            stop_on_signals(runner)
            shadow = beside(self._folder / "pipeline.yaml", self._pipeline, self._here, store)
            with shadow, Panel(self._pipeline, reporter, server.url, store, quiet=as_json) as panel:
                self._panel = panel
                runner.run()
            if producer.poll() not in (0, None, -signal.SIGTERM):
                raise ConfigError("the producer failed: see above")
            self._report(runner, store, reporter.final, time.monotonic() - started, as_json=as_json)
        finally:
            _end(producer)
            server.stop()
            store.close()
            log.close()

    def _serve(self, store: Store, port: int, *, quiet: bool) -> "ConsoleServer":
        """The console on a port, and what tells Alertmanager of it in the demo's folder."""
        from fluvial.console.auth import WEBHOOK  # noqa: PLC0415 - no other verb waits for it
        from fluvial.console.server import ConsoleServer  # noqa: PLC0415

        here = self._here
        token, webhook = console_token(here.token_path), console_token(here.webhook_token_path)
        server = ConsoleServer(store, token=token, webhook=webhook, host="127.0.0.1", port=port, here=here)
        server.start()
        file = write_alertmanager(here, f"{server.address}{WEBHOOK}")
        if not quiet:
            say(f"Alertmanager tells the console of alerts with --config.file={file}", err=True)
        return server

    def _start_producer(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "fluvial", "produce", str(self._folder / "pipeline.yaml")]
        command += ["--from", str(self._folder / "producer.py"), "--resume"]
        if self._flights is not None:
            command += ["--limit", str(self._flights)]
        home = {"FLUVIAL_HOME": str(self._here.home), "FLUVIAL_LOG": self._here.log}
        env = os.environ | home
        return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, start_new_session=True)

    def _drained(self, runner: Runner, producer: "subprocess.Popen[bytes]", log: Log, *, leave: bool) -> bool:
        if producer.poll() is None or not runner.owned:
            return False
        for owned in runner.owned.values():
            spans = log.spans(owned.partitions)
            if any(span.end > owned.positions[tp] for tp, span in spans.items()):
                return False
        if not self._done:
            self._done = True
            self._panel.played()
        return leave or producer.returncode != 0

    def _report(
        self, runner: Runner, store: Store, status: ShardStatus | None, seconds: float, *, as_json: bool
    ) -> None:
        if status is None:
            say("Stopped before the first batch.", err=True)
            return
        found = summary(status, Incidents(store).counts(self._pipeline.pipeline), seconds)
        if as_json:
            print_json(found)
        else:
            naive = [scores["rocauc"] for scores in found["baselines"].values()]
            say(
                f"{found['events']:,} events, {found['labels']:,} labels, ROC AUC "
                f"{_score(found['metrics']['rocauc'])} (naive: {_score(*naive)}), "
                f"digest {found['digest'][:16]}, {seconds:.0f} s",
                err=True,
            )


def summary(status: ShardStatus, incidents: dict[Any, int], seconds: float) -> dict[str, Any]:
    """The demo's result as one JSON object."""
    shown = status.as_json()
    scores = {name: {m: values.get(m) for m in SHOWN_METRICS} for name, values in shown["scores"].items()}
    return {
        "events": status.events,
        "labels": status.labels,
        "predictions": status.predictions,
        "accounting": dict(status.outcomes) | {"waiting": status.waiting},
        "label_fates": dict(status.fates) | {"early": status.early},
        "metrics": scores.pop("model"),
        "baselines": scores,
        "success": shown["success"],
        "cost": {"unit": status.cost_unit, "total": status.cost},
        "incidents": dict(incidents),
        "drifts": shown["drifts"],
        "digest": status.digest,
        "seconds": round(seconds, 1),
    }


def _score(*values: float | None) -> str:
    """The best of some scores; with few labels there may be none.

    >>> _score(0.5, None, 0.71), _score(None)
    ('0.710', 'unknown')
    """
    known = [value for value in values if value is not None]
    return f"{max(known):.3f}" if known else "unknown"


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
