"""The shard: what it predicts and learns, in what order, and what it makes of people's decisions."""

import json
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.decision import Decision
from fluvial.shard import Curve, Output, Published, Raised, Shard, StepFailed, batch_step
from tests.fluvial.shards import START, Feed, published, towns


def rain(feed: Feed, n: int, *, first: int = 0, flip: bool = False) -> None:
    """Events whose truth is the sign of x, each labelled three later."""
    for i in range(first, first + n):
        feed.event(f"r{i}", at=float(i), x=(-1.0) ** i * (1 + i % 3), town="AB"[i % 2])
        if i - 3 >= first:
            feed.label(f"r{i - 3}", ((i - 3) % 2 == 0) != flip)


def noisy(feed: Feed, n: int, *, first: int = 0, flip: bool = False) -> None:
    """Events whose truth is the sign of x in nine of ten cases, each labelled three later."""
    for i in range(first, first + n):
        draw = random.Random(i)
        x, odd = draw.gauss(0.0, 1.0), draw.random() < 0.1
        feed.event(f"r{i}", at=float(i), x=x, town="AB"[i % 2])
        feed.truths[f"r{i}"] = (x > 0) != (flip != odd)
        if f"r{i - 3}" in feed.truths:
            feed.label(f"r{i - 3}", feed.truths[f"r{i - 3}"])


def decide(feed: Feed, action: str) -> list[Output]:
    return feed.shard.decide(Decision(1, action, "r1"))


# ---- what comes out


def test_an_event_is_predicted_at_once_and_learned_when_its_label_comes() -> None:
    feed = Feed(towns())
    [said] = published(feed.event("a"))
    assert (said["id"], said["probability"], said["source"]) == ("a", 0.5, "towns.events:0:0")
    assert feed.counts() == {"waiting": 1}
    feed.label("a", True, 1)
    assert feed.counts() == {"learned": 1, "used": 1}


def test_a_model_that_learns_gets_better() -> None:
    feed = Feed(towns())
    rain(feed, 400)
    scores = feed.status.recent_scores
    assert scores["model"]["logloss"] < 0.4
    assert scores["base_rate"]["logloss"] > 0.6


def test_a_record_that_cannot_be_read_is_quarantined_with_its_place() -> None:
    feed = Feed(towns())
    [found] = published(feed.put("labels", b"{"), "quarantine")
    assert found["stream"] == "labels"
    assert (found["reason"], found["topic"], found["offset"]) == ("not_json", "towns.labels", 0)
    assert feed.status.quarantined == {("labels", "not_json"): 1}


@pytest.mark.parametrize("pii", [False, True])
def test_a_quarantined_record_is_keyed_as_it_came_unless_a_field_is_private(pii: bool) -> None:
    fields = {"id": {"type": "text"}, "town": {"type": "category"}, "x": {"type": "number", "pii": pii}}
    model = "Select('x') | linear_model.LogisticRegression()"
    shard = Shard(towns(fields=fields, model=model), 0)
    [found] = shard.step(Record("towns.events", 3, 0, START, b"ada@example.org", b"{}"))
    assert isinstance(found, Published)
    assert (found.key, found.partition) == (None if pii else b"ada@example.org", 3)


def test_a_tombstone_is_ignored_and_counted() -> None:
    feed = Feed(towns())
    assert feed.put("events", None) == feed.put("labels", None) == []
    assert feed.counts() == {"ignored": 2}


def test_an_event_that_comes_again_is_predicted_once() -> None:
    feed = Feed(towns())
    feed.event("a")
    assert feed.event("a", 1, x=5.0) == []
    feed.label("a", True, 2)
    assert feed.event("a", 3) == []
    assert feed.counts() == {"learned": 1, "used": 1, "duplicates": 2}


def test_every_thousandth_outcome_makes_a_point_of_the_curve() -> None:
    feed = Feed(towns())
    rain(feed, 2010)
    points = [output.point for output in feed.outputs if isinstance(output, Curve)]
    assert [point.sequence for point in points] == [1, 2]
    assert (
        set(points[0].loss) == set(points[0].recent) == {"model", "base_rate", "last_class", "rolling_rate"}
    )


# ---- labels in every order


def test_a_label_that_comes_first_waits_for_its_event() -> None:
    feed = Feed(towns())
    feed.label("a", True)
    assert feed.counts() == {"early": 1}
    feed.event("a", 1)
    assert feed.counts() == {"learned": 1, "used": 1}


def test_a_label_that_comes_again_is_a_duplicate_or_a_correction_and_changes_nothing() -> None:
    feed = Feed(towns())
    for name, again in (("a", True), ("b", False)):
        feed.event(name)
        feed.label(name, True, 1)
        feed.label(name, again, 2)
    assert feed.counts() == {"learned": 2, "used": 2, "duplicate": 1, "corrected": 1}


