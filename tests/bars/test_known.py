"""The page says how fast whoever knew both levels beforehand would be: by these figures."""

from __future__ import annotations

import re
from itertools import chain
from math import log
from statistics import median

import pytest

from tests.bars.__main__ import PAGE
from tests.bars.contenders import LOSS, OURS
from tests.bars.known import between, delay, height
from tests.bars.rows import BY_NAME


def test_the_page_says_how_fast_the_best_with_known_levels_would_be() -> None:
    reached = height(1e5 / LOSS.budget)
    (said,) = re.findall(r"it takes ([\d, and]+) on\s+the same four draws", PAGE.read_text())
    delays = [delay(draw, reached) for draw in (0, 10_000, 20_000, 30_000)]
    assert [int(one) for one in re.findall(r"\d+", said)] == [int(one) for one in delays]


def test_the_page_says_what_many_draws_from_20_to_30_come_to() -> None:
    """The bar is that of one draw of twenty runs, which is luck: the median of ten draws is within it."""
    row = BY_NAME["20-30"]
    draws = [
        [row.play(OURS, row.seed(run, draw), run) for run in range(row.full)]
        for draw in range(0, 100_000, 10_000)
    ]
    delays = [[run.delay(("worse",)) or run.n for run in runs] for runs in draws]
    every, medians = median(chain.from_iterable(delays)), [int(median(one)) for one in delays]
    assert every <= 450
    page = " ".join(PAGE.read_text().split())
    within = sum(one <= 450 for one in medians)
    first = "{}, {}, {} and {}".format(*medians)
    assert (
        f"The median of 200 runs is {every:.0f}, and that of {within} of their ten draws is within it" in page
    )
    assert f"those of the first four are {first}." in page


def test_a_higher_sum_calls_less_often_by_a_factor_e_for_each_nat() -> None:
    assert log(between(13.0) / between(8.0)) == pytest.approx(5.0, rel=0.02)
