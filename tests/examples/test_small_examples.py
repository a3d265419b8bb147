"""The examples that need nothing but what is installed: their records fit their contracts, their models beat what needs none."""

from __future__ import annotations

import json

import pytest

from tests.examples.playing import played, produced

SMALL = [
    ("image_segments", 2_310, 60_000),
    ("trump_approval", 1_001, 20 * 3_600_000),
    ("digits", 4_000, 60_000),
]


@pytest.mark.parametrize(("name", "count", "delay"), SMALL)
def test_records_come_in_time_order_and_labels_after_their_events(name: str, count: int, delay: int) -> None:
    records = produced(name)
    times = [timestamp for _, _, _, timestamp in records]
    assert times == sorted(times)
    events = {key: timestamp for stream, key, _, timestamp in records if stream == "events"}
    labels = {key: timestamp for stream, key, _, timestamp in records if stream == "labels"}
    assert len(events) == count
    assert {labels[key] - timestamp for key, timestamp in events.items()} == {delay}
    assert all(json.loads(value)["id"].encode() == key for _, key, value, _ in records)


@pytest.mark.parametrize(("name", "count", "delay"), SMALL)
def test_a_limit_gives_the_first_events_and_all_their_labels(name: str, count: int, delay: int) -> None:
    records, first = produced(name), produced(name, 100)
    for stream in ("events", "labels"):
        assert [r for r in first if r[0] == stream] == [r for r in records if r[0] == stream][:100]


def test_segments_are_told_apart() -> None:
    status = played("image_segments")
    assert status.outcomes["learned"] == status.events == 2_310
    assert status.scores["model"]["accuracy"] > 0.9
    assert status.success is not None
    assert status.success.status == "met"


def test_the_rating_is_told_better_than_by_yesterdays() -> None:
    status = played("trump_approval")
    assert status.outcomes["learned"] == status.events == 1_001
    naive = [score["mae"] for name, score in status.scores.items() if name != "model"]
    assert status.scores["model"]["mae"] < min(naive)


def test_pictures_of_digits_are_read() -> None:
    status = played("digits", 2_500)
    assert status.quarantined == {}
    assert status.outcomes["learned"] == status.events == 2_500
    assert status.scores["model"]["accuracy"] > 0.95
    assert status.success is not None
    assert status.success.status == "met"


def test_every_digit_is_drawn_about_equally_often_and_never_twice_the_same() -> None:
    records = produced("digits")
    shown = [json.loads(value)["label"] for stream, _, value, _ in records if stream == "labels"]
    assert {shown.count(str(digit)) > 300 for digit in range(10)} == {True}
    pictures = {json.loads(value)["picture"] for stream, _, value, _ in records if stream == "events"}
    assert len(pictures) == 4_000
