"""Baselines against plain counting."""

import math
import pickle
import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from learners import baselines
from learners.baselines import BaselineSpec
from learners.task import task_named

CLASSES = ("a", "b", "c")
keys = st.sampled_from(["JFK", "EWR", None])


def made(task, spec=None):
    return {baseline.name: baseline for baseline in task_named(task).baselines(spec or BaselineSpec())}


def context(key):
    return {} if key is None else {"origin": key}


def test_every_task_has_three_baselines_and_the_names_say_what_they_do() -> None:
    assert list(made("binary")) == ["base_rate", "last_class", "rolling_rate"]
    assert list(made("multiclass")) == ["base_rate", "last_class", "rolling_rate"]
    assert list(made("regression")) == ["mean", "last_value", "rolling_mean"]


@given(st.lists(st.tuples(keys, st.booleans()), max_size=40), st.integers(1, 5))
def test_binary_baselines_are_the_shares_they_say(labels, last) -> None:
    found = made("binary", BaselineSpec(by="origin", last=last))
    for key, y in labels:
        for baseline in found.values():
            baseline.learn(context(key), y)
    truths = [y for _, y in labels]
    rate = (sum(truths) + 1) / (len(truths) + 2)
    repeats = [before == after for before, after in pairwise(truths)]
    repeat = (sum(repeats) + 1) / (len(repeats) + 2)
    of_key = [y for key, y in labels if key == "JFK"][-last:]
    assert found["base_rate"].predict({}) == rate
    assert found["last_class"].predict({}) == (0.5 if not truths else repeat if truths[-1] else 1 - repeat)
    assert found["rolling_rate"].predict({"origin": "JFK"}) == (sum(of_key) + rate) / (len(of_key) + 1)


@given(st.lists(st.tuples(keys, st.sampled_from(CLASSES)), max_size=40), st.integers(1, 5))
def test_multiclass_baselines_are_the_shares_they_say(labels, last) -> None:
    found = made("multiclass", BaselineSpec(by="origin", last=last))
    for key, y in labels:
        for baseline in found.values():
            baseline.learn(context(key), y)
    counts = Counter(y for _, y in labels)
    shares = {name: count / len(labels) for name, count in counts.items()}
    of_key = Counter([y for key, y in labels if key == "JFK"][-last:])
    assert found["base_rate"].predict({}) == shares
    assert found["rolling_rate"].predict({"origin": "JFK"}) == {
        name: (of_key[name] + share) / (of_key.total() + 1) for name, share in shares.items()
    }
    last_class = found["last_class"].predict({})
    assert last_class.keys() == shares.keys()
    if labels:
        assert math.isclose(sum(last_class.values()), 1.0)


@given(st.lists(st.tuples(keys, st.floats(-1e6, 1e6)), max_size=40), st.integers(1, 5))
def test_regression_baselines_are_the_means_they_say(labels, last) -> None:
    found = made("regression", BaselineSpec(by="origin", last=last))
    for key, y in labels:
        for baseline in found.values():
            baseline.learn(context(key), y)
    every = [y for _, y in labels]
    of_key = [y for key, y in labels if key == "JFK"][-last:] or every
    assert found["mean"].predict({}) == pytest.approx(math.fsum(every) / max(1, len(every)))
    assert found["last_value"].predict({}) == (every[-1] if every else 0.0)
    assert found["rolling_mean"].predict({"origin": "JFK"}) == pytest.approx(
        math.fsum(of_key) / max(1, len(of_key))
    )


def test_the_last_class_is_as_sure_as_labels_repeat() -> None:
    found = made("multiclass")["last_class"]
    for y in ["a", "a", "a", "b", "a"]:
        found.learn({}, y)
    assert found.predict({}) == {"a": 0.5, "b": 0.5}
    found.learn({}, "a")
    assert found.predict({})["a"] == pytest.approx(4 / 7)


def test_a_rolling_mean_does_not_drift_from_its_labels() -> None:
    found, draw = made("regression", BaselineSpec(last=3))["rolling_mean"], random.Random(1)
    for _ in range(20_000):
        found.learn({}, draw.choice([1e9, 1e-9, -3.3]))
    for y in (1.0, 2.0, 3.0):
        found.learn({}, y)
    assert found.predict({}) == 2.0


@pytest.mark.parametrize(("task", "y"), [("binary", True), ("multiclass", "a"), ("regression", 2.5)])
def test_keys_without_end_do_not_make_a_baseline_grow_or_forget_the_busy_ones(task, y) -> None:
    rolling = list(made(task, BaselineSpec(by="origin", last=5)).values())[2]
    busy = []
    for i in range(baselines.KEYS + 500):
        rolling.learn({"origin": "JFK"}, y)
        rolling.learn({"origin": i}, y)
        busy.append(repr(rolling.keys["JFK"]))
    assert len(rolling.keys) == baselines.KEYS
    assert set(busy[4:]) == {busy[4]}
    assert 0 not in rolling.keys


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_baselines_go_on_after_pickling_as_if_nothing_had_happened(task) -> None:
    draw = random.Random(2)
    found = made(task, BaselineSpec(by="origin", last=4)).values()
    for number in range(200):
        key = {"origin": draw.choice("xyz")}
        y = {"binary": draw.random() < 0.3, "multiclass": draw.choice(CLASSES), "regression": draw.random()}[
            task
        ]
        if number == 100:
            twins = pickle.loads(pickle.dumps(list(found)))
        for baseline in found:
            baseline.learn(key, y)
        if number >= 100:
            for baseline, twin in zip(found, twins, strict=True):
                twin.learn(key, y)
                assert repr(twin.predict(key)) == repr(baseline.predict(key))


@pytest.mark.parametrize("spec", [{"last": 0}, {"last": 10_001}, {"window": 5}])
def test_a_baseline_that_makes_no_sense_is_refused(spec) -> None:
    with pytest.raises(ValidationError):
        BaselineSpec(**spec)
