"""Rate: how many outcomes come in a month, and what a budget of false alarms means then."""

import pytest

from fluvial import rate
from fluvial.rate import MONTH, MOST, Rate
from fluvial.store import Store, point_table

DAY = 86400.0
NOON = 1_700_000_000.0


def draw(store: Store, shard: int, days: list[float], pipeline: str = "coins") -> None:
    """Points of a shard at these days; a point is made every 1,000 outcomes."""
    rows = [
        {"pipeline": pipeline, "shard": shard, "sequence": n, "time": NOON + DAY * at, "data": {}}
        for n, at in enumerate(days, 1)
    ]
    with store.write() as db:
        db.execute(point_table.insert(), rows)


def monthly(store: Store) -> float:
    found = rate.of(store, "coins")
    assert found is not None
    return found.monthly


def test_the_rate_is_that_of_all_shards_together(store: Store) -> None:
    draw(store, 0, [0.0, 1.0, 2.0])
    draw(store, 1, [0.0, 0.5, 1.0, 1.5, 2.0])
    draw(store, 0, [0.0, 0.001], pipeline="others")
    assert monthly(store) == pytest.approx((1000 + 2000) * MONTH / DAY)
    assert Rate(monthly(store)).daily == pytest.approx(3000)


def test_it_is_that_of_the_last_days_of_the_stream(store: Store) -> None:
    quick, slow = [0.01 * n for n in range(100)], [100.0 + 2.0 * n for n in range(10)]
    draw(store, 0, quick + slow)
    assert monthly(store) == pytest.approx(500 * MONTH / DAY)


def test_of_a_slow_stream_the_last_two_thousand_outcomes_count(store: Store) -> None:
    draw(store, 0, [0.0, 1.0, 2.0, 52.0, 102.0])
    assert monthly(store) == pytest.approx(20 * MONTH / DAY)


def test_of_a_quick_stream_only_the_newest_points_are_read(store: Store) -> None:
    quick = [0.001 * n for n in range(MOST)]
    draw(store, 0, [-2.0, -1.0, *quick])
    assert monthly(store) == pytest.approx(1_000_000 * MONTH / DAY)


@pytest.mark.parametrize("days", [[], [1.0], [1.0, 1.0]])
def test_of_hardly_any_outcomes_there_is_no_rate(store: Store, days: list[float]) -> None:
    if days:
        draw(store, 0, days)
    assert rate.of(store, "coins") is None


def test_a_budget_by_the_month_is_one_per_100_000_events_and_back() -> None:
    busy = Rate(30_000_000.0)
    assert busy.budget(1.0) == 0.0033
    assert busy.alarms(0.0033) == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        (30.0, "about 30 a month"),
        (1.0, "about one a month"),
        (0.5, "about one in 2 months"),
        (1 / 36, "about one in 3 years"),
    ],
)
def test_how_often_is_said_as_people_count(alarms: float, said: str) -> None:
    assert rate.told(alarms) == said