def test_an_early_label_may_be_corrected_before_its_event_comes() -> None:
    feed = Feed(towns())
    feed.label("a", True)
    feed.label("a", False, 1)
    feed.event("a", 2)
    assert feed.counts() == {"learned": 1, "used": 1, "corrected": 1}
    feed.label("a", False, 3)
    assert feed.counts()["duplicate"] == 1


def test_without_a_label_an_event_expires_at_its_horizon_and_a_later_label_is_late() -> None:
    feed = Feed(towns())
    feed.event("a", 0)
    for at in (5, 50, 95, 99.999):
        feed.put("events", None, at)
    assert feed.counts() == {"waiting": 1, "ignored": 4}
    feed.put("events", None, 100)
    assert feed.counts() == {"expired": 1, "ignored": 5}
    feed.label("a", True)
    feed.label("a", True)
    assert feed.counts() == {"expired": 1, "late": 2, "ignored": 5}


def test_with_a_default_the_horizon_teaches_it_and_a_later_label_is_late() -> None:
    feed = Feed(towns(label={"type": "boolean", "horizon": "10s", "default": False}))
    for at in range(20):
        feed.event(f"e{at}", at)
    assert feed.counts() == {"learned": 10, "defaulted": 10, "waiting": 10}
    feed.label("e0", True)
    assert feed.counts() == {"learned": 10, "defaulted": 10, "waiting": 10, "late": 1}


def test_an_event_that_is_pushed_out_is_not_taught_a_default_before_its_time() -> None:
    label = {"type": "boolean", "horizon": "100s", "default": False}
    feed = Feed(towns(label=label, ledger={"waiting": 3}))
    for at in range(8):
        feed.event(f"e{at}", at)
    assert feed.counts() == {"expired": 5, "waiting": 3}


def test_an_early_label_whose_event_never_comes_is_unmatched() -> None:
    feed = Feed(towns())
    for at in range(0, 120, 5):
        feed.label(f"n{at}", True, at)
    assert feed.counts() == {"unmatched": 4, "early": 20}


def test_a_label_that_sits_in_its_event_is_counted_as_the_label_it_is() -> None:
    feed = Feed(towns(label={"type": "boolean", "horizon": "10s", "field": "rain"}))
    feed.event("a", rain=True)
    feed.event("a", rain=False)
    feed.event("b")
    assert (feed.counts(), feed.status.labels) == (
        {"learned": 1, "used": 1, "duplicates": 1, "quarantined": 1},
        1,
    )


# ---- stream time


def test_one_record_with_a_wrong_date_ends_nobodys_wait() -> None:
    feed = Feed(towns())
    feed.event("a", 0)
    feed.event("b", 1)
    feed.event("from 2100", 2.4e9)
    feed.event("c", 2)
    assert feed.counts() == {"waiting": 4}
    assert feed.status.watermark == START / 1000 + 2
    for name in ("a", "b", "from 2100", "c"):
        feed.label(name, True, 3)
    assert feed.counts() == {"learned": 4, "used": 4}


def test_a_record_with_a_wrong_date_waits_no_longer_than_its_neighbours() -> None:
    feed = Feed(towns())
    for at in (0, 1, 2.4e9, 2, *range(10, 110, 5)):
        feed.event(f"e{at}", at)
    assert feed.counts()["expired"] == 4


def test_a_wrong_date_on_the_very_first_record_does_not_stop_time() -> None:
    feed = Feed(towns())
    for at in (2.4e9, 0, *range(1, 120)):
        feed.event(f"e{at}", at)
    assert feed.counts() == {"expired": 21, "waiting": 100}


def test_after_a_gap_in_the_stream_what_waited_expires_and_what_comes_does_not() -> None:
    feed = Feed(towns())
    feed.event("a", 0)
    feed.event("b", 1)
    feed.event("c", 1000)
    feed.event("d", 1001)
    assert feed.counts() == {"expired": 2, "waiting": 2}
    feed.label("c", True, 1050)
    assert feed.counts() == {"expired": 2, "waiting": 1, "learned": 1, "used": 1}


def test_a_stream_whose_gaps_are_longer_than_its_horizon_keeps_its_time() -> None:
    feed = Feed(towns())
    for at in range(0, 5000, 500):
        feed.event(f"e{at}", at)
    assert feed.counts() == {"expired": 8, "waiting": 2}
    feed.label("e4500", True, 4501)
    assert feed.counts() == {"expired": 9, "learned": 1, "used": 1}


# ---- decisions


def test_while_learning_is_paused_the_model_stands_still_and_events_are_predict_only() -> None:
    feed = Feed(towns(model='Select("x", "y") | naive_bayes.GaussianNB()'))
    rain(feed, 60)
    decide(feed, "pause")
    feed.event("before", 60, x=2.0)
    learned = feed.counts()["learned"]
    rain(feed, 60, first=61, flip=True)
    feed.event("after", 130, x=2.0)
    said = {p["id"]: p["probability"] for p in feed.predictions()}
    assert said["before"] == said["after"]
    assert feed.counts()["learned"] == learned
    assert feed.counts()["predict_only"] == 57
    assert feed.status.paused


