"""Panel: what a running demo looks like in a terminal."""

import sys
import threading
import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fluvial.commands.common import plain_text
from fluvial.commands.desk import day
from fluvial.config import Pipeline
from fluvial.incidents import Incidents
from fluvial.reporter import Reporter
from fluvial.store import Store
from monitors.status import ShardStatus

EVERY = 5.0
"""Seconds between two lines, where there is no terminal."""

METRICS = ("rocauc", "average_precision", "brier", "logloss", "accuracy", "macro_f1", "mae", "rmse")


class Panel:
    """Shows the latest status of the first shard, live on a terminal, as lines elsewhere."""

    def __init__(
        self, pipeline: Pipeline, reporter: Reporter, console_url: str, store: Store, *, quiet: bool
    ) -> None:
        self._pipeline, self._reporter, self._url = pipeline, reporter, console_url
        self._incidents, self._quiet = Incidents(store), quiet
        self._console = Console(stderr=True)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._show, name="panel", daemon=True)
        self._before = (time.monotonic(), 0)
        self._rate = 0.0
        self._said = ""

    def __enter__(self) -> "Panel":
        if not self._quiet:
            self._console.print(Text(plain_text(self._pipeline.question), "bold"), soft_wrap=True)
            self._console.print(f"Console: {self._url}", soft_wrap=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def played(self) -> None:
        """Everything the producer had was learned."""
        self._said = "All of it has been played. Look at the incidents and decide; Ctrl-C ends the demo."

    def _show(self) -> None:
        if not sys.stderr.isatty():
            self._print_lines()
            return
        with Live(console=self._console, refresh_per_second=4, transient=False) as live:
            while not self._stop.wait(0.5):
                if (status := self._latest()) is not None:
                    live.update(Group(*self._parts(status)))

    def _print_lines(self) -> None:
        """One whenever something has changed: a log of a demo that waits for a person does not grow."""
        before = ""
        while not self._stop.wait(EVERY):
            status = self._latest()
            line = self._line(status) if status is not None else before
            if line != before:
                self._console.print(line, soft_wrap=True)
                before = line

    def _latest(self) -> ShardStatus | None:
        """None before the first event: a status of 1970 without a score tells nothing."""
        status = self._reporter.latest.get(0)
        return status if status is not None and status.events else None

    def _line(self, status: ShardStatus) -> str:
        score = status.scores["model"].get(self._metric(), float("nan"))
        return (
            f"{day(status.watermark)}  {status.events:,} events  {self._speed(status):,.0f}/s  "
            f"{self._metric()} {score:.3f}  {status.waiting:,} waiting  {self._counted()}  {self._said}"
        ).rstrip()

    def _parts(self, status: ShardStatus) -> list[Table | Text]:
        speed = self._speed(status)
        head = Text(f"{day(status.watermark)} UTC   {status.events:,} events   {speed:,.0f} events/s")
        names = [name for name in METRICS if name in status.scores["model"]][:4]
        table = Table("", *names, box=None, pad_edge=False, header_style="dim")
        for predictor, values in status.scores.items():
            style = "bold" if predictor == "model" else ""
            table.add_row(predictor, *(f"{values[name]:.4f}" for name in names), style=style)
        outcomes = " + ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in status.outcomes.items())
        paused = "   learning is paused" if status.paused else ""
        tail = Text(
            f"{status.events:,} events = {outcomes} + {status.waiting:,} waiting\n"
            f"{self._counted()}{paused}\nConsole: {self._url}\n{self._said}"
        )
        return [head, table, tail]

    def _metric(self) -> str:
        return self._pipeline.success.metric if self._pipeline.success else "logloss"

    def _counted(self) -> str:
        counts = self._incidents.counts(self._pipeline.pipeline)
        return "incidents: " + ", ".join(f"{n} {state}" for state, n in counts.items())

    def _speed(self, status: ShardStatus) -> float:
        now, (then, events) = time.monotonic(), self._before
        if now - then >= 1.0:
            self._rate = (status.events - events) / (now - then)
            self._before = (now, status.events)
        return self._rate
