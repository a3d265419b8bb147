"""Judges: what a row's runs came to, in a figure, and whether that reaches the bar.

Where a change has to be found, nothing may be said before it: who always calls finds everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from statistics import mean, median
from typing import NamedTuple

from monitors.alarm import Direction
from tests.bars.said import Run, Said

MISSED = 10**9


class Verdict(NamedTuple):
    """A figure, whether it reaches the bar, and lines for who wants to know more."""

    figure: str
    met: bool
    more: tuple[str, ...] = ()


class Silent:
    """At most so many announcements: ``in_all``, and in ``each`` run; of one direction, or of any."""

    def __init__(
        self, in_all: int | None = None, each: int | None = None, direction: Direction | None = None
    ) -> None:
        self._in_all, self._each, self._direction = in_all, each, direction

    def __call__(self, runs: Sequence[Run]) -> Verdict:
        counts = [sum(self._direction in (None, one.direction) for one in run.said) for run in runs]
        met = (self._in_all is None or sum(counts) <= self._in_all) and (
            self._each is None or max(counts) <= self._each
        )
        figure = f"{sum(counts):,} in {len(runs)} runs"
        return Verdict(figure if sum(counts) < 2 else f"{figure}, most {max(counts):,}", met)


class Calls:
    """At most so many calls a run on average; what is said to have got better calls nobody."""

    def __init__(self, average: float) -> None:
        self._average = average

    def __call__(self, runs: Sequence[Run]) -> Verdict:
        calls = [sum(map(_calls, run.said)) for run in runs]
        others = sum(len(run.said) for run in runs) - sum(calls)
        figure = f"{mean(calls):,.2f} a run, most {max(calls):,}" if any(calls) else f"0 in {len(runs)} runs"
        return Verdict(figure + (f", {others:,} better" if others else ""), mean(calls) <= self._average)


def _calls(said: Said) -> bool:
    return said.direction != "better" and said.phase in ("first", "worse")


class Found:
    """The change is found in all runs (or in ``at_least`` of 20), the median delay is at most ``median``.

    ``once``: and it is one incident. ``of``: and the right part is named.
    """

    def __init__(
        self,
        most: int,
        *,
        at_least: float = 1.0,
        directions: tuple[Direction, ...] = ("worse",),
        of: str = "",
        once: bool = False,
    ) -> None:
        self._most, self._at_least, self._once = most, at_least, once
        self._directions, self._of = directions, of

    def __call__(self, runs: Sequence[Run]) -> Verdict:
        found = [run.delay(self._directions, self._of) for run in runs]
        delays = sorted(MISSED if delay is None else delay for delay in found)
        hits, middle = sum(delay < MISSED for delay in delays), median(delays)
        early = sum(len(run.before()) for run in runs)
        firsts = [sum(one.phase == "first" for one in run.said) for run in runs]
        met = hits >= ceil(self._at_least * len(runs) - 1e-9) and middle <= self._most and early <= 1
        figure = f"{hits} of {len(runs)}" + (f", median {middle:,.0f}" if middle < MISSED else "")
        figure += f", worst {delays[-1]:,}" if delays[-1] < MISSED else ""
        if early:
            figure += f", {early:,} before"
        if self._once:
            met &= max(firsts) <= 1
            figure += f", {mean(firsts):.1f} incidents"
        return Verdict(figure, met)


class By:
    """Worse is said by an observation at the latest, and nothing before the change."""

    def __init__(self, latest: int) -> None:
        self._latest = latest

    def __call__(self, runs: Sequence[Run]) -> Verdict:
        delays = [run.delay(("worse",)) for run in runs]
        ends = [MISSED if d is None else d + run.changes[0] for d, run in zip(delays, runs, strict=True)]
        early = sum(len(run.before()) for run in runs)
        hits = sum(end <= self._latest for end in ends)
        figure = f"{hits} of {len(runs)} by event {self._latest:,}" + (f", {early:,} before" if early else "")
        return Verdict(figure, hits == len(runs) and not early)


class Story:
    """The announcements of a run are just these, each after the change that it speaks of."""

    def __init__(self, *phases: str) -> None:
        self._phases = phases

    def __call__(self, runs: Sequence[Run]) -> Verdict:
        right = sum(map(self._told, runs))
        others = [" ".join(s.phase for s in run.said[:4]) or "nothing" for run in runs if not self._told(run)]
        return Verdict(f"{right} of {len(runs)}", right == len(runs), tuple(others))

    def _told(self, run: Run) -> bool:
        said = [one.phase for one in run.said] == [*self._phases]
        return said and all(one.at >= at for one, at in zip(run.said, run.changes, strict=True))


class Improved:
    """Better is said in 19 of 20, worse in none."""

    def __call__(self, runs: Sequence[Run]) -> Verdict:
        better = sum(any(one.direction == "better" for one in run.said) for run in runs)
        worse = sum(any(one.direction != "better" for one in run.said) for run in runs)
        met = better >= ceil(0.95 * len(runs) - 1e-9) and not worse
        return Verdict(f"{better} better, {worse} worse, of {len(runs)}", met)


class Soon:
    """Every change is found within 1,000, on average within so many; at most one alarm is false."""

    window = 1000

    def __init__(self, most: float) -> None:
        self._most = most

    def __call__(self, runs: Sequence[Run]) -> Verdict:
        [run] = runs
        firsts = [next((s.at for s in run.said if at <= s.at < at + self.window), None) for at in run.changes]
        delays = [at - begun for at, begun in zip(firsts, run.changes, strict=True) if at is not None]
        false = len(run.said) - len(delays)
        figure = f"{len(delays)} of {len(run.changes)}"
        figure += (f", mean {mean(delays):,.0f}" if delays else "") + f", {false:,} false"
        met = len(delays) == len(run.changes) and false <= 1 and mean(delays) <= self._most
        return Verdict(figure, met)


class Incidents:
    """At most so many incidents, an incident being an alarm that is no sequel of another."""

    def __init__(self, most: int, diary: Callable[[list[Said]], tuple[str, ...]]) -> None:
        self._most, self._diary = most, diary

    def __call__(self, runs: Sequence[Run]) -> Verdict:
        [run] = runs
        incidents = sum(one.phase == "first" for one in run.said)
        figure = f"{incidents:,} incidents, {len(run.said):,} alarms"
        return Verdict(figure, incidents <= self._most, self._diary(run.said))
