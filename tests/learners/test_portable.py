"""Portable: what a snapshot's loader lets pass revives models and nothing else."""

import os
import random
from collections import Counter, OrderedDict, defaultdict, deque
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
import pytest
from river import drift, proba, stats
from river.optim.initializers import Normal
from river.utils import VectorDict

from learners.bound import revive_default, revive_getter, revive_method, revive_partial
from learners.expression import build
from learners.portable import REDUCERS, NotPortable, revive_array, revive_random, revive_rust
from tests.learners.models import case, copied, stream
from tests.recovery.likeness import difference


def moved(generator: random.Random) -> random.Random:
    generator.gauss(0, 1)
    return generator


def drawn(generator: np.random.RandomState) -> np.random.RandomState:
    generator.normal()
    return generator


def filled(detector: Any, values: range) -> Any:
    for value in values:
        detector.update(float(value % 7))
    return detector


THINGS: dict[str, Any] = {
    "a counter": Counter("abca"),
    "an ordered dict": OrderedDict([("b", 1), ("a", 2)]),
    "a deque": deque([1, 2, 3], maxlen=5),
    "a deque without bounds": deque("abc"),
    "a default of a class": defaultdict(stats.Var, a=stats.Var()),
    "a default of nothing": defaultdict(None, a=1),
    "a default of a partial": defaultdict(partial(defaultdict, float), a=defaultdict(float, b=1.0)),
    "a default of an initializer": defaultdict(Normal(seed=1)),
    "a partial": partial(stats.EWVar, 0.3),
    "a partial of an initializer": partial(Normal(seed=1), shape=3),
    "a generator": moved(random.Random(7)),
    "numpy's generator": drawn(np.random.RandomState(7)),
    "an array": np.arange(6.0).reshape(2, 3),
    "an array by columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "an empty array": np.zeros((0, 3)),
    "a turned array": np.arange(6.0).reshape(2, 3).T,
    "a number": np.float64("nan"),
    "weights": VectorDict({"b": 1.0, "a": -0.0}),
    "a window": filled(drift.ADWIN(), range(400))._helper,
    "a quantile": filled(stats.RollingQuantile(0.5, 20), range(50))._rolling_quantile,
    "a getter": itemgetter("text"),
    "a lowering": str.lower,
    "a range": range(1, 9, 3),
}


@pytest.mark.parametrize("name", THINGS)
def test_it_comes_back_to_the_last_bit(name: str) -> None:
    thing = THINGS[name]
    twin = copied(thing)
    assert difference([twin], [thing]) is None


def test_of_an_array_the_order_in_memory_comes_back_and_it_can_be_written_to() -> None:
    for name in ("an array", "an array by columns", "a turned array"):
        twin = copied(THINGS[name])
        assert twin.flags.c_contiguous == THINGS[name].flags.c_contiguous
        assert twin.flags.writeable


def test_generators_go_on_where_they_were() -> None:
    one, other = THINGS["a generator"], copied(THINGS["a generator"])
    assert [one.gauss(0, 1) for _ in range(700)] == [other.gauss(0, 1) for _ in range(700)]
    one, other = THINGS["numpy's generator"], copied(THINGS["numpy's generator"])
    assert one.normal(size=700).tolist() == other.normal(size=700).tolist()


def gaussian(seed: int | None) -> Any:
    made = proba.Gaussian(seed=seed)
    for value in (1.0, 5.0, 2.0):
        made.update(value)
    return made


def test_a_gaussian_without_a_seed_gets_a_generator_of_its_own_that_is_always_the_same() -> None:
    twins = [copied(gaussian(None)) for _ in range(2)]
    assert twins[0]._rng is not twins[1]._rng
    assert twins[0].sample() == twins[1].sample()
    assert (twins[0].mu, twins[0].sigma, twins[0](2.0)) == (twins[1].mu, twins[1].sigma, gaussian(None)(2.0))


def test_a_gaussian_with_a_seed_goes_on_drawing_where_it_was() -> None:
    one = gaussian(3)
    one.sample()
    twin = copied(one)
    assert [one.sample() for _ in range(5)] == [twin.sample() for _ in range(5)]


