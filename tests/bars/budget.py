"""The knob: how many alarms a stream without any change brings at budgets from 0.1 to 100 per 100,000."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from tests.bars.contenders import NAMED, OURS, OurLoss, OurSmall
from tests.bars.judges import Verdict
from tests.bars.said import Hearer, listen
from tests.bars.streams import Stream

BUDGETS = (0.1, 1.0, 10.0, 100.0)
FACTOR = 3.0
WARM, BLOCK = 10_200, 8
"""Observations before a level that knows days says anything, and those that it looks at together."""

Counts = tuple[tuple[float, int, int], ...]
"""For each budget: 1 where there was an alarm, and after how many observations."""


def count(contender: str, stream: Stream, *, feature: bool) -> Counts:
    """The first alarm over one stream at each budget, if any; who has no such knob says the same at all.

    The first one only: what a false alarm teaches makes the next one rarer, and while it settles there
    is none. The time to it, after the warm-up, is what a rate of false alarms means.
    """
    counts = []
    for budget in BUDGETS:
        run = listen(_who(contender, budget, feature), stream)
        first = run.said[0].at if run.said else run.n
        counts.append((budget, int(bool(run.said)), max(first - WARM, BLOCK)))
    return tuple(counts)


def _who(contender: str, budget: float, feature: bool) -> Hearer:
    if contender == OURS:
        return OurSmall(budget) if feature else OurLoss(budget)
    return NAMED[contender].feature() if feature else NAMED[contender].loss()


def judge(runs: Sequence[Counts]) -> Verdict:
    """The measured rate follows the knob within a factor of 3, as far as so few alarms can tell."""
    rates, met = [], True
    for at, budget in enumerate(BUDGETS):
        alarms, n = sum(run[at][1] for run in runs), sum(run[at][2] for run in runs)
        low, high = between(alarms)
        asked = budget * n / 1e5
        met &= low <= FACTOR * asked and high >= asked / FACTOR
        rates.append(1e5 * alarms / n)
    if len(set(rates)) == 1:
        return Verdict(f"{_shown(rates[0])}, no knob", met)
    return Verdict(", ".join(f"{b:g}: {_shown(r)}" for b, r in zip(BUDGETS, rates, strict=True)), met)


def _shown(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def between(alarms: int) -> tuple[float, float]:
    """The rates between which a count lies with 95 % (Wilson and Hilferty's approximation of chi-square)."""
    return _chi(alarms, -1.96) if alarms else 0.0, _chi(alarms + 1, 1.96)


def _chi(half: int, z: float) -> float:
    third = 1.0 / (9.0 * half)
    return half * (1.0 - third + z * sqrt(third)) ** 3
