"""Rows that ask for silence: streams without a change that anybody should be called for."""

from __future__ import annotations

from tests.bars import learned, streams
from tests.bars.judges import Calls, Silent
from tests.bars.row import Row, hears, made

LONG = 100_000

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
    Row(
        "iid-probability",
        "the loss of probabilities that stay what they are, sure and unsure ones, 40 × 100,000",
        "at most 1 alarm in all",
        40,
        4,
        hears(lambda seed, run: streams.probabilities(seed, (streams.SURE, streams.UNSURE)[run % 2], LONG)),
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
            "at most 1 call per 100,000",
            20,
            2,
            hears(made(make, LONG)),
            Calls(1.0),
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
            "at most 1 call per 100,000",
            6,
            6,  # a rate of about one a run is not told by fewer
            hears(made(make, LONG)),
            Calls(1.0),
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
            "0 calls about the loss",
            n,
            2,
            hears(make),
            Calls(0.0),
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
