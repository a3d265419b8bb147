"""The learner: test, then train, on what was known when the event came."""

import copy
from typing import Any

import pytest

from consumers.event import Event, Label, Truth, Value
from learners.baselines import BaselineSpec
from learners.learner import Learner
from learners.ledger import Ledger
from learners.recent import Recent, RecentSpec
from learners.scoreboard import Scoreboard
from learners.task import task_named

TOWN = RecentSpec(of="label", by="town", last=10, default=0.5)


class Diary:
    """A model that writes down what it is asked and taught, and says how often it was taught."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Value], Truth | None]] = []

    def predict_proba_one(self, x: dict[str, Value]) -> dict[bool, float]:
        self.lines.append(("asked", copy.deepcopy(x), None))
        taught = sum(line[0] == "taught" for line in self.lines)
        return {True: 1.0 - 0.5**taught, False: 0.5**taught}

    def learn_one(self, x: dict[str, Value], y: Truth) -> None:
        self.lines.append(("taught", copy.deepcopy(x), y))


def learner(default: Truth | None = None, make: Any = Diary) -> Learner:
    task = task_named("binary")
    board = Scoreboard(task, BaselineSpec(), ("town",), None)
    book = Ledger(10.0, waiting=100, early=100, settled=100)
    return Learner(make, task, book, Recent({"rate": TOWN}), board, default=default)


def event(name: str, time: float = 0.0, **features: Value) -> Event:
    return Event(name, time, {"x": 1.0} | features, {"town": "A"})


def test_what_is_learned_is_what_was_known_when_the_event_came() -> None:
    one = learner()
    one.event(event("a"), 0.0)
    one.event(event("b", 1.0), 1.0)
    one.label(Label("b", True, 2.0), 2.0)
    one.event(event("c", 3.0), 3.0)
    one.label(Label("a", True, 4.0), 4.0)
    one.label(Label("c", False, 5.0), 5.0)
    asked = [x["rate"] for what, x, _ in one.model.lines if what == "asked"]
    taught = [(x["rate"], y) for what, x, y in one.model.lines if what == "taught"]
    assert asked == [0.5, 0.5, 1.0]
    assert taught == [(0.5, True), (0.5, True), (1.0, False)]


def test_features_come_first_and_recent_statistics_after_them_and_context_stays_out() -> None:
    one = learner()
    one.event(event("a", y=2), 0.0)
    assert list(one.model.lines[0][1]) == ["x", "y", "rate"]


def test_an_outcome_judges_the_forecast_that_was_made_and_not_a_later_one() -> None:
    one = learner()
    one.event(event("a"), 0.0)
    one.event(event("b"), 0.0)
    one.label(Label("b", True, 1.0), 1.0)
    outcome = one.label(Label("a", True, 7.0), 1.0)
    assert outcome is not None
    assert (outcome.id, outcome.time, outcome.bounded, outcome.learned) == ("a", 7.0, 1.0, True)
    assert sum(line[0] == "asked" for line in one.model.lines) == 2


def test_a_known_event_is_neither_predicted_nor_counted_again() -> None:
    one = learner()
    one.event(event("a"), 0.0)
    assert one.event(event("a", x=5.0), 1.0) is None
    assert (one.predictions, len(one.model.lines)) == (1, 1)


def test_the_label_an_event_carries_is_at_hand_and_so_is_one_that_came_early() -> None:
    one = learner()
    carried = event("a", 3.0)._replace(label=True, source="clinic")
    assert one.truth_at_hand(carried) == Label("a", True, 3.0, "clinic")
    one.label(Label("b", False, 1.0), 1.0)
    assert one.truth_at_hand(event("b")) == Label("b", False, 1.0)
    assert one.truth_at_hand(event("b")) is None


def test_a_default_is_learned_at_the_horizon_and_is_no_label() -> None:
    one = learner(default=False)
    one.event(event("a"), 0.0)
    assert list(one.expire(9.9)) == []
    [outcome] = one.expire(50.0)
    assert (outcome.time, outcome.truth) == (10.0, False)
    assert (one.learned, one.defaulted, one.ledger.counts["used"]) == (1, 1, 0)
    assert one.board.delays.n == 0
    assert one.label(Label("a", True, 51.0), 51.0) is None
    assert one.ledger.counts["late"] == 1


def test_without_a_default_nothing_is_learned_at_the_horizon() -> None:
    one = learner()
    one.event(event("a"), 0.0)
    assert list(one.expire(10.0)) == []
    assert (one.learned, one.board.outcomes, one.ledger.counts["expired"]) == (0, 0, 1)


@pytest.mark.parametrize("default", [None, False])
def test_while_paused_outcomes_are_scored_and_not_learned(default: Truth | None) -> None:
    one = learner(default)
    one.paused = True
    one.event(event("a"), 0.0)
    one.event(event("b"), 0.0)
    outcome = one.label(Label("a", True, 1.0), 1.0)
    list(one.expire(10.0))
    assert outcome is not None
    assert not outcome.learned
    assert not [line for line in one.model.lines if line[0] == "taught"]
    assert (one.learned, one.predict_only) == (0, 2 if default is False else 1)
    assert one.board.outcomes == one.predict_only


def test_reset_makes_a_new_model_that_learns_from_what_was_predicted_before() -> None:
    one = learner()
    one.event(event("a"), 0.0)
    one.exchange(None)
    one.label(Label("a", True, 1.0), 1.0)
    assert (one.version, [line[0] for line in one.model.lines]) == (2, ["taught"])


class Broken(Diary):
    """A model that fails on everything."""

    def predict_proba_one(self, x: dict[str, Value]) -> dict[bool, float]:
        raise ZeroDivisionError

    def learn_one(self, x: dict[str, Value], y: Truth) -> None:
        raise KeyError("x")


def test_a_model_that_fails_is_counted_and_the_stream_goes_on() -> None:
    one = learner(make=Broken)
    prediction = one.event(event("a"), 0.0)
    outcome = one.label(Label("a", True, 1.0), 1.0)
    assert prediction is not None
    assert outcome is not None
    assert (prediction.forecast, outcome.bounded, one.task.faults) == (0.5, 0.5, 2)
