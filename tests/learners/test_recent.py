"""Recent behaviour against a plain list of everything that ever came."""

import math
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from learners import recent as module
from learners.recent import BUCKETS, Recent, RecentSpec

HOUR = 3_600.0


def one(spec: RecentSpec) -> Recent:
    return Recent({"it": spec})


def read(recent: Recent, time: float = 0.0, **values: object) -> float:
    return recent.features(values, time)["it"]


arrivals = st.lists(
    st.tuples(st.sampled_from(["x", "y", None]), st.floats(-1e6, 1e6), st.floats(0.0, HOUR)), max_size=40
)


@given(arrivals, st.integers(1, 4), st.sampled_from(["mean", "sum", "count"]))
def test_the_last_values_of_a_key(came, last, stat) -> None:
    recent = one(RecentSpec(of="amount", stat=stat, last=last, by="card", default=-1.0))
    for card, amount, _ in came:
        recent.event({"card": card, "amount": amount} if card else {"amount": amount}, 0.0)
    kept = [amount for card, amount, _ in came if card == "x"][-last:]
    wanted = {"mean": math.fsum(kept) / max(1, len(kept)), "sum": math.fsum(kept), "count": len(kept)}[stat]
    assert read(recent, card="x") == (pytest.approx(wanted, rel=1e-12, abs=1e-12) if kept else -1.0)


