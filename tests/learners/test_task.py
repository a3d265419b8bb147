"""Tasks: forecasts stay valid whatever a model does, and losses, costs and decisions agree."""

import json
import math
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from learners.baselines import BaselineSpec
from learners.expression import build
from learners.task import CostSpec, task_named

TASKS = ("binary", "multiclass", "regression")
ODD = [math.nan, math.inf, -math.inf, -0.5]


class Says:
    """A model that says what it is told to, or raises it."""

    def __init__(self, said: object):
        self.said = said

    def predict_one(self, x: object) -> object:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    predict_proba_one = predict_one

    def learn_one(self, x: object, y: object) -> None:
        self.predict_one(x)


@pytest.mark.parametrize("name", TASKS)
def test_an_untrained_model_gives_a_forecast_that_can_be_judged_and_shown(name) -> None:
    expression = {
        "binary": "tree.HoeffdingTreeClassifier()",
        "multiclass": "tree.HoeffdingTreeClassifier()",
        "regression": "tree.HoeffdingTreeRegressor()",
    }[name]
    task, y = task_named(name), {"binary": True, "multiclass": "a", "regression": 3.0}[name]
    forecast = task.predict(build(expression), {"hour": 5})
    assert forecast == {"binary": 0.5, "multiclass": {}, "regression": 0.0}[name]
    assert math.isfinite(task.loss(forecast, y))
    assert 0.0 <= task.bounded_loss(forecast, y) <= 1.0
    assert task.cost(forecast, y) > 0.0
    assert task.pack(forecast) == task.pack(forecast)
    json.dumps(task.show(forecast))
    task.score().add(forecast, y)
    for baseline in task.baselines(BaselineSpec()):
        assert math.isfinite(task.loss(baseline.predict({}), y))


@pytest.mark.parametrize("odd", ODD)
def test_what_no_probability_can_be_is_a_fault_of_the_model(odd) -> None:
    binary, multiclass = task_named("binary"), task_named("multiclass")
    assert binary.predict(Says({True: odd, False: 2.0}), {}) == 0.5
    assert multiclass.predict(Says({"a": odd, "b": 2.0}), {}) == {}
    assert (binary.faults, multiclass.faults) == (1, 1)


@pytest.mark.parametrize(
    ("said", "forecast"),
    [(math.nan, 0.0), (math.inf, 0.0), (-math.inf, 0.0), (1e300, 1e15), (-1e300, -1e15), (None, 0.0)],
)
def test_a_value_is_finite_and_within_bounds(said, forecast) -> None:
    assert task_named("regression").predict(Says(said), {}) == forecast


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("problem", [OverflowError(), ZeroDivisionError(), ValueError(), KeyError("text")])
def test_a_model_that_fails_is_counted_and_not_felt(name, problem) -> None:
    task, y = task_named(name), {"binary": True, "multiclass": "a", "regression": 3.0}[name]
    assert task.predict(Says(problem), {}) == {"binary": 0.5, "multiclass": {}, "regression": 0.0}[name]
    task.learn(Says(problem), {}, y)
    assert task.faults == 2


@pytest.mark.parametrize("name", TASKS)
def test_a_field_of_the_wrong_type_is_not_hidden(name) -> None:
    with pytest.raises(TypeError):
        task_named(name).predict(Says(TypeError()), {})


def test_forecasts_of_a_diverging_regression_stay_finite() -> None:
    task, model = task_named("regression"), build("linear_model.LinearRegression(optimizer=optim.SGD(10.0))")
    for i in range(500):
        x = {"a": float(i), "b": 1e6}
        assert math.isfinite(task.predict(model, x))
        task.learn(model, x, 5.0)
    assert task.faults > 0


def test_a_diverging_classifier_says_one_half_and_is_counted() -> None:
    task, model = (
        task_named("binary"),
        build("linear_model.LogisticRegression(optimizer=optim.SGD(1e300), l2=1.0)"),
    )
    forecasts = []
    for i in range(50):
        forecasts.append(task.predict(model, {"a": float(i)}))
        task.learn(model, {"a": float(i)}, i % 3 == 0)
    assert all(0.0 <= forecast <= 1.0 for forecast in forecasts)


@pytest.mark.parametrize("label", ["false", "true", 1, 0, None, 1.0])
def test_a_binary_model_never_learns_a_label_that_is_no_bool(label) -> None:
    with pytest.raises(TypeError, match="true or false"):
        task_named("binary").learn(build("linear_model.LogisticRegression()"), {"a": 1.0}, label)


def test_probabilities_are_brought_to_a_sum_of_one_sorted_by_class() -> None:
    assert task_named("binary").predict(Says({True: 3.0, False: 1.0}), {}) == 0.75
    forecast = task_named("multiclass").predict(Says({"b": 3.0, "a": 1.0}), {})
    assert list(forecast.items()) == [("a", 0.25), ("b", 0.75)]


