"""The rows of the table, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tests.bars import budget, cost, flights, learned, streams
from tests.bars.contenders import NAMED
from tests.bars.inputs import CHANGES, Table, table
from tests.bars.judges import By, Found, Improved, Incidents, Silent, Soon, Story
from tests.bars.row import Row, hears, resets
from tests.bars.said import Run, listen
from tests.bars.streams import A_DAY, Stream
from tests.bars.watching import WATCHERS, watch

LONG = 100_000
FALLS = (500, 1000, 2500, 5000, 8000)
WARM = 2 * A_DAY
"""When every monitor with its defaults has warmed up: two days."""


def made(make: Callable[..., Stream], *rest: Any) -> Callable[[int, int], Stream]:
    """A stream whose runs differ by their seeds alone."""
    return lambda seed, run: make(seed, *rest)


def step_at(seed: int, run: int) -> Stream:
    """A step on the daily season at one of four phases of the day."""
    at = 12 * A_DAY + run % 4 * A_DAY // 4
    return streams.daily_step(seed, at, at + 2 * A_DAY)


def fall_at(seed: int, run: int) -> Stream:
    """Ten points more errors before the warm-up is over."""
    at = FALLS[run % len(FALLS)]
    return streams.steps(seed, (0.10, at), (0.20, 30_000 - at))


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


STILL: tuple[Row, ...] = (
    Row(
        "iid",
        "independent errors, 5 % and 20 %, 20 × 100,000 each",
        "at most 1 alarm in all",
        40,
        4,
        hears(lambda seed, run: streams.steps(seed, ((0.05, 0.2)[run % 2], LONG))),
        Silent(in_all=1),
        quiet=True,
    ),
    *(
        Row(
            f"ar-{rho}",
            f"feature AR(1) with rho {rho}, 20 × 20,000",
            "at most 1 alarm each",
            20,
            4,
            hears(made(streams.dependent, rho, 20_000), feature=True),
            Silent(each=1),
            quiet=True,
        )
        for rho in (0.5, 0.9, 0.99)
    ),
    *(
        Row(
            name,
            f"{words}, 20 × 100,000",
            "at most 1 alarm each",
            20,
            2,
            hears(made(make, LONG)),
            Silent(each=1),
            quiet=True,
        )
        for name, words, make in (
            ("daily", "daily season, errors 5–15 %", streams.daily),
            ("weekly", "weekly season, errors 5–15 %", streams.weekly),
            ("weekends", "daily season and other weekends, errors 5–15 %", streams.weekends),
        )
    ),
    *(
        Row(
            name,
            f"{words}, 6 × 100,000",
            "at most 1 alarm each",
            6,
            2,
            hears(made(make, LONG)),
            Silent(each=1),
            quiet=True,
        )
        for name, words, make in (
            ("bursts", "errors in bursts (Markov, 50 on average)", streams.bursts),
            ("wander", "slow wander of the error (logit AR .999)", streams.wander),
        )
    ),
    *(
        Row(
            f"cold-{name}",
            f"cold start of a {words}, the concept stays, 20 × 20,000",
            "0 alarms “worse”",
            20,
            4,
            hears(made(learned.cold, 20_000, make)),
            Silent(in_all=0, direction="worse"),
            quiet=True,
        )
        for name, words, make in (
            ("regression", "logistic regression", learned.regression),
            ("tree", "Hoeffding tree", learned.hoeffding_tree),
        )
    ),
    *(
        Row(
            f"late-{name}",
            f"labels come late, {words}; nothing changes, {n} runs",
            "0 alarms on the loss",
            n,
            2,
            hears(make),
            Silent(in_all=0),
            quiet=True,
        )
        for name, words, n, make in (
            ("constant", "each after 1,000 events", 8, made(learned.delayed, 30_000, learned.constant)),
            ("heavy", "some after days", 8, made(learned.delayed, 30_000, learned.heavy)),
            ("season", "some after days, daily season", 6, made(streams.heavy_delays, 80_000)),
            ("wrong", "later where the prediction was wrong", 6, made(streams.slow_when_wrong, 80_000)),
        )
    ),
)
"""Streams without a change that anybody should be called for."""

CHANGED: tuple[Row, ...] = (
    Row(
        "daily-step",
        "daily season + a step of 5 points, at four phases of the day, 2 × 20",
        "all found, median within 1,200",
        40,
        4,
        hears(step_at),
        Found(1200),
    ),
    Row(
        "ramp",
        "slow ramp from 5 to 10 % over 20,000, 10 runs",
        "all found, median within 12,000, one incident",
        10,
        3,
        hears(made(streams.ramp, 80_000)),
        Found(12_000, once=True),
    ),
    Row(
        "warm-up",
        "10 % to 20 % within the warm-up (at 500 to 8,000), 20 runs",
        "said within 2,000 after the warm-up, all",
        20,
        5,
        hears(fall_at),
        By(WARM + 2000),
    ),
    Row(
        "better",
        "improvement from 10 to 5 %, 20 runs",
        "“better” in 19 of 20, “worse” in none",
        20,
        4,
        hears(made(streams.steps, (0.10, 20_000), (0.05, 20_000))),
        Improved(),
    ),
    Row(
        "twice",
        "5 → 10 → 20 %, 10 runs",
        "one alarm, then one “worse”, all",
        10,
        3,
        hears(made(streams.steps, (0.05, 20_000), (0.10, 20_000), (0.20, 20_000))),
        Story("first", "worse"),
    ),
    Row(
        "there-and-back",
        "5 → 10 → 5 %, 10 runs",
        "one alarm, then one “recovered”, all",
        10,
        3,
        hears(made(streams.steps, (0.05, 20_000), (0.10, 20_000), (0.05, 20_000))),
        Story("first", "recovered"),
    ),
    Row(
        "5-10",
        "errors from 5 to 10 %, 20 runs",
        "all found, median within 1,000",
        20,
        4,
        hears(made(streams.steps, (0.05, 20_000), (0.10, 10_000))),
        Found(1000),
    ),
    Row(
        "20-30",
        "errors from 20 to 30 %, 20 runs",
        "all found, median within 450",
        20,
        4,
        hears(made(streams.steps, (0.20, 20_000), (0.30, 10_000))),
        Found(450),
    ),
    *(
        Row(
            f"tornado-{name}",
            f"Tornado’s {name}, Hoeffding tree reset on alarm",
            f"{n} of {n} found, mean delay within {most}, at most 1 false",
            1,
            1,
            resets(name),
            Soon(most),
        )
        for name, n, most in (("sine1", 4, 50), ("mixed", 4, 50), ("circles", 3, 200))
    ),
)
"""Streams that do change."""

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
        2,
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
