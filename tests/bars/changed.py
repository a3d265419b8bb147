"""Rows that ask for something to be found: streams whose level changes."""

from __future__ import annotations

from tests.bars import streams
from tests.bars.judges import By, Found, Improved, Soon, Story
from tests.bars.row import Row, hears, made, resets
from tests.bars.streams import A_DAY, Stream

FALLS = (500, 1000, 2500, 5000, 8000)
WARM = 2 * A_DAY
"""When every monitor with its defaults has warmed up: two days."""


def step_at(seed: int, run: int) -> Stream:
    """A step on the daily season at one of four phases of the day."""
    at = 12 * A_DAY + run % 4 * A_DAY // 4
    return streams.daily_step(seed, at, at + 2 * A_DAY)


def fall_at(seed: int, run: int) -> Stream:
    """Ten points more errors before the warm-up is over."""
    at = FALLS[run % len(FALLS)]
    return streams.steps(seed, (0.10, at), (0.20, 30_000 - at))


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
        "probability",
        "the loss of probabilities of which a fifth turns into the opposite: .36 to .43, 20 runs",
        "all found, median within 1,000",
        20,
        4,
        hears(made(streams.probabilities, streams.UNSURE, 30_000, 20_000)),
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
            f"tornado-{name}{'-loss' if probable else ''}",
            f"Tornado’s {name}, Hoeffding tree reset on alarm, {heard}",
            f"{n} of {n} found, mean delay within {most}, at most 1 false",
            1,
            1,
            resets(name, probable=probable),
            Soon(most),
        )
        for probable, heard in ((False, "by its errors"), (True, "by the loss of its probabilities"))
        for name, n, most in (("sine1", 4, 50), ("mixed", 4, 50), ("circles", 3, 200))
    ),
)
"""Streams that do change."""
