"""Tail: the newest published predictions of a shard, row by row, as forecasts."""

from typing import Any

from fluvial.journal import Batch
from fluvial.place import Place
from fluvial.said import said_of, skip_old_lives
from learners.scoring import Forecast


class Tail:
    """What was published about the events of the rows from ``first`` on: at least the ``n`` newest events.

    Ask for the rows in their order.
    """

    def __init__(self, place: Place, shard: int, n: int) -> None:
        self._events = place.pipeline.topic("events")
        last, published = place.journal.reached(shard)
        self._proven = max([published, *(kept.batch for kept in place.shelf.listing(shard))])
        self.first, starts = self._rows(place, shard, last, n)
        self._said = said_of(place, shard)
        skip_old_lives(place, shard, self._said)
        for number, said in self._said.items():
            if (start := starts.get(number)) is not None:
                said.back_to(start)

    def forecasts(self, row: Batch) -> dict[str, Forecast] | None:
        """The published forecasts of one row by the id of the event.

        None for a row that nothing can be said about: before ``first``, perhaps not published yet, or
        older than what the topic still holds.
        """
        if row.number < self.first:
            return None
        found, whole = dict[str, Forecast](), row.number <= self._proven
        for number, start, end in self._events_in(row):
            said = self._said.get(number)
            for entry in said.upto(end) if said else ():
                forecast = forecast_in(entry.shown)
                if entry.offset >= start and forecast is not None:
                    found[str(entry.shown.get("id"))] = forecast
            whole = whole and said is not None and said.begun_before(start + 1)
        return found if whole else None

    def _rows(self, place: Place, shard: int, last: int, n: int) -> tuple[int, dict[int, int]]:
        """The first row of the tail, and where its events start in each partition."""
        first, count, starts = last + 1, 0, dict[int, int]()
        for until in range(last, 0, -500):
            for row in reversed(place.journal.batches(shard, max(0, until - 500), until)):
                if count >= n:
                    return first, starts
                for number, start, end in self._events_in(row):
                    starts[number] = start
                    count += end - start
                first = row.number
        return first, starts

    def _events_in(self, row: Batch) -> list[tuple[int, int, int]]:
        """The ranges of events in a row: partition, start and end."""
        return [(tp.partition, r.start, r.end) for tp, r in row.ranges.items() if tp.topic == self._events]


def forecast_in(shown: dict[str, Any]) -> Forecast | None:
    """The forecast that a published prediction holds; None where it holds none.

    >>> forecast_in({"prediction": True, "probability": 0.75}), forecast_in({"prediction": 3})
    (0.75, 3.0)
    """
    for key in ("probability", "probabilities", "prediction"):
        value = shown.get(key)
        if isinstance(value, dict):
            return {str(name): float(share) for name, share in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None
