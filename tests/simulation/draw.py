"""Draw: many histories, on several processors, with figures of what they met."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

from tests.simulation.history import Outcome, run
from tests.simulation.store import MemoryStore

PORTION = 25
"""Histories that a process takes at a time."""


@dataclass
class Drawn:
    """What a draw found: how many histories in how many seconds, what was met, and what was broken."""

    histories: int = 0
    seconds: float = 0.0
    figures: Counter[str] = field(default_factory=Counter)
    broken: list[Outcome] = field(default_factory=list)

    @property
    def per_minute(self) -> float:
        """Histories per minute."""
        return 60 * self.histories / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        took = f"{self.histories} histories in {self.seconds:.0f} s, {self.per_minute:.0f} per minute"
        return f"{took}; {len(self.broken)} broke a promise"


def draw(
    seeds: range,
    jobs: int = 1,
    *,
    tell: Callable[[Outcome], None] = lambda outcome: None,
    progress: Callable[[Drawn], None] = lambda drawn: None,
) -> Drawn:
    """Run the histories of ``seeds``; ``tell`` is told at once of each that broke a promise.

    ``progress`` is told after each portion how far the draw has come.
    """
    started, drawn = time.perf_counter(), Drawn()
    for outcomes in _portions(seeds, jobs):
        for outcome in outcomes:
            drawn.histories += 1
            drawn.figures.update(outcome.figures)
            if outcome.broken:
                drawn.broken.append(outcome)
                tell(outcome)
        drawn.seconds = time.perf_counter() - started
        progress(drawn)
    return drawn


def _portions(seeds: range, jobs: int) -> Iterator[list[Outcome]]:
    portions = [seeds[start : start + PORTION] for start in range(0, len(seeds), PORTION)]
    if jobs == 1:
        yield from map(portion, portions)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(portion, portions)


def portion(seeds: range) -> list[Outcome]:
    """Some histories in this process, on a store that they share one after the other."""
    with closing(MemoryStore()) as store:
        gc.freeze()  # what was imported would be looked through again and again
        gc.disable()  # histories are short and leave little behind
        try:
            return [run(seed, store) for seed in seeds]
        finally:
            gc.enable()
            gc.collect()
