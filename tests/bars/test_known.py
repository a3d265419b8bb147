"""The page says how fast whoever knew both levels beforehand would be: by these figures."""

from __future__ import annotations

import re
from math import log

import pytest

from tests.bars.__main__ import PAGE
from tests.bars.contenders import LOSS
from tests.bars.known import between, delay, height


def test_the_page_says_how_fast_the_best_with_known_levels_would_be() -> None:
    reached = height(1e5 / LOSS.budget)
    (said,) = re.findall(r"it takes ([\d, and]+) on\s+the same four draws", PAGE.read_text())
    delays = [delay(draw, reached) for draw in (0, 10_000, 20_000, 30_000)]
    assert [int(one) for one in re.findall(r"\d+", said)] == [int(one) for one in delays]


def test_a_higher_sum_calls_less_often_by_a_factor_e_for_each_nat() -> None:
    assert log(between(13.0) / between(8.0)) == pytest.approx(5.0, rel=0.02)
