"""The rows of the table, in the order in which they are shown: still, changed, fields, knob, the year, cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tests.bars import budget, cost, flights, streams
from tests.bars.changed import CHANGED
from tests.bars.contenders import NAMED
from tests.bars.inputs import CHANGES, Table, table
from tests.bars.judges import Found, Incidents, Silent
from tests.bars.row import Row, made
from tests.bars.said import Run, listen
from tests.bars.still import LONG, STILL
from tests.bars.streams import Stream
from tests.bars.watching import WATCHERS, watch


def watches(change: str, n: int, at: int = 0) -> Callable[[str, int, int], Run]:
    """Play tables of twenty fields, of which one changes or none does."""

    @lru_cache(maxsize=1)
    def tables(seed: int) -> Table:
        return table(seed, n, change, at)

    return lambda contender, seed, run: watch(WATCHERS[contender](), tables(seed))


def knob(make: Callable[[int, int], Stream], *, feature: bool = False) -> Callable[[str, int, int], Any]:
    """Count the alarms on one stream at every budget."""
    return lambda contender, seed, run: budget.count(contender, make(seed, run), feature=feature)


def year(contender: str, seed: int, run: int) -> Run:
    """Play the losses of 2013."""
    return listen(NAMED[contender].loss(), flights.year())


FIELDS: tuple[Row, ...] = (
    Row(
        "fields",
        "20 fields without a change, 6 × 100,000 events",
        "at most 1 alarm in all",
        6,
        1,
        watches("", LONG),
        Silent(in_all=1),
        quiet=True,
    ),
    *(
        Row(
            f"field-{change}",
            f"one of 20 fields: {words}, 20 runs",
            f"found in 19 of 20, median within {most:,}",
            20,
            2,
            watches(change, 32_000, 25_000),
            Found(most, at_least=0.95, directions=("changed",), of=CHANGES[change]),
        )
        for change, words, most in (
            ("mean", "mean + .5 sd", 1000),
            ("scale", "scale × 3", 1000),
            ("share", "a category’s share from .1 to .3", 1000),
            ("missing", "missing from 1 to 10 %", 1000),
            ("dependent", "mean of an AR .9 field + .5 sd", 3000),
        )
    ),
)

KNOB: tuple[Row, ...] = tuple(
    Row(
        f"budget-{name}",
        f"the knob on {words}, 20 × 100,000",
        "alarms per 100,000 within a factor of 3 of the budget, where so few can tell",
        20,
        8,
        knob(make, feature=feature),
        budget.judge,
    )
    for name, words, make, feature in (
        ("iid", "independent errors", made(streams.steps, (0.1, LONG)), False),
        *(
            (f"ar-{rho}", f"a feature AR(1) with rho {rho}", made(streams.dependent, rho, LONG), True)
            for rho in (0.5, 0.9, 0.99)
        ),
        ("bursts", "errors in bursts", made(streams.bursts, LONG), False),
    )
)

LAST: tuple[Row, ...] = (
    Row(
        "flights",
        "the flights of 2013 through the example’s learner, nothing planted",
        "at most 12 incidents, each explained below",
        1,
        0,
        year,
        Incidents(12, flights.diary),
        quiet=True,
    ),
    Row(
        "cost-loss",
        "cost of an observation of the loss",
        "at most 2 µs",
        1,
        1,
        lambda contender, seed, run: cost.loss(contender, 200_000),
        cost.Within(2.0),
        quiet=True,
        alone=True,
    ),
    Row(
        "cost-field",
        "cost of a value of one of 20 fields",
        "at most 1.2 µs",
        1,
        1,
        lambda contender, seed, run: cost.field(contender, 20_000),
        cost.Within(1.2),
        quiet=True,
        alone=True,
    ),
)

ROWS: tuple[Row, ...] = STILL + CHANGED + FIELDS + KNOB + LAST
BY_NAME = {row.name: row for row in ROWS}
