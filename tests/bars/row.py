"""Row: one line of the table of bars: what is played, how often, and who judges it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from zlib import crc32

from tests.bars import tornado
from tests.bars.contenders import CONTENDERS, NAMED
from tests.bars.judges import Verdict
from tests.bars.said import Run, listen
from tests.bars.streams import Stream
from tests.bars.tornado import Absent

EVERYBODY = tuple(contender.name for contender in CONTENDERS)
Make = Callable[[int, int], Stream]
"""A stream from its seed and the number of its run."""


class Row(NamedTuple):
    """One line.

    ``play`` takes a contender's name, a seed and the number of the run; ``judge`` what all runs of one
    contender came to. ``full`` and ``short`` are how many runs there are by `make bars` and with the
    tests. ``quiet`` rows ask for silence: who never speaks meets them. ``alone`` rows take the time:
    nothing else runs beside them, and no test judges them.
    """

    name: str
    stream: str
    bar: str
    full: int
    short: int
    play: Callable[[str, int, int], Any]
    judge: Callable[[Sequence[Any]], Verdict]
    quiet: bool = False
    alone: bool = False

    def seed(self, run: int, draw: int) -> int:
        """The seed of a run in a draw: no two rows share one."""
        return crc32(f"{self.name}/{draw}/{run}".encode())


def made(make: Callable[..., Stream], *rest: Any) -> Make:
    """A stream whose runs differ by their seeds alone."""
    return lambda seed, run: make(seed, *rest)


def missing(why: Absent) -> Verdict:
    """What stands where a row cannot be measured here."""
    return Verdict(f"NOT MEASURED: {why}", False)


def hears(make: Make, *, feature: bool = False) -> Callable[[str, int, int], Run]:
    """Play streams of a loss, or of one feature; each is made once for all who hear it."""
    made = lru_cache(maxsize=1)(make)

    def play(contender: str, seed: int, run: int) -> Run:
        who = NAMED[contender]
        return listen(who.feature() if feature else who.loss(), made(seed, run))

    return play


def resets(name: str, *, probable: bool) -> Callable[[str, int, int], Run]:
    """Play one of Tornado's streams through a tree that an alarm resets, by its errors or by its probabilities."""
    return lambda contender, seed, run: tornado.play(name, NAMED[contender].loss(), probable=probable)
