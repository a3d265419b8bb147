"""run, up, console, check: start a worker, the console, or both; check a pipeline file."""

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
from prometheus_client import CollectorRegistry, ProcessCollector

from consumers.log import Log
from fluvial.alertmanager import Alertmanager
from fluvial.commands.common import PipelineFile, say, stop_on_signals
from fluvial.config import Pipeline, load
from fluvial.notify.channels import channels_of
from fluvial.notify.sender import Sender
from fluvial.opening import open_log_patiently, open_store
from fluvial.room import folders_of, shortage
from fluvial.secrets import console_token
from fluvial.settings import Settings, settings
from fluvial.shadow.dispatch import Dispatch
from fluvial.shadow.helper import Helper
from fluvial.silences import Silencer
from fluvial.store import Store
from fluvial.wiring import check_topics, create_topics, make_runner
from monitors.metrics import MetricsServer

if TYPE_CHECKING:
    from fluvial.console.app import SignIn
    from fluvial.console.server import ConsoleServer

logger = structlog.get_logger()

MetricsPort = Annotated[int, typer.Option(help="Port of /metrics and /ready; 0: a free one, -1: none.")]
MetricsHost = Annotated[str, typer.Option(help="Address of /metrics and /ready.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for the log before giving up with code 5.")]
Host = Annotated[str, typer.Option(help="Address of the console.")]
Port = Annotated[int, typer.Option(help="Port of the console; 0 takes a free one.")]


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("run")(run)
    app.command("up")(up)
    app.command("console")(console)
    app.command("check")(check)


def run(
    pipeline_file: PipelineFile,
    metrics_port: MetricsPort = 9464,
    metrics_host: MetricsHost = "127.0.0.1",
    wait: Wait = 60.0,
) -> None:
    """Run a worker: read, predict, learn, watch, until SIGTERM or Ctrl-C."""
    pipeline, here = load(pipeline_file), settings()
    with opened(here, wait) as (log, store):
        if here.bootstrap is None:
            create_topics(pipeline, log)
        check_topics(pipeline, log)
        with beside(pipeline_file, pipeline, here, store):
            work(pipeline, here, log, store, metrics_host, metrics_port)


def up(
    pipeline_file: PipelineFile,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    metrics_port: MetricsPort = 9464,
    wait: Wait = 60.0,
) -> None:
    """Run a worker and the console in one process."""
    pipeline, here = load(pipeline_file), settings()
    with opened(here, wait) as (log, store):
        create_topics(pipeline, log)
        with served(here, store, host, port), beside(pipeline_file, pipeline, here, store):
            work(pipeline, here, log, store, "127.0.0.1", metrics_port)


def work(pipeline: Pipeline, here: Settings, log: Log, store: Store, host: str, port: int) -> None:
    """Run a worker with its /metrics and /ready until it is told to stop."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    runner, _ = make_runner(pipeline, here, log, store, registry)
    stop_on_signals(runner)
    folders = folders_of(here)
    trouble = lambda: runner.trouble() or shortage(folders)  # noqa: E731
    metrics = MetricsServer(registry, host, port, trouble) if port >= 0 else None
    if metrics is not None:
        metrics.start()
        logger.info("metrics", address=f"http://{host}:{metrics.port}/metrics")
    try:
        runner.run()
    finally:
        if metrics is not None:
            metrics.stop()


def beside(file: Path, pipeline: Pipeline, here: Settings, store: Store) -> AbstractContextManager[object]:
    """What computes shadow tables beside a worker, until the block ends; nothing where that is turned off."""
    if not here.shadow:
        return nullcontext()
    home = {"FLUVIAL_HOME": str(here.home), "FLUVIAL_LOG": here.log, "FLUVIAL_STORE": here.store}
    changed = {name: value for name, value in home.items() if value}
    return Helper(file, Dispatch(pipeline, store, here.hindsight), changed)


def console(host: Host = "127.0.0.1", port: Port = 8080) -> None:
    """Serve the console until SIGTERM or Ctrl-C."""
    here = settings()
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with closing(open_store(here)) as store, served(here, store, host, port):
        done.wait()


@contextmanager
def served(here: Settings, store: Store, host: str, port: int) -> Iterator["ConsoleServer"]:
    """The console on a port, and Alertmanager silenced about what somebody has, until the block ends.

    The address is printed. Raises ConfigError, OSError, RuntimeError.
    """
    from fluvial.console.server import ConsoleServer  # noqa: PLC0415 - a worker is sooner at work without

    silencer, channels = None, channels_of(here)
    if here.alertmanager:
        silencer = Silencer(store, Alertmanager(here.alertmanager, *here.alertmanager_login))
    tokens = {"token": console_token(here.token_path), "webhook": console_token(here.webhook_token_path)}
    server = ConsoleServer(store, **tokens, host=host, port=port, here=here, sign_in=_sign_in(here, store))
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        say(f"Console: {server.url}", err=True)
        if silencer is not None:
            stack.enter_context(silencer)
        if channels:
            stack.enter_context(Sender(store, channels, here.console_url or server.address))
        yield server


def _sign_in(here: Settings, store: Store) -> "SignIn":
    """How people get into the console. Raises ConfigError."""
    from fluvial.console.app import SignIn  # noqa: PLC0415 - as in served
    from fluvial.console.oidc import Provider  # noqa: PLC0415
    from fluvial.console.relying import relying  # noqa: PLC0415

    told = relying(here)
    provider = None if told is None else Provider(told, store.key_for("signin"))
    return SignIn(local=here.sign_in == "token", provider=provider)


def check(pipeline_file: PipelineFile) -> None:
    """Check a pipeline file without starting anything."""
    pipeline = load(Path(pipeline_file))
    say(f"{pipeline_file}: fine. {pipeline.pipeline} asks: {pipeline.question}")


@contextmanager
def opened(here: Settings, wait: float) -> Iterator[tuple[Log, Store]]:
    """The log and the store of this machine, closed at the end."""
    log = open_log_patiently(here, wait)
    try:
        store = open_store(here)
        try:
            yield log, store
        finally:
            store.close()
    finally:
        log.close()
