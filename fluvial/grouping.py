"""Grouping: one drift is one incident, whichever and however many monitors, slices and shards report it.

An alarm stands for the stretch of event time from its onset to the moment it was raised. Alarms whose
stretches are near each other are of one drift. What did not call anybody stands beside it as evidence.
"""

from collections.abc import Iterator
from math import isfinite
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.evidence import Said, calls, complete, who
from fluvial.store import alarm_table, incident_table
from monitors.alarm import DIRECTIONS, Alarm

GROUP = 7 * 86400.0
"""Seconds of event time between two alarms that call about one drift, at most."""

NEAR = 2 * 86400.0
"""Seconds of event time between a drift and a signal that may explain it, at most."""

MOST = 100
"""Signals that are held beside one incident; further ones are filed without it."""


class Stretch(NamedTuple):
    """Event times (s) from the onset of a change to its alarm."""

    onset: float
    time: float

    def near(self, other: "Stretch", reach: float) -> bool:
        """Whether the two are at most ``reach`` seconds apart.

        >>> Stretch(0.0, 10.0).near(Stretch(15.0, 20.0), 5.0), Stretch(0.0, 10.0).near(Stretch(15.1, 20), 5)
        (True, False)
        """
        return self.onset - reach <= other.time and other.onset - reach <= self.time


def stretch(said: Said) -> Stretch:
    """What an alarm stands for; one whose onset is unknown or later than itself, for its own moment.

    >>> stretch({"onset": None, "time": 5.0}), stretch({"onset": 3.0, "time": 5.0})
    (Stretch(onset=5.0, time=5.0), Stretch(onset=3.0, time=5.0))
    """
    time, onset = said["time"] or 0.0, said["onset"]
    return Stretch(min(onset, time) if onset is not None and isfinite(onset) else time, time)


class _Filed(NamedTuple):
    """An alarm of an open incident."""

    incident: str
    said: Said


def incident_of(db: sa.Connection, pipeline: str, alarm: Alarm) -> str | None:
    """The open incident that an alarm belongs to: rather one of its own monitor, rather a new one."""
    said = alarm._asdict()
    if _goes_on(alarm) and (found := _of_same(db, pipeline, said)) is not None:
        return found
    here = stretch(said)
    near = [one for one in _open(db, pipeline, here.onset - GROUP) if here.near(stretch(one.said), GROUP)]
    own = [one.incident for one in near if one.said["monitor"] == alarm.monitor]
    if own or calls(said):
        return next(iter(own or [one.incident for one in near]), None)
    beside = (one.incident for one in near if here.near(stretch(one.said), NEAR))
    found = next(beside, None)
    return found if found is not None and _room(db, found) else None


def _goes_on(alarm: Alarm) -> bool:
    """Whether it says what became of a change that was reported before."""
    return alarm.phase != "first"


def _of_same(db: sa.Connection, pipeline: str, said: Said) -> str | None:
    """The newest open incident in which the same part of the same monitor called, however long ago."""
    found = (
        one.incident
        for one in _open(db, pipeline, None)
        if who(one.said) == who(said) and one.said["time"] <= said["time"]
    )
    return next(found, None)


def _open(db: sa.Connection, pipeline: str, since: float | None) -> Iterator[_Filed]:
    """What called in the open incidents of a pipeline, those of the newest incident first."""
    incident, alarm = incident_table.c, alarm_table.c
    query = sa.select(incident.id, alarm.evidence).join(alarm_table, alarm.incident == incident.id)
    query = query.where(incident.pipeline == pipeline, incident.resolved_at.is_(None))
    if since is not None:
        query = query.where(alarm.time >= since)
    rows = db.execute(query.order_by(incident.last_time.desc(), incident.id, alarm.time.desc()))
    return (_Filed(row.id, row.evidence) for row in rows if calls(row.evidence))


def _room(db: sa.Connection, incident: str) -> int:
    """How many more signals are held beside an incident."""
    held = sa.select(sa.func.count()).select_from(alarm_table).where(alarm_table.c.incident == incident)
    called = sa.select(incident_table.c.alarms).where(incident_table.c.id == incident)
    return max(0, MOST - int(db.execute(held).scalar_one()) + int(db.execute(called).scalar_one()))


def gather(db: sa.Connection, pipeline: str, incident: str, alarm: Alarm) -> None:
    """Put the signals that came before an alarm called beside it, those that may explain it only."""
    here, column = stretch(alarm._asdict()), alarm_table.c
    loose = sa.select(column.id, column.evidence).where(
        column.pipeline == pipeline,
        column.incident.is_(None),
        column.time.between(here.onset - NEAR, here.time + NEAR),
    )
    newest = db.execute(loose.order_by(column.time.desc(), column.id).limit(MOST))
    ids = [row.id for row in newest if _may_explain(row.evidence)][: _room(db, incident)]
    if ids:
        db.execute(sa.update(alarm_table).where(column.id.in_(ids)).values(incident=incident))


def _may_explain(said: dict[str, Any]) -> bool:
    """Whether it tells of something that moved, not of something that went back to where it was."""
    moved = said["direction"] in DIRECTIONS and said["direction"] != "better"
    return moved and complete(said)["phase"] in ("first", "worse")
