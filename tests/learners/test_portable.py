"""Portable: what a snapshot's loader lets pass revives models and nothing else."""

import os
import random
from functools import partial

import pytest

from learners.expression import build
from learners.portable import NotPortable, revive_getter, revive_method, revive_partial
from tests.learners.models import copied


@pytest.mark.parametrize("function", [os.system, eval, print, dict, partial, random.Random])
def test_no_partial_of_anything_but_a_models_parts(function) -> None:
    with pytest.raises(NotPortable):
        revive_partial(function, ("true",), {})


@pytest.mark.parametrize(
    ("owner", "name"), [("text", "upper"), (random.Random(1), "seed"), (os, "system"), (build, "__call__")]
)
def test_no_method_of_anything_but_rivers_objects(owner, name) -> None:
    with pytest.raises(NotPortable):
        revive_method(owner, name)


@pytest.mark.parametrize("name", ["__class__", "calc_tau", "nothing"])
def test_of_rivers_objects_only_methods(name) -> None:
    with pytest.raises(NotPortable):
        revive_method(build("linear_model.PAClassifier()"), name)


def test_no_getter_of_anything_but_names() -> None:
    with pytest.raises(NotPortable):
        revive_getter(0)


def test_a_bound_method_is_bound_to_the_copy_and_not_to_the_original() -> None:
    model = build("linear_model.PAClassifier()")
    twin = copied(model)
    assert twin.calc_tau.__self__ is twin
