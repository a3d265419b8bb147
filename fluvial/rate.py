"""Rate: what a budget of false alarms means in a month, at the rate at which outcomes came of late."""

from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.console.phrases import number
from fluvial.store import Store, point_table
from fluvial.tuning import DAYS
from learners.scoreboard import Scoreboard
from monitors.spec import DAY

LEAST = 3
"""Points of a shard that are looked at, at least: of a slow stream they span more than those days."""

MOST = 1000
"""Points of a shard that are looked at, at most, the newest of them."""

MONTH = 365.25 / 12 * DAY
"""Seconds in a month."""

PER = 100_000
"""Events that a budget of false alarms is for."""


class Rate(NamedTuple):
    """How many outcomes a pipeline has in a month of event time."""

    monthly: float

    @property
    def daily(self) -> float:
        """Outcomes in a day."""
        return self.monthly / MONTH * DAY

    def alarms(self, budget: float) -> float:
        """The false alarms in a month that a budget per 100,000 events allows.

        >>> Rate(3_000_000).alarms(0.02)
        0.6
        """
        return budget * self.monthly / PER

    def budget(self, alarms: float) -> float:
        """The budget per 100,000 events that allows so many false alarms in a month, to two digits.

        >>> Rate(3_000_000).budget(1)
        0.033
        """
        return float(f"{alarms * PER / self.monthly:.2g}")


def of(store: Store, pipeline: str) -> Rate | None:
    """The rate of a pipeline, over all its shards; None while hardly any outcomes are known."""
    found = sum(map(_monthly, _spans(store, pipeline)))
    return Rate(found) if found else None


def _spans(store: Store, pipeline: str) -> list[Any]:
    """For each shard how many of its newest points are of the last days, and when they began and ended."""
    column = point_table.c
    of_pipeline = column.pipeline == pipeline
    last = sa.select(column.shard, sa.func.max(column.sequence).label("sequence"))
    last_of = last.where(of_pipeline).group_by(column.shard).subquery()
    recent = (
        sa.select(column.shard, column.time, (last_of.c.sequence - column.sequence).label("back"))
        .join(last_of, last_of.c.shard == column.shard)
        .where(of_pipeline, column.sequence > last_of.c.sequence - MOST)
        .cte()
    )
    newest = sa.select(recent.c.shard, sa.func.max(recent.c.time).label("time")).group_by(recent.c.shard)
    until = newest.subquery()
    counted = (
        sa.select(sa.func.count().label("n"), sa.func.min(recent.c.time).label("first"), until.c.time)
        .join(until, until.c.shard == recent.c.shard)
        .where((recent.c.time >= until.c.time - DAYS * DAY) | (recent.c.back < LEAST))
        .group_by(recent.c.shard, until.c.time)
    )
    with store.read() as db:
        return list(db.execute(counted))


def _monthly(span: Any) -> float:
    """Outcomes of one shard in a month: there is a point for every so many of them."""
    took = span.time - span.first
    return (span.n - 1) * Scoreboard.EVERY / took * MONTH if took > 0.0 else 0.0


def told(alarms: float) -> str:
    """How often a false alarm is to be expected, by how many there are in a month.

    >>> told(2.5), told(1.0), told(0.4), told(0.0055)
    ('about 2.5 a month', 'about one a month', 'about one in 2.5 months', 'about one in 15.2 years')
    """
    if alarms > 1.05:
        return f"about {number(alarms)} a month"
    if alarms > 0.95:
        return "about one a month"
    months = 1.0 / alarms
    return f"about one in {f'{number(months)} months' if months < 24 else f'{number(months / 12)} years'}"
