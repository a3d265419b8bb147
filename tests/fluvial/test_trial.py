"""The model on trial: what it cannot do with the declared fields is said before it runs."""

import pytest

from fluvial.config import ConfigError, parse
from learners.catalogue import CLASSES
from tests.learners.models import case

HEAD = "pipeline: shop\nquestion: Will the visitor buy?\nowner: tests\nid: id\ntime: at\n"
FIELDS = """fields:
  id: {type: text}
  at: {type: time}
  shop: {type: category, use: context}
  age: {type: integer, range: [0, 120], missing: {fill: 30}}
  price: {type: number}
  town: {type: category, values: [Paris, London]}
"""
RECENT = "recent:\n  seen: {of: events, stat: count, by: town, within: 1h}\n"
LABELS = {"binary": "boolean", "multiclass": "category", "regression": "number"}
LOGISTIC = "| linear_model.LogisticRegression()"
TREE = "tree.HoeffdingTreeClassifier()"


def file(model: str, task: str = "binary", fields: str = FIELDS + RECENT) -> str:
    return f"{HEAD}task: {task}\nmodel: |-\n  {model}\n{fields}label: {{type: {LABELS[task]}}}\n"


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value).removeprefix("pipeline.yaml: model: ")


@pytest.mark.parametrize(
    ("model", "part", "name", "meant"),
    [
        (f'Select("pice") {LOGISTIC}', "Select", "pice", "price"),
        (f'OneHot("town", "seeen") {LOGISTIC}', "OneHot", "seeen", "seen"),
        (f'Interact("town", "ag") {LOGISTIC}', "Interact", "ag", "age"),
        (f'compose.Discard("twn") | OneHot() {LOGISTIC}', "Discard", "twn", "town"),
        ('feature_extraction.TFIDF(on="tonw") | naive_bayes.MultinomialNB()', "TFIDF", "tonw", "town"),
        (f'ensemble.BaggingClassifier(Select("pice") {LOGISTIC})', "Select", "pice", "price"),
        (
            f'ensemble.StackingClassifier([{TREE}, Select("pice") {LOGISTIC}], {TREE})',
            "Select",
            "pice",
            "price",
        ),
        (
            f'Select("price") | compose.Prefixer("a_") | Select("a_prise") {LOGISTIC}',
            "Select",
            "a_prise",
            "a_price",
        ),
        (f'(Select("age") + (Select("twon") | OneHot())) {LOGISTIC}', "Select", "twon", "town"),
    ],
)
def test_a_name_that_no_field_has_is_refused_with_the_nearest(
    model: str, part: str, name: str, meant: str
) -> None:
    assert refused(file(model)) == f"{part}: no field is called {name!r}: did you mean {meant!r}?"


@pytest.mark.parametrize("name", ["shop", "at", "id"])
def test_a_field_that_is_kept_from_the_model_cannot_be_named_in_it(name: str) -> None:
    assert refused(file(f'Select("{name}") | OneHot() {LOGISTIC}')).startswith(
        f"Select names {name!r}, which the model does not see"
    )


@pytest.mark.parametrize(
    ("model", "step"),
    [
        (f"preprocessing.StandardScaler() {LOGISTIC}", "StandardScaler"),
        (LOGISTIC.removeprefix("| "), "LogisticRegression"),
        (f'(Numbers() + (Select("town") | preprocessing.MinMaxScaler())) {LOGISTIC}', "MinMaxScaler"),
        ("neighbors.KNNClassifier()", "KNNClassifier"),
        ("naive_bayes.GaussianNB()", "GaussianNB"),
        ("ensemble.BaggingClassifier(linear_model.LogisticRegression(), n_models=2)", "LogisticRegression"),
    ],
)
def test_a_text_that_reaches_a_step_for_numbers_is_refused_with_what_to_do(model: str, step: str) -> None:
    sentence = refused(file(model))
    assert sentence.startswith(f"{step} cannot compute with the text of 'town': let only numbers reach it")
    assert "OneHot()" in sentence


@pytest.mark.parametrize("step", ["TFIDF", "BagOfWords"])
def test_a_step_that_fails_on_the_declared_types_is_refused_by_its_name(step: str) -> None:
    model = f'feature_extraction.{step}(on="price") | naive_bayes.MultinomialNB()'
    assert refused(file(model)).startswith(f"{step} fails on made-up events of the declared types (")


def test_a_model_that_only_puts_up_with_texts_by_failing_is_refused() -> None:
    sentence = refused(file("linear_model.BayesianLinearRegression()", "regression"))
    assert sentence.startswith("BayesianLinearRegression fails on made-up events")


def test_a_model_that_fails_where_a_field_is_left_out_is_refused() -> None:
    model = 'feature_extraction.BagOfWords(on="words") | naive_bayes.MultinomialNB()'
    assert parse(
        file(model, fields="fields:\n  id: {type: text}\n  at: {type: time}\n  words: {type: text}\n")
    )
    sentence = refused(
        file(
            model,
            fields="fields:\n  id: {type: text}\n  at: {type: time}\n  words: {type: text, missing: omit}\n",
        )
    )
    assert sentence.startswith("it fails on an event without 'words', which missing: omit allows (KeyError")


def test_a_model_of_another_task_is_refused() -> None:
    assert refused(file("linear_model.LinearRegression()")).startswith("the model is no classifier")


EVENTS = """fields:
  id: {type: text}
  at: {type: time}
  colour: {type: category}
  distance: {type: number, missing: omit}
  place: {type: category}
  hour: {type: integer}
  flag: {type: boolean}
  text: {type: text}
  picture: {type: image}
"""


@pytest.mark.parametrize("name", CLASSES)
def test_the_trial_lets_every_class_of_the_catalogue_pass(name: str) -> None:
    task, model = case(name)
    assert parse(file(model, task, EVENTS)).model == model
