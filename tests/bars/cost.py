"""What a monitor costs: processor time per observation, the least of several rounds that take turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import process_time
from typing import NamedTuple

from river import drift

from monitors.level import Level
from tests.bars.contenders import LOSS, Count
from tests.bars.inputs import KINDS, Table, Values, table
from tests.bars.judges import Verdict
from tests.bars.streams import Stream, steps
from tests.bars.watching import WATCHERS, OurFields

Take = Callable[[float, float], object]


class Cost(NamedTuple):
    """Microseconds, and how many times what River's ADWIN took for the same."""

    micro: float
    times: float


def loss(contender: str, n: int, rounds: int = 5) -> Cost:
    """An observation of a loss of 10 %."""
    stream = steps(5, (0.1, n))
    turns = [(_seconds(_taker(contender), stream), _seconds(_taker("ADWIN"), stream)) for _ in range(rounds)]
    ours, river = (min(seconds) for seconds in zip(*turns, strict=True))
    return Cost(1e6 * ours / n, ours / river)


def _taker(contender: str) -> Take:
    """What is called for every observation, without what the players of this table add."""
    match contender:
        case "fluvial":
            return Level("loss", LOSS).update
        case "ADWIN":
            return _river(drift.ADWIN())
        case "PageHinkley":
            return _river(drift.PageHinkley())
        case "N in T":
            return Count().hear
        case _:
            return lambda value, time: None


def _river(detector: drift.ADWIN | drift.PageHinkley) -> Take:
    update = detector.update
    return lambda value, time: update(value)


def _seconds(take: Take, stream: Stream) -> float:
    began = process_time()
    for value, time in zip(stream.values, stream.times, strict=True):
        take(value, time)
    return process_time() - began


def field(contender: str, n: int, rounds: int = 3) -> Cost:
    """A value of one of twenty fields."""
    made = table(5, n)
    rows = list(made.rows())
    turns = [(_watching(contender, rows, made), _watching("ADWIN", rows, made)) for _ in range(rounds)]
    ours, river = (min(seconds) for seconds in zip(*turns, strict=True))
    return Cost(1e6 * ours / n / len(KINDS), ours / river)


def _watching(contender: str, rows: list[Values], made: Table) -> float:
    watcher = WATCHERS[contender]()
    take = watcher.fields.update if isinstance(watcher, OurFields) else watcher.hear
    began = process_time()
    for values, time in zip(rows, made.times, strict=True):
        take(values, time)
    return process_time() - began


class Within:
    """At most so many microseconds."""

    def __init__(self, most: float) -> None:
        self._most = most

    def __call__(self, runs: Sequence[Cost]) -> Verdict:
        best = min(runs)
        return Verdict(f"{best.micro:.2f} µs, {best.times:.1f} × ADWIN", best.micro <= self._most)
