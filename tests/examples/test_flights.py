"""The flights come in time order, their labels when they land, and the model beats what needs no model."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from statistics import median
from typing import NamedTuple

import pytest

from tests.examples.playing import EXAMPLES, Produced, played, produced, producer

DIGEST = """
import hashlib, runpy
digest = hashlib.sha256()
for record in runpy.run_path("producer.py")["records"](3_000):
    digest.update(repr(record).encode())
print(digest.hexdigest())
"""


class Year(NamedTuple):
    """The whole year in figures."""

    events: int
    ids: int
    delays: list[int]
    backward: int
    """Records that come before an earlier one."""
    strangers: int
    """Labels whose event has not been told before."""


@pytest.fixture(scope="module")
def year() -> Year:
    departures: dict[bytes, int] = {}
    delays: list[int] = []
    events = backward = strangers = latest = 0
    for stream, key, _, timestamp in producer("flights").records():
        backward += timestamp < latest
        latest = timestamp
        if stream == "events":
            events += 1
            departures[key] = timestamp
        elif key in departures:
            delays.append(timestamp - departures[key])
        else:
            strangers += 1
    return Year(events, len(departures), delays, backward, strangers)


@pytest.fixture(scope="module")
def january() -> list[Produced]:
    return produced("flights", 3_000)


def labels(records: list[Produced]) -> dict[str, dict[str, object]]:
    parsed = [json.loads(value) for stream, _, value, _ in records if stream == "labels"]
    return {label["id"]: label for label in parsed}


def milliseconds(text: object) -> int:
    return round(datetime.fromisoformat(str(text)).timestamp() * 1000)


def test_every_flight_is_told_once_and_in_time_order(year: Year) -> None:
    assert (year.events, year.ids, year.backward) == (336_776, 336_776, 0)


def test_every_flight_that_arrived_has_a_label_after_its_departure(year: Year) -> None:
    assert len(year.delays) == 336_776 - 9_430
    assert year.strangers == 0
    assert min(year.delays) > 0


def test_labels_come_hours_later_and_some_never(year: Year) -> None:
    assert median(year.delays) / 3_600_000 == pytest.approx(2.83, abs=0.01)
    assert 1 - len(year.delays) / year.events == pytest.approx(0.028, abs=0.0005)


def test_a_limit_gives_the_first_events_and_all_their_labels(january: list[Produced]) -> None:
    first = produced("flights", 500)
    told = [record for record in first if record[0] == "events"]
    assert told == [record for record in january if record[0] == "events"][:500]
    ids = {key for _, key, _, _ in told}
    assert [r for r in first if r[0] == "labels"] == [r for r in january if r[0] == "labels" and r[1] in ids]
    assert produced("flights", 0) == []


def test_records_say_of_themselves_when_and_what_they_are(january: list[Produced]) -> None:
    for stream, key, value, timestamp in january:
        record = json.loads(value)
        assert record["id"].encode() == key
        assert milliseconds(record["scheduled_departure" if stream == "events" else "time"]) == timestamp


def test_the_same_records_come_under_any_hash_seed(january: list[Produced]) -> None:
    here = hashlib.sha256(b"".join(repr(record).encode() for record in january)).hexdigest()
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=EXAMPLES / "flights",
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert told.stdout.strip() == here


def test_late_means_more_than_fifteen_minutes(january: list[Produced]) -> None:
    known = labels(january)
    assert known["2013-01-01-B6905-JFK"]["label"] is False  # 15 minutes
    assert known["2013-01-01-MQ4401-LGA"]["label"] is True  # 16 minutes
    assert "2013-01-02-EV4140-EWR" not in known  # left, but nobody recorded an arrival


@pytest.mark.parametrize(
    ("left", "zone", "clock", "delay", "landed"),
    [
        ("2013-01-01T09:00-05:00", "Pacific/Honolulu", 1530, -14, "2013-01-02T01:16"),
        ("2013-01-02T22:29-05:00", "America/Puerto_Rico", 315, -15, "2013-01-03T07:00"),
        ("2013-03-09T23:15-05:00", "America/New_York", 357, 9, "2013-03-10T08:06"),  # clocks go forward
        ("2013-11-02T23:59-04:00", "America/New_York", 345, 8, "2013-11-03T08:53"),  # clocks go back
        ("2013-06-01T21:00-04:00", "America/Chicago", 2400, 0, "2013-06-02T05:00"),
    ],
)
def test_a_landing_is_read_from_the_clocks_where_the_plane_lands(
    left: str, zone: str, clock: int, delay: int, landed: str
) -> None:
    departure = datetime.fromisoformat(left)
    day = (departure.year, departure.month, departure.day)
    arrival = producer("flights")._first_after(int(departure.timestamp()), zone, day, clock)
    assert datetime.fromtimestamp(arrival + delay * 60, UTC).isoformat(timespec="minutes")[:16] == landed


def test_weather_is_that_of_the_hour_before() -> None:
    # the hour's own row is observed up to its 51st minute: it would tell of the time after departure
    row = {"year": "2013", "month": "7", "day": "4", "sched_dep_time": "1030", "origin": "JFK", "dest": "ORD"}
    row |= {"carrier": "B6", "flight": "1", "arr_delay": "NA", "distance": "740"}
    hour = int(datetime.fromisoformat("2013-07-04T14:00+00:00").timestamp()) // 3600
    weather = {("JFK", hour): {"visibility": 1.0}, ("JFK", hour - 1): {"visibility": 2.0}}
    told = producer("flights")._flight(row, {}, weather)
    assert told.departure // 3600 == hour
    assert told.event["visibility"] == 2.0


def test_without_the_package_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(SystemExit, match=r'pip install "fluvial\[demo\]"'):
        produced("flights", 1)


def test_the_model_ranks_better_than_the_origins_rate_within_weeks() -> None:
    status = played("flights", 20_000)
    assert status.events == 20_000
    assert status.quarantined == {}
    assert status.fates["used"] == status.labels
    model, origin = status.scores["model"], status.scores["rolling_rate"]
    assert model["rocauc"] > origin["rocauc"] + 0.02
    assert model["brier"] < origin["brier"]