def test_no_model_draws_from_a_gaussian(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why their generators may be left out of a snapshot."""

    def sample(self: Any) -> float:
        raise AssertionError("somebody draws")

    monkeypatch.setattr(proba.Gaussian, "sample", sample)
    for name in ("naive_bayes.GaussianNB", "tree.HoeffdingAdaptiveTreeClassifier", "forest.ARFClassifier"):
        kind, expression = case(name)
        model = build(expression, task=kind)
        for x, y in stream(kind):
            model.predict_proba_one(x)
            model.learn_one(x, y)
        copied(model)


@pytest.mark.parametrize(
    "function", ["os:system", "builtins:eval", "functools:partial", os.system, eval, dict, 1, None, ["x"]]
)
def test_no_partial_and_no_default_of_anything_but_a_models_parts(function: Any) -> None:
    with pytest.raises(NotPortable):
        revive_partial(function, ("true",), {})
    if function is not None:
        with pytest.raises(NotPortable):
            revive_default(function)
    with pytest.raises(NotPortable):
        revive_partial("collections:defaultdict", (function or 1,), {})


@pytest.mark.parametrize("maker", [os.system, eval, partial(os.system, "true"), lambda: 0, os.path.join])
def test_no_partial_of_anything_else_is_written(maker: Any) -> None:
    with pytest.raises(NotPortable):
        REDUCERS[partial](partial(maker))
    if not isinstance(maker, partial):
        with pytest.raises(NotPortable):
            REDUCERS[defaultdict](defaultdict(maker))


@pytest.mark.parametrize("owner", ["text", random.Random(1), os, build, stats.Var(), stats.Var])
def test_no_method_of_anything_but_the_objects_that_have_it(owner: Any) -> None:
    with pytest.raises(NotPortable):
        revive_method(owner, "river.linear_model.pa:BasePA._calc_tau_1")


@pytest.mark.parametrize("name", ["__class__", "calc_tau", "_calc_tau_1", "learn_one", "nothing", 1, None])
def test_of_an_objects_methods_only_those_that_are_listed(name: Any) -> None:
    with pytest.raises(NotPortable):
        revive_method(build("linear_model.PAClassifier()"), name)


@pytest.mark.parametrize("method", [stats.Var().update, random.Random(1).gauss, stats.Var._from_state])
def test_no_other_method_is_written(method: Any) -> None:
    with pytest.raises(NotPortable):
        REDUCERS[type(method)](method)


def test_no_getter_of_anything_but_a_name() -> None:
    with pytest.raises(NotPortable):
        revive_getter(0)  # type: ignore[arg-type]


def test_no_array_of_objects_and_no_vector_that_makes_things_is_written() -> None:
    with pytest.raises(NotPortable, match="no model has an array of object"):
        REDUCERS[np.ndarray](np.array([None]))
    with pytest.raises(NotPortable, match="VectorDict"):
        REDUCERS[VectorDict](VectorDict({}, float))
    with pytest.raises(NotPortable, match="no model holds"):
        REDUCERS[type(str.lower)](str.upper)


def test_nothing_is_made_that_is_larger_than_what_it_is_made_of() -> None:
    for call in (
        lambda: revive_array((1 << 40,), "C", b""),
        lambda: revive_random(b"", None),
        lambda: revive_rust("river._river_rust.stats:RsRollingQuantile", (0.5, 1 << 40), b""),
    ):
        with pytest.raises(ValueError, match=r"reshape|words|wider"):
            call()


def test_a_bound_method_is_bound_to_the_copy_and_not_to_the_original() -> None:
    model = build("linear_model.PAClassifier()")
    twin = copied(model)
    assert twin.calc_tau.__self__ is twin


def test_a_method_of_a_class_comes_back() -> None:
    """River binds this one to the class and not to the object."""
    twin = copied(build("linear_model.PAClassifier(mode=0)"))
    assert twin.calc_tau == type(twin)._calc_tau_0
