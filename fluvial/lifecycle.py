"""Life cycle: where an incident stands, computed from dated facts and the present moment.

Nothing here is stored as a state. Legal transitions::

    from                        to             by
    nothing                     pending        an alarm that calls, where the pipeline file holds calls back
    nothing                     firing         an alarm that calls, or an alert
    nothing                     acknowledged   an alarm inside a scenario: whoever registered it has it
    pending                     firing         the hold is over, or a second alarm calls
    pending, firing             acknowledged   a person acknowledges or decides
    pending, firing, acknowledged  snoozed     a person, until a moment
    snoozed                     firing         the moment has come
    snoozed                     acknowledged   a person ends the snooze
    acknowledged                firing         a scenario does not explain what came later
    all but resolved            resolved       a person, or it was over: see its verdict
    resolved                    acknowledged   a person reopens it

Marks stand beside the state and hide in none: *escalated* (nobody had it in time), *worse* (it grew
after somebody took it), *regressed* (the same came back soon after it was resolved), *expected* (a
registered scenario explains it).
"""

from typing import Literal, NamedTuple, get_args

import sqlalchemy as sa

from fluvial.tables import incident_table

State = Literal["pending", "firing", "acknowledged", "snoozed", "resolved"]
STATES: tuple[State, ...] = get_args(State)

Mark = Literal["escalated", "worse", "regressed", "expected"]
MARKS: tuple[Mark, ...] = get_args(Mark)

TRANSITIONS: dict[State | None, tuple[State, ...]] = {
    None: ("pending", "firing", "acknowledged"),
    "pending": ("firing", "acknowledged", "snoozed", "resolved"),
    "firing": ("acknowledged", "snoozed", "resolved"),
    "acknowledged": ("firing", "snoozed", "resolved"),
    "snoozed": ("firing", "acknowledged", "resolved"),
    "resolved": ("acknowledged",),
}
"""The table above; from a state to itself is no transition."""


class Facts(NamedTuple):
    """What happened to an incident and when, in clock times (s since 1970 UTC); None: it did not.

    ``fires_at`` ends the hold after the opening, ``escalates_at`` is by when somebody should have it,
    ``grew_at`` when an alarm last called about it, ``snoozed_until`` the end of the last snooze.
    ``regressed_from`` and ``scenario`` are the ids of what came before and of what explains it.
    """

    fires_at: float
    escalates_at: float | None = None
    grew_at: float | None = None
    acknowledged_at: float | None = None
    snoozed_until: float | None = None
    resolved_at: float | None = None
    regressed_from: str | None = None
    scenario: str | None = None


def state(facts: Facts, now: float) -> State:
    """Where an incident stands at a clock time.

    >>> state(Facts(fires_at=10.0), 5.0), state(Facts(fires_at=10.0), 10.0)
    ('pending', 'firing')
    >>> snoozed = Facts(fires_at=0.0, acknowledged_at=1.0, snoozed_until=9.0)
    >>> state(snoozed, 8.0), state(snoozed, 9.0), state(snoozed._replace(acknowledged_at=9.5), 10.0)
    ('snoozed', 'firing', 'acknowledged')
    """
    if facts.resolved_at is not None:
        return "resolved"
    if facts.snoozed_until is not None and now < facts.snoozed_until:
        return "snoozed"
    if facts.acknowledged_at is not None and facts.acknowledged_at >= (facts.snoozed_until or 0.0):
        return "acknowledged"
    return "firing" if facts.snoozed_until is not None or now >= facts.fires_at else "pending"


def marks(facts: Facts, now: float) -> tuple[Mark, ...]:
    """What has to be seen beside the state at a clock time, in a fixed order.

    >>> marks(Facts(fires_at=0.0, escalates_at=60.0), 60.0)
    ('escalated',)
    >>> marks(Facts(fires_at=0.0, acknowledged_at=5.0, grew_at=7.0, regressed_from="a"), 8.0)
    ('worse', 'regressed')
    """
    where = state(facts, now)
    late = where == "firing" and facts.escalates_at is not None and now >= facts.escalates_at
    held = where in ("acknowledged", "snoozed") and facts.scenario is None
    grew = facts.grew_at is not None and facts.acknowledged_at is not None
    worse = held and grew and (facts.grew_at or 0.0) > (facts.acknowledged_at or 0.0)
    found = {"escalated": late, "worse": worse, "regressed": facts.regressed_from, "expected": facts.scenario}
    return tuple(mark for mark in MARKS if found[mark])


def quiet(facts: Facts, now: float) -> bool:
    """Whether nobody has to be called about it: somebody has it, and it did not grow since.

    >>> quiet(Facts(0.0, acknowledged_at=5.0), 6.0), quiet(Facts(0.0, grew_at=7.0, acknowledged_at=5.0), 8.0)
    (True, False)
    """
    return state(facts, now) in ("acknowledged", "snoozed") and "worse" not in marks(facts, now)


def due(facts: Facts, now: float) -> float | None:
    """The next moment at which time alone changes something, if there is one.

    >>> due(Facts(fires_at=10.0, escalates_at=70.0), 5.0), due(Facts(fires_at=10.0), 11.0)
    (10.0, None)
    """
    if facts.resolved_at is not None:
        return None
    moments = (facts.fires_at, facts.escalates_at, facts.snoozed_until)
    return min((at for at in moments if at is not None and at > now), default=None)


def state_in_sql(now: float) -> sa.ColumnElement[str]:
    """The state as :func:`state` computes it, for a query over the table of incidents."""
    column = incident_table.c
    taken = column.acknowledged_at >= sa.func.coalesce(column.snoozed_until, 0.0)
    return sa.case(
        (column.resolved_at.is_not(None), "resolved"),
        (column.snoozed_until > now, "snoozed"),
        (sa.and_(column.acknowledged_at.is_not(None), taken), "acknowledged"),
        (sa.or_(column.snoozed_until.is_not(None), column.fires_at <= now), "firing"),
        else_="pending",
    )