def test_recent_statistics_go_on_while_learning_is_paused() -> None:
    feed = Feed(towns(model='Select("wet") | linear_model.LogisticRegression()'))
    rain(feed, 60)
    decide(feed, "pause")
    rain(feed, 60, first=61, flip=True)
    feed.event("a", 130, town="A")
    feed.event("b", 130, town="B")
    said = {p["id"]: p["probability"] for p in feed.predictions()}
    assert said["a"] != said["b"]


def test_after_resume_the_model_learns_again() -> None:
    feed = Feed(towns())
    decide(feed, "pause")
    rain(feed, 10)
    decide(feed, "resume")
    rain(feed, 10, first=20)
    assert feed.counts()["learned"] == feed.counts()["predict_only"] == 7
    assert not feed.status.paused


def test_reset_starts_a_new_model_and_keeps_what_waits() -> None:
    feed = Feed(towns())
    rain(feed, 60)
    waiting = feed.status.waiting
    decide(feed, "reset")
    assert (feed.status.waiting, feed.status.model_version) == (waiting, 2)
    [said] = published(feed.event("new", 61))
    assert said["probability"] == 0.5
    assert said["model"].endswith(".2")


def test_reset_rearms_the_monitors() -> None:
    feed = Feed(towns())
    rain(feed, 120)
    assert feed.status.monitors["loss"][0] == "quiet"
    decide(feed, "reset")
    assert feed.status.monitors["loss"][0] == "warming"


def test_to_keep_learning_changes_nothing() -> None:
    feed, twin = Feed(towns()), Feed(towns())
    for one in (feed, twin):
        rain(one, 30)
    assert decide(feed, "keep_learning") == []
    for one in (feed, twin):
        rain(one, 30, first=31)
    assert feed.status == twin.status


def test_a_decision_that_no_shard_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="no shard knows the action 'dance'"):
        decide(Feed(towns()), "dance")


# ---- drift


def test_a_world_that_turns_round_raises_one_alarm_with_an_id_that_stays_the_same() -> None:
    raised = []
    for _ in range(2):
        feed = Feed(towns(monitor={"warmup": 200, "smallest_change": 0.1, "seasons": []}))
        noisy(feed, 3000)
        noisy(feed, 300, first=3000, flip=True)
        raised.append([output for output in feed.outputs if isinstance(output, Raised)])
    assert raised[0] == raised[1]
    [one] = [one for one in raised[0] if one.alarm.monitor == "loss" and one.alarm.severity == "page"]
    assert (one.alarm.direction, one.alarm.cause) == ("worse", "world")
    assert len(one.id) == 12
    assert feed.status.drifts["loss", "worse"] == 1


# ---- whatever comes

anything = st.binary() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "x", "y", "town", "label", "time"]) | st.text(), inner)
    ),
).map(lambda value: json.dumps(value).encode())
times = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-1, 0, START, START + 1, START + 10**9])
REGRESSION = towns(
    task="regression", label={"type": "number", "horizon": "1s"}, model="linear_model.LinearRegression()"
)
PIPELINES = [
    towns(slices=["town"], success={"metric": "f1", "at_least": 0.5, "window": 5}),
    REGRESSION,
    towns(
        task="multiclass",
        label={"type": "category", "horizon": "1s", "default": "a"},
        model='Select("x") | naive_bayes.GaussianNB()',
        recent={"rate": {"of": "label", "equals": "a", "last": 3}},
    ),
]


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda pipeline: pipeline.task)
@given(st.lists(st.tuples(st.sampled_from(["events", "labels"]), st.none() | anything, times), max_size=20))
@example(
    [("events", b'{"id": "a", "x": 1e12, "y": -1e12}', 0), ("labels", b'{"id": "a", "label": 1e12}', 1)] * 3
)
@example(
    [
        ("labels", b'{"id": "a", "label": true, "time": "9999-12-31"}', 0),
        ("events", b'{"id": "a", "x": 0}', 0),
    ]
)
def test_whatever_the_records_hold_no_step_raises(
    pipeline: Pipeline, records: list[tuple[str, bytes | None, int]]
) -> None:
    feed = Feed(pipeline)
    for stream, value, time in records:
        feed.put(stream, value, (time - START) / 1000)
    assert json.loads(json.dumps(feed.status.as_json(), allow_nan=False))["digest"] == feed.status.digest


def test_a_model_that_fails_stops_its_batch_with_the_place_of_the_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = Feed(towns())
    feed.event("a")
    shard = Shard(towns(), 0)

    def fail(*_: object) -> float:
        raise TypeError("no number")

    monkeypatch.setattr(shard.state.learner.task, "predict", fail)
    with pytest.raises(StepFailed, match=r"batch 1, at towns\.events:0:0: TypeError: no number"):
        batch_step(shard, 1, [], feed.records)
    assert shard.state.batch == 0
