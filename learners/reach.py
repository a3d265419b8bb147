"""Reach: which steps of a model the categories of a field come to, and under which feature names."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from river import compose, imblearn, linear_model, multiclass, preprocessing

from learners.transform import Interact, Numbers, OneHot, Pixels, Select

LINEAR = (
    linear_model.AdPredictor,
    linear_model.ALMAClassifier,
    linear_model.LinearRegression,
    linear_model.LogisticRegression,
    linear_model.PAClassifier,
    linear_model.PARegressor,
    linear_model.Perceptron,
    linear_model.SoftmaxRegression,
)
"""Models that weigh each feature by itself."""

KEYED = (
    *LINEAR,
    preprocessing.AdaptiveStandardScaler,
    preprocessing.MaxAbsScaler,
    preprocessing.MinMaxScaler,
    preprocessing.RobustScaler,
    preprocessing.StandardScaler,
)
"""Steps that keep what they know by feature, each feature by itself."""

STATELESS = (preprocessing.Binarizer, preprocessing.Normalizer)
"""Steps that hand features on under their names and know nothing of them."""

AROUND = (
    imblearn.ChebyshevOverSampler,
    imblearn.ChebyshevUnderSampler,
    imblearn.RandomOverSampler,
    imblearn.RandomSampler,
    imblearn.RandomUnderSampler,
    preprocessing.PredClipper,
)
"""Models around another one that keep no event; what samples hard events learns those it kept again."""


class Shape(NamedTuple):
    """How features are called that stand for categories of ``fields``, crossed; without fields, of any."""

    fields: tuple[str, ...] = ()
    before: str = ""
    after: str = ""

    def categories(self, feature: str) -> dict[str, str]:
        """The value of each field that a feature stands for; nothing where it has another shape.

        >>> Shape(("origin", "hour")).categories("origin=JFK&hour=5"), Shape(("hour",)).categories("late")
        ({'origin': 'JFK', 'hour': '5'}, {})
        """
        if not (feature.startswith(self.before) and feature.endswith(self.after)):
            return {}
        bare = feature.removeprefix(self.before).removesuffix(self.after)
        if not self.fields:
            field, parted, value = bare.partition("=")
            return {field: value} if parted else {}
        found = _crossed(self.fields).fullmatch(bare)
        return dict(zip(self.fields, found.groups(), strict=True)) if found else {}

    def speaks_of(self, field: str) -> bool:
        """Whether features of this shape can stand for categories of a field."""
        return not self.fields or field in self.fields


@lru_cache
def _crossed(fields: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("&".join(f"{re.escape(name)}=(.*)" for name in fields), re.DOTALL)


class Inputs(NamedTuple):
    """What comes to a step: whether a field comes as it is, and the shapes of categories."""

    plain: Callable[[str], bool]
    shapes: tuple[Shape, ...] = ()

    def categories(self, feature: object) -> dict[str, str]:
        """What a feature stands for, by the shape that crosses most fields: see :func:`reached`."""
        if not isinstance(feature, str):
            return {}
        return next((found for one in self.shapes if (found := one.categories(feature))), {})

    def hold(self, field: str) -> bool:
        """Whether categories of a field come in any form."""
        return self.plain(field) or any(one.speaks_of(field) for one in self.shapes)


class Reached(NamedTuple):
    """A step with what comes to it. ``keyed``: it keeps what it knows by feature."""

    name: str
    step: Any
    inputs: Inputs
    keyed: bool


def reached(model: Any) -> list[Reached]:
    """The steps that learn or mix, in the order in which events come to them.

    >>> from learners.expression import build
    >>> model = build('OneHot("origin") | linear_model.LogisticRegression()')
    >>> [(one.name, one.keyed, one.inputs.shapes) for one in reached(model)]
    [('LogisticRegression', True, (Shape(fields=('origin',), before='', after=''),))]
    """
    walk = _Walk()
    walk.through(model, Inputs(lambda field: True))
    return walk.found


class _Walk:
    def __init__(self) -> None:
        self.found: list[Reached] = []

    def through(self, step: Any, given: Inputs) -> Inputs:
        """What comes out of a step; it is noted where it knows something."""
        if isinstance(step, compose.Pipeline):
            for inner in step.steps.values():
                given = self.through(inner, given)
            return given
        if isinstance(step, compose.TransformerUnion):
            return _both([self.through(inner, given) for inner in step.transformers.values()])
        models = list(_inside(step))
        for inner in models:
            self.through(inner, given)
        return given if models else self._through_one(step, given)

    def _through_one(self, step: Any, given: Inputs) -> Inputs:
        made = _named_anew(step, given)
        if made is not None:
            return made
        exact_first = sorted(given.shapes, key=lambda one: (not one.fields, -len(one.fields)))
        given = given._replace(shapes=tuple(exact_first))
        self.found.append(Reached(type(step).__name__, step, given, isinstance(step, KEYED)))
        return given if isinstance(step, KEYED) else Inputs(_none)


def _inside(step: Any) -> Iterator[Any]:
    """The models that a step hands its events on to as they are."""
    if isinstance(step, multiclass.OneVsRestClassifier):
        yield step.classifier
        yield from step.classifiers.values()
    elif isinstance(step, AROUND):
        yield step._wrapped_model
    elif isinstance(step, compose.TargetTransformRegressor):
        yield step.regressor


def _named_anew(step: Any, given: Inputs) -> Inputs | None:
    """What comes out of a step that learns nothing; None of any other step."""
    plain, shapes = given
    made: Inputs | None = given if isinstance(step, STATELESS) else None
    match step:
        case Select():
            made = Inputs(lambda field: field in step.names and plain(field), shapes)
        case Numbers():
            made = Inputs(_none, shapes)
        case Pixels():
            made = Inputs(_none)
        case OneHot():
            named = tuple(Shape((name,)) for name in step.names if plain(name))
            made = Inputs(_none, named if step.names else (Shape(),))
        case Interact():
            made = Inputs(_none, (Shape(step.names),))
        case compose.Prefixer():
            made = Inputs(plain, tuple(one._replace(before=step.prefix + one.before) for one in shapes))
        case compose.Suffixer():
            made = Inputs(plain, tuple(one._replace(after=one.after + step.suffix) for one in shapes))
        case compose.Discard():
            made = Inputs(lambda field: field not in step.keys and plain(field), shapes)
    return made


def _both(made: list[Inputs]) -> Inputs:
    return Inputs(
        lambda field: any(one.plain(field) for one in made),
        tuple(dict.fromkeys(shape for one in made for shape in one.shapes)),
    )


def _none(field: str) -> bool:
    return False
