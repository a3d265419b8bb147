"""Expressions: what they build, what they refuse; a model depends on its text and seed alone."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import base

from learners.catalogue import CLASSES, LEFT_OUT
from learners.expression import ExpressionError, allowed_names, build
from learners.task import task_named
from tests.learners.models import ALL, LOGISTIC, TREE, stream

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_every_allowed_class_predicts_the_same_under_any_hash_seed_and_after_a_snapshot() -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.learners.models"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in "01"
    ]
    one, other = [json.loads(run.communicate()[0]) for run in runs]
    assert {name: result for name, result in one.items() if len(result[0]) != 64} == {}
    assert {name for name in one if one[name] != other[name]} == set()
    assert {name: faults for name, (_, faults) in one.items() if faults > 3} == {}
    assert sorted(one) == list(allowed_names())


def test_a_model_is_built_from_parts() -> None:
    model = build(f"{ALL} | linear_model.LogisticRegression(optimizer=optim.SGD(0.01), l2=1e-3)")
    assert list(model.steps) == ["Union", "LogisticRegression"]
    assert model["LogisticRegression"].l2 == 0.001
    assert model["LogisticRegression"].optimizer.learning_rate == 0.01


def test_an_expression_may_run_over_lines_and_carry_comments() -> None:
    model = build(
        "Select('a')  # distance\n| preprocessing.StandardScaler()\n| linear_model.LinearRegression()\n"
    )
    assert list(model.steps) == ["Select", "StandardScaler", "LinearRegression"]


def test_brackets_do_not_nest_pipelines_or_unions() -> None:
    model = build(
        "(Select('a') + (Select('b') + Select('c'))) | (Numbers() | linear_model.LinearRegression())"
    )
    assert list(model.steps) == ["Union", "Numbers", "LinearRegression"]
    assert list(model["Union"].transformers) == ["Select", "Select1", "Select2"]


def test_negative_numbers_texts_lists_tuples_and_dicts_are_values() -> None:
    model = build(
        'compose.Renamer({"a": "b"})'
        ' | feature_extraction.BagOfWords(on="t", ngram_range=(1, 2), stop_words=["x"])'
        " | preprocessing.PredClipper(linear_model.LinearRegression(), y_min=-5, y_max=-1.5)"
    )
    clipper = model["PredClipper"]
    assert (clipper.y_min, clipper.y_max) == (-5, -1.5)
    assert model["BagOfWords"].ngram_range == (1, 2)
    assert model["Renamer"].mapping == {"a": "b"}


def test_every_place_has_its_own_seed() -> None:
    models = f"forest.ARFClassifier(), ensemble.BaggingClassifier({TREE})"
    seeds = [model.seed for model in build(f"ensemble.StackingClassifier([{models}], {LOGISTIC})", seed=40)]
    assert seeds == [40, 41]


def test_a_seed_in_the_text_stands_and_moves_no_other() -> None:
    forest = "forest.ARFClassifier"
    text = f"ensemble.StackingClassifier([{forest}(seed={{}}), {forest}()], {forest}())"
    for given_seed in ("7", "None"):
        stack = build(text.format(given_seed), seed=40)
        assert [stack[1].seed, stack.meta_classifier.seed] == [41, 42]
    assert build(text.format(7))[0].seed == 7


def test_the_seed_decides_what_a_random_model_learns() -> None:
    def forecasts(seed: int) -> list[object]:
        model, task = (
            build("Numbers() | forest.AMFClassifier(n_estimators=2)", seed=seed),
            task_named("binary"),
        )
        said = []
        for x, y in stream("binary")[:100]:
            said.append(task.predict(model, x))
            task.learn(model, x, y)
        return said

    assert forecasts(1) == forecasts(1) != forecasts(2)


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("linear_model.LogisticRegresion()", 1, "did you mean linear_model.LogisticRegression?"),
        ("Select('a') | LogisticRegression()", 15, "did you mean linear_model.LogisticRegression?"),
        ("Selekt('a') | linear_model.LinearRegression()", 1, "did you mean Select?"),
        (
            "compose.Select('a') | linear_model.LinearRegression()",
            1,
            "its order follows the hash seed; use Select",
        ),
        ("linear_model.LinearRegression", 1, "needs brackets: linear_model.LinearRegression()"),
        ("linear_model.LinearRegression(l3=1)", 1, "unexpected keyword argument 'l3'; it takes optimizer"),
        ("linear_model.LinearRegression(l2=1, l2=2)", 1, "each argument once"),
        ("linear_model.LinearRegression(**{'l2': 1})", 1, "without stars"),
        ("Select(*['a']) | linear_model.LinearRegression()", 1, "without stars"),
        ("linear_model.LinearRegression(l1=0.1, l2=0.1)", 1, "cannot be made with these arguments"),
        ("linear_model.LinearRegression(optimizer=3)", 41, "optimizer must be a kind of Optimizer"),
        ("ensemble.BaggingClassifier(3)", 28, "model must be a kind of Classifier or Regressor"),
        ("forest.ARFClassifier(n_models=101)", 31, "n_models is at most 100"),
        ("forest.ARFClassifier(n_models=0)", 31, "n_models is more than 0"),
        ("forest.ARFClassifier(n_models=-1)", 31, "n_models is more than 0"),
        ("forest.ARFClassifier(n_models=1000000000)", 31, "n_models is at most 100"),
        ("forest.ARFClassifier(grace_period=1000001)", 35, "at most 1,000,000"),
        ("forest.ARFClassifier(n_models=10**9)", 31, "only | and + connect"),
        ("linear_model.LinearRegression(l2=1e999)", 34, "finite"),
        ("linear_model.LinearRegression(l2=1j)", 34, "finite"),
        ("linear_model.LinearRegression(l2=b'x')", 34, "finite"),
        ("linear_model.LinearRegression(l2=-True)", 34, "are values here"),
        (
            "preprocessing.MinMaxScaler(window_size=9) | linear_model.LinearRegression()",
            1,
            "may not set window_size",
        ),
        ("Select('a') * Select('b') | linear_model.LinearRegression()", 1, "Interact crosses"),
        ("linear_model.LinearRegression() | Select('a')", 1, "only transformers stand before a |"),
        ("Select('a') | 3", 1, "after a | stands"),
        ("Select('a') + 3 | linear_model.LinearRegression()", 1, "only transformers stand beside a +"),
        ("().__class__", 1, "Attribute has no place"),
        ("Select('a').names", 1, "Attribute has no place"),
        ("().__class__.__base__.__subclasses__()", 1, "only classes of the catalogue can be called"),
        ("__import__('os').system('true')", 1, "only classes of the catalogue can be called"),
        ("open('/etc/passwd')", 1, "open is not allowed"),
        ("Select('a')[0]", 1, "Subscript has no place"),
        ("lambda: 1", 1, "Lambda has no place"),
        ("[x for x in y]", 1, "ListComp has no place"),
        ("f'{1}'", 1, "JoinedStr has no place"),
        ("(x := 1)", 2, "NamedExpr has no place"),
        ("1 if True else 2", 1, "IfExp has no place"),
        ("{1, 2}", 1, "Set has no place"),
        ("compose.Renamer({**{}})", 17, "plain keys"),
        ("Select('" + "a" * 201 + "') | linear_model.LinearRegression()", 8, "at most 200 characters"),
        ("Select('a'", 1, "this is no expression"),
        ("Select('a\0')", 1, "this is no expression"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(text: str, column: int, says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        build(text)
    assert says in str(caught.value)
    if "no expression" not in says:
        assert str(caught.value).startswith(f"column {column}: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "ends in no model"),
        ("Select('a')", "ends in no model"),
        ("optim.SGD()", "ends in no model"),
        ("Select('a') | Numbers()", "ends in no model"),
        ("#" * 2_001, "longer than 2,000 characters"),
        (" + ".join(["Numbers()"] * 80), "more than 200 parts"),
        ("(" * 400 + ")" * 400, "no expression"),
        ("-" * 1_500 + "1", "more than 200 parts"),
        ("[" * 60 + "]" * 60, "nested more than 20 deep"),
    ],
)
def test_what_is_no_model_or_too_much_is_refused(text: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        build(text)


def test_ensembles_in_ensembles_cannot_multiply_without_bound() -> None:
    text = "tree.HoeffdingTreeClassifier()"
    for _ in range(3):
        text = f"ensemble.BaggingClassifier({text})"
    build(text)
    with pytest.raises(ExpressionError, match="more than 1,000 models"):
        build(f"ensemble.BaggingClassifier({text}, n_models=2)")


@pytest.mark.parametrize(
    ("text", "task", "says"),
    [
        (LOGISTIC, "regression", "no regressor"),
        ("linear_model.LinearRegression()", "binary", "no classifier"),
        (f"Numbers() | {LOGISTIC}", "multiclass", "put multiclass.OneVsRestClassifier around it"),
    ],
)
def test_a_model_must_suit_its_task(text: str, task: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        build(text, task=task)


def test_what_suits_its_task_is_built() -> None:
    build(f"Numbers() | multiclass.OneVsRestClassifier({LOGISTIC})", task="multiclass")
    build(f"Numbers() | {LOGISTIC}", task="binary")
    build("Numbers() | linear_model.LinearRegression()", task="regression")


def test_nothing_left_out_is_allowed() -> None:
    assert not LEFT_OUT.keys() & CLASSES.keys()
    for name in LEFT_OUT:
        with pytest.raises(ExpressionError, match=f"{name} is not allowed: "):
            build(f"{name}()")


@given(st.text(alphabet="Select('a')|+*-.[]{}:=, 19_ox\n#\"\\lambda", max_size=60))
def test_no_text_does_anything_but_build_or_be_refused(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        assert isinstance(build(text), base.Estimator)


@pytest.mark.parametrize("name", ["KNNClassifier", "KNNRegressor"])
def test_a_search_engine_that_nobody_named_draws_alike_in_every_process(name: str) -> None:
    one, other = (build(f"neighbors.{name}(n_neighbors=3)", seed=4) for _ in range(2))
    assert one.engine.seed is not None
    assert one.engine.seed == other.engine.seed
    assert one.engine._rng.random() == other.engine._rng.random()
    assert build(f"neighbors.{name}(engine=neighbors.LazySearch())").engine.window_size == 50
