"""Evidence: an alarm as JSON carries it into the store, and back.

JSON has no NaN: what is undefined is null there. Stores of earlier versions hold alarms that say less;
:func:`complete` gives them what they would say today.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import Any

from fluvial.tables import storable
from monitors.alarm import DIRECTIONS, Alarm, Phase
from monitors.status import plain

Said = Mapping[str, Any]
"""What an alarm says, by the names of its fields."""


def _clean(value: object) -> object:
    return storable(value) if isinstance(value, str) else plain(value)


_UNSAID = {name: _clean(value) for name, value in Alarm._field_defaults.items()}


def stored(alarm: Alarm) -> dict[str, Any]:
    """An alarm as both databases take it: undefined numbers are None, text is without what they refuse.

    >>> said = stored(Alarm("loss", "worse", 9.0, 5.0, 100, 0.1, 0.4, 50, 50, part="a\\0b"))
    >>> said["low"], said["part"]
    (None, 'a\ufffdb')
    """
    return {name: _clean(value) for name, value in alarm._asdict().items()}


def complete(said: Said) -> dict[str, Any]:
    """Evidence with everything that alarms say today; what is no alarm of a monitor stays as it is.

    >>> complete({"monitor": "loss", "direction": "better"})["severity"]
    'info'
    """
    if said["direction"] not in DIRECTIONS:
        return dict(said)
    unsaid = _UNSAID if said["direction"] != "better" else {**_UNSAID, "severity": "info"}
    return {**unsaid, **said}


def alarm_of(said: Said) -> Alarm:
    """The alarm that a monitor raised. Raises KeyError where the evidence is none of a monitor."""
    known = complete(said)
    return Alarm._make(nan if known[name] is None else known[name] for name in Alarm._fields)


def calls(said: Said) -> bool:
    """Whether an alarm calls somebody: it opens an incident, or makes one grow.

    >>> alarm = {"monitor": "loss", "direction": "worse"}
    >>> calls(alarm), calls({**alarm, "severity": "info"}), calls({**alarm, "phase": "recovered"})
    (True, False, False)
    """
    if said["direction"] not in ("worse", "changed"):
        return False
    known = complete(said)
    return known["severity"] == "page" and known["phase"] in ("first", "worse")


def who(said: Said) -> tuple[str, str]:
    """The monitor and the part of it that an alarm is of."""
    return said["monitor"], said.get("part") or ""


def calling(evidence: Iterable[Said]) -> list[Said]:
    """The alarms among it that call somebody."""
    return [said for said in evidence if calls(said)]


def phase(evidence: Sequence[Said]) -> Phase | None:
    """Where a change stands, from evidence in the order of time; None where nothing called.

    It is over only when everything that called says so.

    >>> loss = {"monitor": "loss", "direction": "worse"}
    >>> phase([loss, {**loss, "direction": "better", "phase": "recovered"}, {**loss, "part": "carrier=UA"}])
    'first'
    """
    latest: dict[tuple[str, str], Said] = {}
    for said in calling(evidence):
        latest.pop(who(said), None)
        latest[who(said)] = said
    if not latest:
        return None
    last = next(reversed(latest.values()))
    for said in evidence:
        if who(said) in latest:
            latest[who(said)] = said
    if any(calls(said) for said in latest.values()):
        return _phase(last)
    return "recovered" if all(_phase(said) == "recovered" for said in latest.values()) else "eased"


def _phase(said: Said) -> Phase:
    found: Phase = complete(said)["phase"]
    return found


def cause(evidence: Iterable[Said]) -> tuple[str, str]:
    """What is likely behind a change and why, as the newest alarm that called could tell; or empty."""
    for said in reversed(calling(evidence)):
        if said.get("cause"):
            return said["cause"], said.get("because") or ""
    return "", ""
