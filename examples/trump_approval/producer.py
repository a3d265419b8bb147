"""Five pollsters' approval ratings at noon of each day; the weighted rating of that day follows next morning.

``records()`` yields ``(stream, key, value, timestamp_ms)``. The data come with River and are read
from its wheel: no network is needed.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from river.datasets import TrumpApproval

Record = tuple[str, bytes, bytes, int]

POLLSTERS = ("gallup", "ipsos", "morning_consult", "rasmussen", "you_gov")
ASKED = timedelta(hours=12)
KNOWN = timedelta(days=1, hours=8)


def records(limit: int | None = None) -> Iterator[Record]:
    """Yield events and labels in time order: the first ``limit`` days, each followed by its label."""
    for x, rating in islice(TrumpApproval(), limit):
        midnight = datetime.fromordinal(x["ordinal_date"]).replace(tzinfo=UTC)
        identity, asked, known = f"{midnight:%Y-%m-%d}", midnight + ASKED, midnight + KNOWN
        polls = {pollster: x[pollster] for pollster in POLLSTERS}
        yield _record("events", identity, asked, {"asked": asked.isoformat(), **polls})
        yield _record("labels", identity, known, {"label": rating, "time": known.isoformat()})


def _record(stream: str, identity: str, moment: datetime, value: dict[str, object]) -> Record:
    text = json.dumps({"id": identity, **value}, separators=(",", ":"))
    return stream, identity.encode(), text.encode(), int(moment.timestamp()) * 1000
