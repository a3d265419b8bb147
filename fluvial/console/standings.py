"""Standings: how the monitors of a pipeline's shards stand, as one table; what the loss is expected to be."""

from collections.abc import Iterable, Sequence

from fluvial.console.claims import subject
from fluvial.console.models import Estimate, MonitorRow, WatchedView
from fluvial.console.totals import Status
from fluvial.rate import Rate
from fluvial.tuning import Watching

ORDER = ("alarm", "suspected", "warming", "quiet")
"""States of a monitor, those that matter most first."""


def monitors(statuses: Sequence[Status]) -> list[MonitorRow]:
    """Every monitor once, whatever the shards: what has seen something before what has not."""
    names = dict.fromkeys(name for status in statuses for name in status["monitors"])
    rows = [_row(name, statuses) for name in names]
    return sorted(rows, key=lambda row: _rank(row.state))


def _row(name: str, statuses: Sequence[Status]) -> MonitorRow:
    found = [status["monitors"][name] for status in statuses if name in status["monitors"]]
    states = sorted((state for state, _ in found), key=_rank)
    levels = [level for _, level in found if level is not None]
    return MonitorRow(
        monitor=name,
        subject=subject(name),
        state=states[0],
        shards={state: states.count(state) for state in dict.fromkeys(states)},
        low=min(levels, default=None),
        high=max(levels, default=None),
        alarms=_alarms(name, statuses),
    )


def _rank(state: str) -> int:
    return ORDER.index(state) if state in ORDER else 1  # one of another version is told, not hidden


def _alarms(name: str, statuses: Iterable[Status]) -> dict[str, int]:
    total: dict[str, int] = {}
    for status in statuses:
        for key, n in status.get("drifts", {}).items():
            monitor, _, direction = key.rpartition("/")
            if monitor == name and n:
                total[direction] = total.get(direction, 0) + n
    return total


def watched(watching: Watching, rate: Rate | None) -> WatchedView:
    """By what they watch, and what that means at the present rate, where it is known."""
    return WatchedView(
        **watching._asdict(),
        daily_outcomes=rate.daily if rate else None,
        monthly_false_alarms=rate.alarms(watching.budget) if rate else None,
    )


def estimate(statuses: Sequence[Status]) -> Estimate | None:
    """The mean of what the shards expect, weighted by the predictions that wait for a label."""
    found = [(status["estimate"], 1 + status["waiting"]) for status in statuses if status.get("estimate")]
    if not found:
        return None
    return Estimate(
        loss=_mean((loss, n) for (loss, _), n in found), error=_mean((error, n) for (_, error), n in found)
    )


def _mean(parts: Iterable[tuple[float | None, int]]) -> float | None:
    known = [(value, n) for value, n in parts if value is not None]
    return sum(value * n for value, n in known) / sum(n for _, n in known) if known else None