def test_a_class_the_model_was_silent_about_has_no_probability() -> None:
    assert task_named("binary").predict(Says({False: 0.4}), {}) == 0.0
    assert task_named("binary").predict(Says({True: 0.4}), {}) == 1.0


def test_losses_are_those_of_their_definitions() -> None:
    binary, multiclass, regression = map(task_named, TASKS)
    assert binary.loss(0.2, True) == pytest.approx(-math.log(0.2))
    assert binary.loss(0.2, False) == pytest.approx(-math.log(0.8))
    assert binary.loss(0.0, True) == pytest.approx(-math.log(1e-15))
    assert (binary.bounded_loss(0.2, True), binary.bounded_loss(0.2, False)) == (0.8, 0.2)
    assert multiclass.loss({"a": 0.2, "b": 0.8}, "a") == pytest.approx(-math.log(0.2))
    assert multiclass.loss({"a": 1.0}, "b") == pytest.approx(-math.log(1e-15))
    assert multiclass.bounded_loss({"a": 0.25, "b": 0.75}, "a") == 0.75
    assert regression.loss(2.0, 5.0) == 3.0


def test_the_bounded_loss_of_a_typical_deviation_is_one_half() -> None:
    task = task_named("regression")
    assert task.bounded_loss(1.0, 0.0) == 0.5  # no label yet: the scale is 1
    for _ in range(2_000):
        for y in (-10.0, 10.0):
            task.learn(Says(None), {}, y)
    assert task.bounded_loss(30.0, 20.0) == pytest.approx(0.5, abs=0.01)
    assert task.bounded_loss(20.0, 20.0) == 0.0
    assert task.bounded_loss(1e15, -1e15) == pytest.approx(1.0)


@given(
    st.floats(0.0, 1.0),
    st.floats(0.0, 100.0),
    st.floats(0.01, 100.0),
)
def test_the_binary_decision_has_the_least_expected_cost(p, false_positive, false_negative) -> None:
    task = task_named("binary", CostSpec(false_positive=false_positive, false_negative=false_negative))
    expected = {True: (1 - p) * false_positive, False: p * false_negative}
    assert expected[task.decide(p)] <= min(expected.values()) * (1 + 1e-9) + 1e-12


@given(st.floats(0.0, 1.0), st.booleans())
def test_what_a_forecast_cost_is_what_its_decision_cost(p, y) -> None:
    task = task_named("binary", CostSpec(unit="EUR", false_positive=2.0, false_negative=7.0))
    wrong = task.decide(p) != y
    assert task.cost(p, y) == wrong * (7.0 if y else 2.0)
    assert task.show(p) == {"prediction": task.decide(p), "probability": p}
    score = task.score()
    score.add(p, y)
    assert score.values()["cost"] == task.cost(p, y)


def test_multiclass_decides_for_the_first_by_name_among_equals() -> None:
    task = task_named("multiclass", CostSpec(error=3.0))
    assert task.decide({"b": 0.4, "a": 0.4, "c": 0.2}) == "a"
    assert (task.cost({"b": 0.4, "a": 0.4}, "a"), task.cost({"b": 0.4, "a": 0.4}, "b")) == (0.0, 3.0)
    assert task.show({"b": 0.4, "a": 0.6}) == {"prediction": "a", "probabilities": {"a": 0.6, "b": 0.4}}
    assert task.decide({}) == ""


def test_forecasts_pack_to_ieee_bytes_whatever_the_order_of_classes() -> None:
    assert task_named("binary").pack(0.25) == struct.pack(">d", 0.25)
    assert task_named("regression").pack(-3.5) == struct.pack(">d", -3.5)
    pack = task_named("multiclass").pack
    assert pack({"b": 0.25, "a": 0.75}) == pack({"a": 0.75, "b": 0.25}) != pack({"a": 0.25, "b": 0.75})


@pytest.mark.parametrize("name", TASKS)
def test_a_task_goes_on_after_pickling_and_says_its_unit(name) -> None:
    task = task_named(name, CostSpec(unit="minutes"))
    task.learn(Says({}), {}, {"binary": True, "multiclass": "a", "regression": 3.0}[name])
    twin = pickle.loads(pickle.dumps(task))
    assert vars(twin) == vars(task)
    assert twin.unit == "minutes"
    assert twin.name == name


@pytest.mark.parametrize(
    "spec",
    [
        {"false_positive": 0.0, "false_negative": 0.0},
        {"false_positive": -1.0},
        {"error": math.inf},
        {"false_negativ": 1.0},
    ],
)
def test_costs_that_make_no_sense_are_refused(spec) -> None:
    with pytest.raises(ValidationError):
        CostSpec(**spec)


def test_an_unknown_task_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(ValueError, match="there are binary, multiclass, regression"):
        task_named("forecast")