@given(arrivals, st.sampled_from(["mean", "sum", "count"]), st.sampled_from([60.0, 600.0, 7_000.0]))
def test_the_values_within_a_time(came, stat, within) -> None:
    recent = one(RecentSpec(of="amount", stat=stat, within=within, by="card"))
    now, kept = 0.0, []
    step = within / BUCKETS
    for card, amount, gap in came:
        now += gap
        recent.event({"card": card, "amount": amount} if card else {"amount": amount}, now)
        kept += [(now, amount)] if card == "x" else []
    now += 30.0
    lately = [amount for time, amount in kept if time // step > now // step - BUCKETS]
    wanted = {
        "mean": math.fsum(lately) / max(1, len(lately)),
        "sum": math.fsum(lately),
        "count": len(lately),
    }[stat]
    assert read(recent, now, card="x") == (pytest.approx(wanted, rel=1e-12, abs=1e-12) if lately else 0.0)


@given(st.lists(st.floats(0.0, 200.0), max_size=40))
def test_a_value_leaves_a_window_of_time_within_its_last_sixtieth(gaps) -> None:
    recent = one(RecentSpec(of="events", stat="count", within=600.0))
    times, now = [], 1e9
    for gap in gaps:
        now += gap
        times.append(now)
        recent.event({}, now)
    at_least = sum(time > now - 590.0 for time in times)
    assert at_least <= read(recent, now) <= sum(time > now - 600.0 for time in times)


def test_features_are_read_before_the_event_counts_and_reading_changes_nothing() -> None:
    recent = one(RecentSpec(of="events", stat="count", within=HOUR))
    before = pickle.dumps(recent)
    assert read(recent, 0.0) == 0.0
    assert pickle.dumps(recent) == before
    recent.event({}, 0.0)
    counted = pickle.dumps(recent)
    assert (read(recent, 1.0), read(recent, 1e12), read(recent, -1e12)) == (1.0, 0.0, 1.0)
    assert pickle.dumps(recent) == counted


def test_labels_of_every_task_make_features() -> None:
    late = one(RecentSpec(of="label", last=4, by="origin", default=0.2))
    assert read(late, origin="JFK") == 0.2
    for y in (True, True, False, False, False):
        late.label({"origin": "JFK"}, y, 0.0)
    assert (read(late, origin="JFK"), read(late, origin="EWR")) == (0.25, 0.2)
    bought = one(RecentSpec(of="label", last=10, equals="buy"))
    for label in ("buy", "leave", "leave", "buy"):
        bought.label({}, label, 0.0)
    assert read(bought) == 0.5
    demand = one(RecentSpec(of="label", stat="sum", within=HOUR))
    for time in (0.0, 1_800.0, 5_400.0):
        demand.label({}, 2.5, time)
    assert read(demand, 5_400.0) == 2.5


def test_events_labels_and_fields_do_not_mix() -> None:
    recent = Recent(
        {
            "events": RecentSpec(of="events", stat="count", within=HOUR),
            "labels": RecentSpec(of="label", stat="count", last=9),
            "amounts": RecentSpec(of="amount", stat="count", last=9),
        }
    )
    recent.event({"amount": 3.0}, 0.0)
    recent.event({}, 0.0)
    recent.label({"amount": 3.0}, 1.0, 0.0)
    assert list(recent.features({}, 0.0).items()) == [("events", 2.0), ("labels", 1.0), ("amounts", 1.0)]


def test_the_latest_value_and_the_time_since_it_came() -> None:
    latest = one(RecentSpec(of="amount", stat="latest", by="card", default=-1.0))
    since = one(RecentSpec(of="events", stat="since", by="card", default=1e6))
    assert (read(latest, card="x"), read(since, card="x")) == (-1.0, 1e6)
    for recent in (latest, since):
        recent.event({"card": "x", "amount": 7.0}, 100.0)
        recent.event({"card": "y", "amount": 8.0}, 150.0)
    assert (read(latest, 160.0, card="x"), read(since, 160.0, card="x")) == (7.0, 60.0)
    assert read(since, 50.0, card="x") == 0.0


def test_a_key_of_several_fields_is_their_combination() -> None:
    recent = one(RecentSpec(of="events", stat="count", within=HOUR, by=["card", "shop"]))
    recent.event({"card": "x", "shop": "a"}, 0.0)
    recent.event({"card": "x"}, 0.0)
    assert (read(recent, card="x", shop="a"), read(recent, card="x", shop="b"), read(recent, card="x")) == (
        1,
        0,
        1,
    )


@pytest.mark.parametrize("value", ["text", math.nan, math.inf, -math.inf])
def test_what_is_no_number_does_not_count(value) -> None:
    recent = one(RecentSpec(of="amount", stat="count", last=9))
    recent.event({"amount": value}, 0.0)
    recent.label({}, 5.0, 0.0)
    assert read(recent) == 0.0


def test_a_share_of_a_text_field() -> None:
    recent = one(RecentSpec(of="kind", last=4, equals="online"))
    for kind in ("online", "shop", "shop", "online"):
        recent.event({"kind": kind}, 0.0)
    assert read(recent) == 0.5


def test_sums_do_not_drift_however_much_comes_and_goes() -> None:
    draw = random.Random(1)
    recent = Recent(
        {
            "last": RecentSpec(of="amount", stat="sum", last=3),
            "within": RecentSpec(of="amount", stat="sum", within=60.0),
        }
    )
    for second in range(20_000):
        recent.event({"amount": draw.choice([1e9, 1e-9, 0.1])}, float(second))
    for second in range(30_000, 30_003):
        recent.event({"amount": 0.1}, float(second))
    assert recent.features({}, 30_002.0) == {"last": pytest.approx(0.3), "within": pytest.approx(0.3)}
    assert recent.features({}, 30_002.0)["last"] == recent.features({}, 30_002.0)["within"]


def test_one_absurd_value_is_bounded_and_leaves_with_its_window() -> None:
    recent = one(RecentSpec(of="amount", last=2))
    recent.event({"amount": 1e308}, 0.0)
    assert read(recent) == 1e15
    recent.event({"amount": 1.0}, 0.0)
    recent.event({"amount": 2.0}, 0.0)
    assert read(recent) == 1.5


def test_an_event_from_the_far_future_does_not_stop_the_clock() -> None:
    recent = one(RecentSpec(of="events", stat="count", within=60.0))
    for time in (1_000.0, 1e11, 1_001.0, 1_002.0, 1_003.0):
        recent.event({}, time)
    assert read(recent, 1_003.0) == 2.0
    assert read(recent, 1_200.0) == 0.0


def test_one_event_from_long_ago_is_left_out() -> None:
    recent = one(RecentSpec(of="events", stat="count", within=60.0))
    for time in (1_000.0, 1.0, 1_001.0, 2.0, 1_002.0):
        recent.event({}, time)
    assert read(recent, 1_002.0) == 3.0


def test_an_event_a_little_late_counts_with_the_latest() -> None:
    recent = one(RecentSpec(of="events", stat="count", within=60.0))
    for time in (100.0, 70.0, 101.0):
        recent.event({}, time)
    assert (read(recent, 159.0), read(recent, 161.0)) == (3.0, 0.0)


@pytest.mark.parametrize(
    ("times", "count"),
    [
        ((100.0, 41.0), 2.0),
        ((100.0, 40.0), 1.0),
        ((100.0, 70.0, 12.0), 2.0),  # late is late of the newest, not of the one before
        (
            (1_000.0, 1e11, 1_001.0, 1_002.0, 5.0, 1_003.0),
            2.0,
        ),  # after a new start one old event is one again
    ],
)
def test_how_late_an_event_may_be(times, count) -> None:
    recent = one(RecentSpec(of="events", stat="count", within=60.0))
    for time in times:
        recent.event({}, time)
    assert read(recent, min(times[0], times[-1]) + 3.0) == count


@pytest.mark.parametrize(
    "spec",
    [
        RecentSpec(of="events", stat="count", within=60.0, by="card"),
        RecentSpec(of="amount", stat="latest", by="card"),
        RecentSpec(of="amount", last=3, by="card"),
    ],
)
def test_keys_without_end_do_not_make_state_grow(spec, monkeypatch) -> None:
    monkeypatch.setattr(module, "KEYS", 50)
    recent = one(spec)
    for i in range(500):
        recent.event({"card": "kept", "amount": 1.0}, float(i))
        recent.event({"card": i, "amount": 1.0}, float(i))
    assert read(recent, 500.0, card="kept") > 0.0
    assert [read(recent, 500.0, card=i) > 0.0 for i in (450, 451)] == [False, True]
    assert len(pickle.dumps(recent)) < 20_000


def test_long_windows_of_values_have_fewer_keys() -> None:
    recent = one(RecentSpec(of="amount", last=10_000, by="card"))
    assert recent.statistics["it"].room == 100


def test_a_window_of_time_holds_at_most_its_buckets() -> None:
    recent = one(RecentSpec(of="amount", within=HOUR))
    for second in range(10_000):
        recent.event({"amount": 1.0}, float(second))
    assert len(recent.statistics["it"].windows[None].buckets) == BUCKETS


def test_recent_goes_on_after_pickling_as_if_nothing_had_happened() -> None:
    draw, now = random.Random(3), 0.0
    recent = Recent(
        {
            "a": RecentSpec(of="amount", within=300.0, by=["card", "shop"]),
            "b": RecentSpec(of="label", last=5, by="card", default=0.5),
            "c": RecentSpec(of="events", stat="since", by="shop"),
            "d": RecentSpec(of="amount", stat="sum", last=7),
        }
    )
    for number in range(1_000):
        now += draw.expovariate(0.1)
        values = {"card": draw.choice("abcd"), "shop": draw.choice("uv"), "amount": draw.gauss(10, 3)}
        if number == 500:
            twin = pickle.loads(pickle.dumps(recent))
        y = draw.random() < 0.3
        for each in (recent, twin) if number >= 500 else (recent,):
            each.event(values, now)
            each.label(values, y, now)
        if number >= 500:
            assert twin.features(values, now) == recent.features(values, now)


@pytest.mark.parametrize(
    "spec",
    [
        {"of": "amount"},
        {"of": "amount", "last": 5, "within": 5.0},
        {"of": "amount", "last": 0},
        {"of": "amount", "last": 10_001},
        {"of": "amount", "within": 0.0},
        {"of": "amount", "within": math.inf},
        {"of": "amount", "last": 5, "default": math.nan},
        {"of": "amount", "last": 5, "stat": "median"},
        {"of": "amount", "last": 5, "stat": "latest"},
        {"of": "amount", "within": 5.0, "stat": "since"},
        {"of": "events", "within": 5.0, "stat": "mean"},
        {"of": "events", "last": 5, "stat": "count"},
        {"of": "events", "within": 5.0, "stat": "count", "equals": "x"},
        {"of": "amount", "last": 5, "per": "card"},
    ],
)
def test_a_statistic_that_makes_no_sense_is_refused(spec) -> None:
    with pytest.raises(ValidationError):
        RecentSpec(**spec)
