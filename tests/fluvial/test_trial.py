"""The model on trial: what it cannot do with the declared fields is said before it runs."""

import pytest

from fluvial.config import parse
from fluvial.errors import ConfigError
from learners.catalogue import CLASSES
from learners.expression import MODELS
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


PICTURED = FIELDS + "  door: {type: image, size: 4}\n"
SEEING = 'Pixels("door")'


@pytest.mark.parametrize(
    "model",
    [
        f"{SEEING} {LOGISTIC}",
        f"(Numbers() + Pixels()) | preprocessing.StandardScaler() {LOGISTIC}",
        f"Numbers() {LOGISTIC}",
        f'(Select("door", "price") | (Pixels() + Numbers())) {LOGISTIC}',
        f'compose.Discard("door", "town") {LOGISTIC}',
        f'compose.Prefixer("a_") | Pixels("a_door") {LOGISTIC}',
        f"OneHot() {LOGISTIC}",
        f"ensemble.BaggingClassifier({SEEING} {LOGISTIC}, n_models=2)",
        f"(Numbers() + Pixels()) | {TREE}",
        "dummy.PriorClassifier()",
    ],
)
def test_a_model_may_see_an_image_through_pixels_or_not_at_all(model: str) -> None:
    assert parse(file(model, fields=PICTURED)).model == model


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            f'OneHot("door") {LOGISTIC}',
            "OneHot names 'door', which is an image: Pixels('door') makes numbers",
        ),
        (f'Interact("town", "door") {LOGISTIC}', "Interact names 'door', which is an image"),
        (
            'feature_extraction.TFIDF(on="door") | naive_bayes.MultinomialNB()',
            "TFIDF names 'door', which is an image",
        ),
        (f'Pixels("price") {LOGISTIC}', "Pixels names 'price', which is no image"),
        (f'Pixels("dor") {LOGISTIC}', "Pixels: no field is called 'dor': did you mean 'door'?"),
        (
            f'Select("door") | preprocessing.StandardScaler() {LOGISTIC}',
            "StandardScaler cannot compute with the",
        ),
        (
            f'Select("door") {LOGISTIC}',
            "LogisticRegression cannot compute with the image 'door': make numbers of",
        ),
        (TREE, "HoeffdingTreeClassifier cannot compute with the image 'door'"),
        (
            f"ensemble.BaggingClassifier({TREE}, n_models=2)",
            "HoeffdingTreeClassifier cannot compute with the",
        ),
    ],
)
def test_what_a_model_cannot_do_with_an_image_is_said(model: str, sentence: str) -> None:
    assert refused(file(model, fields=PICTURED)).startswith(sentence)


LOOKING = [name for name in CLASSES if issubclass(CLASSES[name], MODELS) and not name.startswith("dummy.")]


@pytest.mark.parametrize("name", LOOKING)
def test_no_model_is_handed_an_image_as_it_is(name: str) -> None:
    task, whole = case(name)
    model = f'Select("picture") | {name}({whole.partition(f"{name}(")[2]}'
    assert "cannot compute with the image 'picture'" in refused(file(model, task, EVENTS))


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
