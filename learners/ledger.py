"""Ledger: predictions that wait for their label, and labels that wait for their event.

Every event ends in exactly one of learned, predict only, expired, quarantined, duplicates, or
still waits; every label ends as used, duplicate, late, corrected, unmatched, quarantined, or is
early. The counts are exact at any moment. Time here is *stream time* in seconds (what the records
say), never a clock.
"""

from collections import OrderedDict
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from consumers.event import Event, Label, Truth, Value
from learners.scoring import Forecast


class Waiting(NamedTuple):
    """An event that was predicted and has no label yet: all that learning will need later.

    ``deadline`` is in seconds of stream time; ``forecasts`` are the champion's and then the
    baselines', as they were when the event arrived.
    """

    id: str
    time: float
    deadline: float
    features: dict[str, Value]
    context: dict[str, Value]
    forecasts: tuple[Forecast, ...]


class Early(NamedTuple):
    """A label whose event has not been seen yet."""

    label: Label
    deadline: float


class Ledger:
    """Pairs predictions with labels, whatever order they come in.

    ``horizon`` is in seconds; ``waiting``, ``early`` and ``settled`` bound what is held in mind:
    the oldest goes first, and is counted as what it then is. A prediction that has to go before its
    time is expired, an early label unmatched; an event whose settling was forgotten is new when it
    comes again, and its label is early.
    """

    def __init__(self, horizon: float, *, waiting: int, early: int, settled: int) -> None:
        self._horizon = horizon
        self._most_waiting, self._most_early, self._most_settled = waiting, early, settled
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()
        self._early: OrderedDict[str, Early] = OrderedDict()
        self._settled: OrderedDict[str, Truth | None] = OrderedDict()
        self.counts = dict.fromkeys(
            ("duplicates", "expired", "used", "duplicate", "late", "corrected", "unmatched"), 0
        )

    @property
    def waiting(self) -> int:
        """How many predictions wait for their label."""
        return len(self._waiting)

    @property
    def early(self) -> int:
        """How many labels wait for their event."""
        return len(self._early)

    def entry(self, event_id: str) -> Waiting | None:
        """What waits for the label of this event; None where nothing does (any more)."""
        return self._waiting.get(event_id)

    def known(self, event: Event) -> bool:
        """Whether the event was seen before; then it is counted as a duplicate."""
        if event.id not in self._waiting and event.id not in self._settled:
            return False
        self.counts["duplicates"] += 1
        return True

    def remember(
        self,
        event: Event,
        features: dict[str, Value],
        forecasts: tuple[Forecast, ...],
        now: float,
    ) -> None:
        """Keep what was predicted until its label comes.

        ``now`` is infinite for what came at a time nobody can be sure of yet: see ``date``.
        """
        deadline = now + self._horizon
        self._waiting[event.id] = Waiting(event.id, event.time, deadline, features, event.context, forecasts)
        if len(self._waiting) > self._most_waiting:
            self.expire(next(iter(self._waiting.values())))

    def early_label(self, event_id: str) -> Label | None:
        """Take the label that came before its event, if one did."""
        early = self._early.pop(event_id, None) if self._early else None
        return early.label if early else None

    def match(self, label: Label, now: float) -> Waiting | None:
        """Return what waited for this label, or count the label as what it is and return None.

        ``now`` as in ``remember``.
        """
        entry = self._waiting.get(label.id)
        if entry is not None:
            self.counts["used"] += 1
        elif label.id in self._settled:
            self._count_repeat(label.value, self._settled[label.id])
        elif label.id in self._early:
            before = self._early[label.id]
            self._count_repeat(label.value, before.label.value)
            self._early[label.id] = Early(label, before.deadline)
        else:
            self._early[label.id] = Early(label, now + self._horizon)
            if len(self._early) > self._most_early:
                self._drop_early()
        return entry

    def _count_repeat(self, value: Truth, known: Truth | None) -> None:
        fate = "late" if known is None else "duplicate" if value == known else "corrected"
        self.counts[fate] += 1

    def settle(self, entry: Waiting, truth: Truth | None) -> None:
        """Close an entry; ``truth`` None says that it ended without a label (a later one is late)."""
        del self._waiting[entry.id]
        self._settled[entry.id] = truth
        if len(self._settled) > self._most_settled:
            self._settled.popitem(last=False)

    def expire(self, entry: Waiting) -> None:
        """Close an entry that nothing is learned from."""
        self.settle(entry, None)
        self.counts["expired"] += 1

    def date(self, now: float) -> None:
        """Say what time it was for what came last, where that was in doubt."""
        deadline = now + self._horizon
        if self._waiting:
            name, entry = next(reversed(self._waiting.items()))
            if entry.deadline == inf:
                self._waiting[name] = entry._replace(deadline=deadline)
        if self._early:
            name, early = next(reversed(self._early.items()))
            if early.deadline == inf:
                self._early[name] = early._replace(deadline=deadline)

    def due(self, now: float) -> bool:
        """Whether the horizon of anything has passed."""
        return (bool(self._waiting) and next(iter(self._waiting.values())).deadline <= now) or (
            bool(self._early) and next(iter(self._early.values())).deadline <= now
        )

    def overdue(self, now: float) -> Iterator[Waiting]:
        """Yield, oldest first, entries whose horizon has passed; the caller closes each.

        Early labels whose event never came are counted as unmatched on the way.
        """
        while self._waiting and (entry := next(iter(self._waiting.values()))).deadline <= now:
            yield entry
        while self._early and next(iter(self._early.values())).deadline <= now:
            self._drop_early()

    def _drop_early(self) -> None:
        self._early.popitem(last=False)
        self.counts["unmatched"] += 1
