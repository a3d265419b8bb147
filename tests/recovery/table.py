"""The table of recovery: every promise with how it is measured, and what the figures came to.

A row's module has a function that takes counts and returns figures that have ``ok``; where they
have a ``figure`` too, that line is shown, otherwise all fields are. To add a row, write its module
and name it in ROWS. A row whose module is not there is told loudly and is never met.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from tests.recovery.site import Site
from tests.services.parts import UnavailableError
from tests.simulation.draw import Drawn, draw
from tests.simulation.history import Outcome


class Missing(Exception):
    """A row cannot be measured because nobody has written, or plugged in, what measures it."""


class Finding(NamedTuple):
    """A line of the table."""

    promise: str
    figure: str
    bar: str
    met: bool


def by_ok(row: Row, result: Any) -> Finding:
    """The line of a result that says by itself whether it is ``ok``: a named tuple or a dict."""
    said = dict(result) if isinstance(result, dict) else {**result._asdict(), "ok": result.ok}
    ok = bool(said.pop("ok"))
    figure = getattr(result, "figure", None) or ", ".join(f"{name} {value}" for name, value in said.items())
    return Finding(row.promise, figure, row.bar, ok)


class Row(NamedTuple):
    """One promise: its short draw for every test run, its full one for `make soak`, how it is judged."""

    name: str
    promise: str
    bar: str
    short: Callable[[Site], Any]
    full: Callable[[Site], Any]
    judge: Callable[[Row, Any], Finding] = by_ok

    def measure(self, site: Site, *, full: bool) -> Finding:
        """Measure and judge; what is missing on this machine, or at all, is a promise not met."""
        try:
            return self.judge(self, (self.full if full else self.short)(site))
        except Missing as why:
            return Finding(self.promise, f"MISSING: {why}", self.bar, False)
        except UnavailableError as why:
            return Finding(self.promise, f"NOT MEASURED: {why}", self.bar, False)


def part(name: str) -> ModuleType:
    """The module tests/recovery/``name``.py. Raises Missing."""
    module = f"{__package__}.{name}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise Missing(f"there is no tests/recovery/{name}.py") from None


def not_plugged_in(name: str) -> Callable[[Site], Any]:
    """What stands in a row until somebody writes how its module is called."""

    def measure(_site: Site) -> Any:
        part(name)
        raise Missing(f"tests/recovery/{name}.py is there, but tests/recovery/table.py does not call it")

    return measure


def spoilt_snapshots(each: int) -> dict[str, Any]:
    """So many snapshots spoilt in each of the ways there are."""
    figures: dict[str, Any] = {"spoilt": 0, "found": 0, "recoveries": 0, "exact": 0, "ok": True}
    for spoil in part("snapshots").DRAWS.values():
        result = spoil(each, 7)
        for name in ("spoilt", "found", "recoveries", "exact"):
            figures[name] += getattr(result, name)
        figures["ok"] &= result.ok
    return figures


def _told(outcome: Outcome) -> None:
    print(f"seed {outcome.seed} broke a promise: {outcome.broken[0]}", file=sys.stderr, flush=True)


def _progress(drawn: Drawn) -> None:
    if drawn.histories % 5_000 == 0:
        print(drawn, file=sys.stderr, flush=True)


def simulated(seeds: int) -> dict[str, Any]:
    """So many histories, on both processors; each that breaks a promise is told at once."""
    drawn = draw(range(seeds), jobs=2, tell=_told, progress=_progress)
    broken = [outcome.seed for outcome in drawn.broken]
    figures = {"histories": drawn.histories, "per minute": round(drawn.per_minute), "broken": len(broken)}
    return figures | ({"seeds": broken[:10]} if broken else {}) | {"ok": not broken}


ROWS: tuple[Row, ...] = (
    Row(
        "crash",
        "kill -9 at any moment loses nothing, learns nothing twice and contradicts nothing",
        "1,000 kills, at least 20 in each phase: 0 lost, 0 twice, 0 contradictory, every digest as replayed",
        lambda site: part("crash").few_kills(site),
        lambda site: part("crash").kill_often(site, kills=1000, least=20),
    ),
    Row(
        "zombie",
        "an owner that lost its shard without knowing writes nothing, and leaves a trace",
        "200 resumed owners: 0 writes accepted, 200 logged",
        lambda site: part("zombies").resume_often(site, zombies=10, processes=2),
        lambda site: part("zombies").resume_often(site, zombies=180, processes=20),
    ),
    *(
        Row(
            f"rebalance-{learn}",
            f"workers that come, go, die and freeze on Kafka lose nothing ({learn})",
            "100 changes over 500,000 events on 8 partitions: 0 lost, 0 twice, 0 contradictory, order kept",
            lambda site, learn=learn: part("rebalance").few_moves(site, learn),  # type: ignore[misc]
            lambda site, learn=learn: part("rebalance").many_moves(site, learn),  # type: ignore[misc]
        )
        for learn in ("per-partition", "one-model")
    ),
    Row(
        "failover",
        "the standby beside a worker that died goes on soon",
        "kill -9 to first new batch with a state of 50 MB: session timeout + 2 s",
        lambda site: part("failover").fail_over(
            site, times=1, megabytes=5, margin=15.0
        ),  # beside other tests
        lambda site: part("failover").fail_over(site, times=5, megabytes=50),
    ),
    Row(
        "return",
        "a worker with a name that comes back goes on at once",
        "start, with everything imported, to first new batch: 1.5 s",
        lambda site: part("failover").come_back(site, times=1, megabytes=2, longest=20.0),  # as above
        lambda site: part("failover").come_back(site, times=10, megabytes=5),
    ),
    Row(
        "return-large",
        "a worker with a name and a large model is back before its shards are given away",
        "start, with everything imported, to first new batch with a state of 50 MB: session timeout",
        lambda site: part("failover").come_back(site, times=1, megabytes=5, longest=20.0),  # as above
        lambda site: part("failover").come_back(
            site, times=5, megabytes=50, longest=part("failover").SESSION
        ),
    ),
    Row(
        "start",
        "a worker process that was killed is back at work soon",
        "25 starts of `fluvial run`: the slowest within 5 s",
        lambda site: part("starts").start_again(site, times=3, longest=15.0),  # beside other tests
        lambda site: part("starts").start_again(site, times=25),
    ),
    Row(
        "stop",
        "a worker that is told to stop leaves nothing to be done again",
        "50 SIGTERM under load: exit code 0 within 10 s, 0 batches replayed by the next start",
        lambda site: part("stops").stop_often(site, times=4),
        lambda site: part("stops").stop_often(site, times=50),
    ),
    Row(
        "brokers",
        "a worker goes on when brokers die and connections break",
        "20 kills of the only broker, 20 of one in three, 50 broken connections: on within 60 s, 0 lost, 0 twice",
        lambda site: part("brokers").faults(site, kills=3, drops=5),
        lambda site: part("brokers").faults(site, kills=20, drops=50),
    ),
    Row(
        "gaps",
        "what retention took, or another topic replaced, is never left out silently",
        "10 of each gap: 0 silent; the shard concerned stands still and names it, the others go on exactly",
        lambda site: part("gaps").make_gaps(site, each=1),
        lambda site: part("gaps").make_gaps(site, each=10),
    ),
    Row(
        "scale",
        "a second worker nearly doubles what is learned",
        "2 workers beside 1 on 4 partitions, side by side on two cores: at least 1.8 times",
        lambda site: part("scale").compare(site, events=15_000, rounds=1),
        lambda site: part("scale").compare(site, events=60_000, rounds=5),
    ),
    Row(
        "soak",
        "a worker that runs for hours does not grow",
        "memory less than 1 % per hour, open files and series flat",
        lambda site: part("soak").soak(site, hours=1 / 90, steepest=100.0),  # too short for a slope
        lambda site: part("soak").soak(site, hours=site.hours),
    ),
    Row(
        "snapshots",
        "a snapshot that was changed, moved or made to do harm is refused, and costs replay only",
        "2,000 of each kind: all found, 0 executed, every recovery exact",
        lambda site: spoilt_snapshots(40),
        lambda site: spoilt_snapshots(2000),
    ),
    Row(
        "database",
        "a database that dies, or whose answer to a commit is lost, costs time and no record",
        "25 kills of PostgreSQL: 0 lost, 0 twice",
        lambda site: part("database").kills(3, 7, site.folder("database")),
        lambda site: part("database").kills(25, 7, site.folder("database")),
    ),
    Row(
        "commits",
        "a commit whose outcome is unknown is neither lost nor done twice",
        "25 sessions cut in a commit: 0 lost, 0 twice",
        lambda site: part("database").cut_commits(4, 7, site.folder("commits")),
        lambda site: part("database").cut_commits(25, 7, site.folder("commits")),
    ),
    Row(
        "disk",
        "a disk that is full is said at once and waited for",
        "20 episodes: not ready within 5 s, back within 30 s, integrity ok, 0 lost, 0 twice",
        lambda site: part("disk").episodes(2, 7, site.folder("disk")),
        lambda site: part("disk").episodes(20, 7, site.folder("disk")),
    ),
    Row(
        "determinism",
        "one journal gives one model, whatever the machine",
        "20 replays under other hash seeds, batches, key orders and workers: one digest per shard",
        lambda site: part("determinism").replay_often(4, site.folder("determinism"), 5),
        lambda site: part("determinism").replay_often(20, site.folder("determinism"), 5),
    ),
    Row(
        "simulation",
        "simulated worlds with every fault at once keep every promise",
        "100,000 seeds: 0 broken promises",
        lambda site: simulated(200),
        lambda site: simulated(100_000),
    ),
)
"""In the order in which they are shown."""


def chosen(names: Iterable[str]) -> list[Row]:
    """The rows of these names, or all. Raises KeyError naming one that does not exist."""
    known = {row.name: row for row in ROWS}
    return [known[name] for name in names] if names else list(ROWS)


def merged(page: str, findings: Iterable[Finding]) -> list[str]:
    """The lines of the whole table: these findings, and for the other rows what a page says of them."""
    told = {line.split(" | ")[0].removeprefix("| "): line for line in page.splitlines()}
    told |= {finding.promise: line for finding in findings for line in [*markdown([finding])][2:]}
    return [*markdown([]), *(told[row.promise] for row in ROWS if row.promise in told)]


def markdown(findings: Iterable[Finding]) -> Iterator[str]:
    """The table's lines, as they come."""
    yield "| promise | figure | bar | met |"
    yield "|---|---|---|---|"
    for promise, figure, bar, met in findings:
        cells = (promise, figure, bar, "yes" if met else "**NO**")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
