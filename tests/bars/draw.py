"""Draw: all runs of some rows, for all contenders, on several processors."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, NamedTuple

from tests.bars.judges import Verdict
from tests.bars.row import Row, missing
from tests.bars.rows import BY_NAME
from tests.bars.tornado import Absent

Came = dict[str, Any]
"""What one run came to for each contender; a string where it cannot be measured, and why."""


class Drawn(NamedTuple):
    """A row with the verdict on each contender, and with what its runs came to."""

    row: Row
    verdicts: dict[str, Verdict]
    runs: dict[str, list[Any]]


def run(name: str, number: int, draw: int, contenders: Sequence[str]) -> Came:
    """One run of a row."""
    row, came = BY_NAME[name], {}
    for contender in contenders:
        try:
            came[contender] = row.play(contender, row.seed(number, draw), number)
        except Absent as why:
            came[contender] = str(why)
    return came


def workers(jobs: int) -> ProcessPoolExecutor:
    """Processes to play in."""
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))


def asked(
    pool: ProcessPoolExecutor, row: Row, runs: int, contenders: Sequence[str], draw: int = 0
) -> list[Future[Came]]:
    """Have so many runs of a row played."""
    return [pool.submit(run, row.name, number, draw, contenders) for number in range(runs)]


def drawn(rows: Iterable[Row], contenders: Sequence[str], draw: int, jobs: int) -> Iterator[Drawn]:
    """Play all rows in full, and yield each as soon as it and those before it are done."""
    rows = list(rows)
    with workers(jobs) as pool:
        played = {row.name: asked(pool, row, row.full, contenders, draw) for row in rows if not row.alone}
        for row in rows:
            if not row.alone:
                yield judged(row, contenders, [one.result() for one in played[row.name]])
    for row in rows:
        if row.alone:
            yield judged(row, contenders, [run(row.name, n, draw, contenders) for n in range(row.full)])


def judged(row: Row, contenders: Sequence[str], came: Sequence[Came]) -> Drawn:
    """What the runs of a row come to."""
    runs = {contender: [one[contender] for one in came] for contender in contenders}
    verdicts = {contender: _verdict(row, some) for contender, some in runs.items()}
    return Drawn(row, verdicts, runs)


def _verdict(row: Row, runs: list[Any]) -> Verdict:
    absent = [one for one in runs if isinstance(one, str)]
    return missing(Absent(absent[0])) if absent else row.judge(runs)
