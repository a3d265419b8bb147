"""However many values a category takes, and whatever they hold, Prometheus keeps as many series as before."""

from __future__ import annotations

import json

from prometheus_client import CollectorRegistry, generate_latest

from consumers.record import Record
from monitors.metrics import Metrics
from tests.fluvial.shards import START, Feed, towns

CALM, HOSTILE = 2000, 10_000
PIECES = ['"} 1\n', "\\", "\n", "\u202e", "\0", "{x}", "fluvial_events_total 9", "', DROP TABLE", "é" * 80]


def series(feed: Feed) -> set[str]:
    """The series that a scrape shows of the shard: names with labels, without values."""
    registry = CollectorRegistry()
    Metrics(registry).publish(feed.status)
    lines = generate_latest(registry).decode().splitlines()
    return {line.rpartition(" ")[0] for line in lines if not line.startswith("#")}


def live(feed: Feed, town: str, number: int) -> None:
    """An event of a town, and its label right after it."""
    told = {
        "events": {"id": f"e{number}", "x": 1.0, "town": town, "y": number % 7},
        "labels": {"id": f"e{number}", "label": number % 3 == 0},
    }
    for stream, value in told.items():
        raw, at = json.dumps(value).encode(), START + number * 1000
        feed.shard.step(Record(feed.pipeline.topic(stream), 0, number, at, None, raw))


def test_ten_thousand_hostile_values_of_a_category_add_no_series() -> None:
    pipeline = towns(slices=["town"], baselines={"by": "town"}, source="town")
    feed = Feed(pipeline)
    for number in range(CALM):
        live(feed, ("York", "Leeds")[number % 2], number)
    before = series(feed)
    for number in range(CALM, CALM + HOSTILE):
        live(feed, f"{PIECES[number % len(PIECES)]}{number}", number)
    assert feed.status.predictions == CALM + HOSTILE
    after = series(feed)
    assert after - before == set()
    assert all(name.startswith("fluvial_score{") for name in before - after)  # undefined: no yes was forecast
    assert len(after) > 50
