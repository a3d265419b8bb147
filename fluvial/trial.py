"""Trial: a model is asked and taught a few made-up events before it meets real ones.

A field of the wrong kind, or a name that no field has, would otherwise show in production: as a
shard that stands still, or as a model that never sees the field.
"""

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from river import compose, dummy
from river.feature_extraction.vectorize import VectorizerMixin

from consumers.event import Truth, Value
from consumers.fields import FieldSpec, LabelSpec
from consumers.image import Image
from fluvial.explain import nearest
from fluvial.follow import TROUBLE, Stop, follow
from learners.catalogue import CLASSES
from learners.expression import build
from learners.task import FAULTS, task_named
from learners.transform import Hash, Interact, Numbers, OneHot, Pixels, Select

ROUNDS = 8
"""Times that each event is learned: some models come to their rarer paths only after a while."""

_KNOWN = frozenset(CLASSES.values())

_PUT_UP_WITH_IMAGES = (
    *(Select, Numbers, OneHot, Hash, Interact, Pixels),
    *(compose.Discard, compose.Prefixer, compose.Suffixer, compose.Renamer),
    *(dummy.NoChangeClassifier, dummy.PriorClassifier, dummy.StatisticRegressor),
    VectorizerMixin,
)
"""What hands an image on or does not look at it; others would fail on it or take it for a category."""


class TrialFailed(ValueError):
    """What the model cannot do with the events of the contract, in a sentence."""


class Question(NamedTuple):
    """All that a trial needs of a pipeline: ``recent`` are the names of its recent statistics."""

    task: str
    model: str
    seed: int
    id: str
    fields: Mapping[str, FieldSpec]
    recent: Collection[str]
    label: LabelSpec

    @property
    def features(self) -> dict[str, FieldSpec]:
        """The fields that the model gets to see."""
        seen = {n: s for n, s in self.fields.items() if s.use == "feature" and s.type != "time"}
        return {name: spec for name, spec in seen.items() if name != self.id}


def try_out(question: Question) -> None:
    """Build the model and run it on made-up events; ExpressionError or TrialFailed says what is wrong."""
    events = [_event(question, number) for number in range(2)]
    _check_names(question, events[0])
    truths = _truths(question.label)
    model = build(question.model, seed=question.seed, task=question.task)
    task = task_named(question.task)
    try:
        for x, y in zip(events, truths, strict=True):  # a model may fail on the very first event
            task.predict(model, x)
            task.learn(model, x, y)
        for x, y in ROUNDS * list(zip(events, truths, strict=True)):
            _ask(question.task, model, x, y)
    except (*TROUBLE, *FAULTS) as error:
        raise TrialFailed(_diagnosis(error)) from None
    _try_without(question, model, events[0], truths[0])


def _try_without(question: Question, model: Any, event: dict[str, Value], truth: Truth) -> None:
    """The same with the fields left out that may be left out."""
    omitted = [name for name, spec in question.features.items() if spec.missing == "omit"]
    rest = {name: value for name, value in event.items() if name not in omitted}
    try:
        _ask(question.task, model, rest, truth)
    except (*TROUBLE, *FAULTS) as error:
        raise TrialFailed(
            f"it fails on an event without {_listed(omitted)}, which missing: omit allows "
            f"({type(error).__name__}: {error}): fill in a value, or leave the field out of the model"
        ) from None


def _ask(task: str, model: Any, x: dict[str, Value], y: Truth) -> None:
    (model.predict_one if task == "regression" else model.predict_proba_one)(x)
    model.learn_one(x, y)


def _event(question: Question, number: int) -> dict[str, Value]:
    fields = {name: _value(spec, number) for name, spec in question.features.items()}
    return fields | dict.fromkeys(question.recent, 0.25 + number)


def _value(spec: FieldSpec, number: int) -> Value:
    low, high = spec.bounds if spec.range else (1.0, 4.0)
    inside = low + (min(high, low + 1e6) - low) * (number + 1) / 3
    match spec.type:
        case "number":
            return inside
        case "integer":
            return int(inside)
        case "boolean":
            return number == 0
        case "category":
            return (spec.values or ("one", "another"))[number % len(spec.values or "ab")]
        case "image":
            levels = tuple([float((number + place) % 2) for place in range(spec.size**2)])
            return Image(levels, 0.5, 1.0, spec.size, spec.size)
    return ("some words", "and others")[number]


def _truths(label: LabelSpec) -> Sequence[Truth]:
    match label.type:
        case "boolean":
            return True, False
        case "number":
            return 1.0, 2.0
    values = label.values or ("one", "another")
    return values[0], values[-1]


def _check_names(question: Question, event: dict[str, Value]) -> None:
    model = build(question.model, seed=question.seed, task=question.task)
    for stop in follow(model, event):
        for name in _wanted(stop.part):
            _check_name(question, stop, name)
        _check_images(stop)


def _check_name(question: Question, stop: Stop, name: str) -> None:
    part, value = type(stop.part).__name__, stop.given.get(name)
    if value is None and name in question.fields:
        raise TrialFailed(
            f"{part} names {name!r}, which the model does not see: it is the id, a time, or use: context"
        )
    if value is None:
        raise TrialFailed(f"{part}: no field is called {name!r}{nearest(name, list(stop.given))}")
    if isinstance(stop.part, Pixels) and not isinstance(value, Image):
        raise TrialFailed(f"Pixels names {name!r}, which is no image")
    if isinstance(value, Image) and not isinstance(stop.part, Pixels | Select | compose.Discard):
        raise TrialFailed(f"{part} names {name!r}, which is an image: Pixels({name!r}) makes numbers of it")


def _check_images(stop: Stop) -> None:
    """Refuse a part that is handed an image as it is; the parts inside it have stops of their own."""
    images = [name for name, value in stop.given.items() if isinstance(value, Image)]
    if images and not stop.wraps and not isinstance(stop.part, _PUT_UP_WITH_IMAGES):
        raise TrialFailed(
            f"{type(stop.part).__name__} cannot compute with the image {_listed(images)}: make numbers of it "
            "with Pixels() before, or keep it away with Select(...) or Numbers()"
        )


def _wanted(part: Any) -> Collection[str]:
    if isinstance(part, compose.Discard):
        return sorted(part.keys)
    if isinstance(part, Select | OneHot | Interact | Pixels):
        return part.names
    name = getattr(part, "on", None)
    return (name,) if isinstance(name, str) else ()


def _diagnosis(error: Exception) -> str:
    """Which step failed, on which fields, and what to do."""
    step, x = _place(error.__traceback__)
    texts = [name for name, value in x.items() if isinstance(value, str)]
    if texts and isinstance(error, TypeError):
        return (
            f"{step} cannot compute with the text of {_listed(texts)}: let only numbers reach it, with "
            "Select(...) or Numbers() before it, and turn categories into numbers with OneHot() or Hash()"
        )
    return f"{step} fails on made-up events of the declared types ({type(error).__name__}: {error})"


def _place(trace: TracebackType | None) -> tuple[str, Mapping[str, Value]]:
    """The innermost part of the catalogue that was at work, and the event it had."""
    step, x = "the model", {}
    while trace is not None:
        names = trace.tb_frame.f_locals
        if type(names.get("self")) in _KNOWN and isinstance(names.get("x"), dict):
            step, x = type(names["self"]).__name__, names["x"]
        trace = trace.tb_next
    return step, x


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
