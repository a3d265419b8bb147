"""Scenarios: what is expected to happen (a campaign, a holiday, an outage), said before it does.

An incident that falls into a scenario of its pipeline opens as expected: whoever registered the
scenario has it, nobody is called, and everybody sees it. A scenario counts from when it was registered
until it expires or is removed; it changes nothing about incidents that are open already.
"""

import time
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.evidence import Said
from fluvial.grouping import Stretch, stretch
from fluvial.store import Store, scenario_table


class Scenario(NamedTuple):
    """Something expected of ``pipeline`` between two event times (s since 1970 UTC).

    ``monitors`` and ``concerns`` (fields, or parts such as ``carrier=UA``) narrow it down; empty ones do
    not. It no longer counts after the clock time ``expires_at``, or once it was removed.
    """

    id: str
    pipeline: str
    name: str
    monitors: tuple[str, ...]
    concerns: tuple[str, ...]
    since: float
    until: float
    expires_at: float
    who: str
    at: float
    removed_by: str | None = None
    removed_at: float | None = None

    def counts(self, now: float) -> bool:
        """Whether it still explains anything at a clock time."""
        return self.removed_at is None and now < self.expires_at

    def explains(self, said: Said) -> bool:
        """Whether an alarm falls into it: in event time, of these monitors, about these fields.

        >>> sale = Scenario("s", "shop", "sale", ("loss",), ("town",), 100.0, 200.0, 9e9, "ann", 0.0)
        >>> alarm = {"monitor": "loss:town", "part": "town=Paris", "onset": 90.0, "time": 120.0}
        >>> sale.explains(alarm), sale.explains(alarm | {"onset": 210.0, "time": 220.0})
        (True, False)
        >>> sale.explains(alarm | {"monitor": "field:town"})
        False
        """
        near = stretch(said).near(Stretch(self.since, self.until), 0.0)
        return near and _named(self.monitors, _kinds(said)) and _named(self.concerns, _things(said))


def _named(wanted: Collection[str], names: Iterable[str]) -> bool:
    return not wanted or any(name in wanted for name in names)


def _kinds(said: Said) -> tuple[str, str]:
    """A monitor by its whole name and by its kind: ``loss:town`` is a ``loss`` as well."""
    monitor = said["monitor"]
    return monitor, monitor.partition(":")[0]


def _things(said: Said) -> tuple[str, str, str]:
    """What an alarm is about: the field it watches, the part, the field of that part."""
    part = said.get("part") or ""
    return said["monitor"].partition(":")[2], part, part.partition("=")[0]


def explaining(db: sa.Connection, pipeline: str, said: Said, now: float) -> Scenario | None:
    """The scenario into which an alarm falls, the newest of several."""
    return next((one for one in of(db, pipeline) if one.counts(now) and one.explains(said)), None)


def listing(store: Store, pipeline: str | None = None, *, every: bool = False) -> list[Scenario]:
    """Scenarios, the newest first; those that no longer count only where ``every`` is true."""
    now = time.time()
    with store.read() as db:
        return [one for one in of(db, pipeline) if every or one.counts(now)]


def find(db: sa.Connection, scenario_id: str) -> Scenario | None:
    """The scenario of that id."""
    row = db.execute(sa.select(scenario_table).where(scenario_table.c.id == scenario_id)).first()
    return None if row is None else _scenario(row)


def add(db: sa.Connection, scenario: Scenario) -> None:
    """Register a scenario inside a transaction that the caller commits."""
    db.execute(sa.insert(scenario_table).values(scenario._asdict()))


def remove(db: sa.Connection, scenario_id: str, who: str) -> None:
    """End a scenario inside a transaction that the caller commits."""
    update = sa.update(scenario_table).where(scenario_table.c.id == scenario_id)
    db.execute(update.values(removed_by=who, removed_at=time.time()))


def of(db: sa.Connection, pipeline: str | None) -> list[Scenario]:
    """All scenarios of a pipeline, the newest first."""
    query = sa.select(scenario_table).order_by(scenario_table.c.at.desc(), scenario_table.c.id)
    if pipeline is not None:
        query = query.where(scenario_table.c.pipeline == pipeline)
    return [_scenario(row) for row in db.execute(query)]


def _scenario(row: Any) -> Scenario:
    values = dict(row._mapping)
    return Scenario(**values | {"monitors": tuple(values["monitors"]), "concerns": tuple(values["concerns"])})
