"""Ledger: predictions that wait for their label, and labels that wait for their event.

Every event ends in exactly one of learned, predict only, expired, quarantined, duplicates, or
still waits; every label ends as used, duplicate, late, corrected, unmatched, quarantined, or is
early. The counts are exact at any moment. Time here is *stream time* (the newest record
timestamp), never a clock.
"""

from collections import OrderedDict
from collections.abc import Iterator
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
    the oldest goes first, and is counted as what it then is (expired, unmatched, forgotten).
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
    ) -> Waiting:
        """Keep what was predicted until its label comes. Returns what was kept."""
        entry = Waiting(event.id, event.time, now + self._horizon, features, event.context, forecasts)
        self._waiting[event.id] = entry
        return entry

    def early_label(self, event_id: str) -> Label | None:
        """Take the label that came before its event, if one did."""
        early = self._early.pop(event_id, None)
        return early.label if early else None

    def match(self, label: Label, now: float) -> Waiting | None:
        """Return what waited for this label, or count the label as what it is and return None."""
        if label.id in self._waiting:
            return self._waiting[label.id]
        if label.id in self._settled:
            self._count_repeat(label.value, self._settled[label.id])
        elif label.id in self._early:
            before = self._early[label.id]
            self._count_repeat(label.value, before.label.value)
            self._early[label.id] = Early(label, before.deadline)
        else:
            self._early[label.id] = Early(label, now + self._horizon)
            if len(self._early) > self._most_early:
                self._drop_early()
        return None

    def _count_repeat(self, value: Truth, known: Truth | None) -> None:
        fate = "late" if known is None else "duplicate" if value == known else "corrected"
        self.counts[fate] += 1

    def settle(self, entry: Waiting, truth: Truth | None) -> None:
        """Close an entry; ``truth`` None says that it ended without a label (a later one is late)."""
        del self._waiting[entry.id]
        self._settled[entry.id] = truth
        if len(self._settled) > self._most_settled:
            self._settled.popitem(last=False)

    def overdue(self, now: float) -> Iterator[Waiting]:
        """Yield, oldest first, entries whose horizon has passed; the caller settles each.

        Early labels whose event never came are counted as unmatched on the way.
        """
        while self._waiting:
            entry = next(iter(self._waiting.values()))
            if entry.deadline > now and len(self._waiting) <= self._most_waiting:
                break
            yield entry
        while self._early and next(iter(self._early.values())).deadline <= now:
            self._drop_early()

    def _drop_early(self) -> None:
        self._early.popitem(last=False)
        self.counts["unmatched"] += 1
