"""Category: one value of a field, what a learner knows of it, and how that is forgotten while the rest stays.

What is known by feature (weights, what an optimiser or a scaler keeps of each) goes back to what it was
before the feature first came; of recent statistics the entries of its key go. What mixes features (trees,
ensembles, hashing, projections) cannot give one category back: it forgets as a whole or not at all.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, NamedTuple

from river.optim.base import Optimizer
from river.utils import VectorDict

from learners.asked import Category
from learners.reach import LINEAR, Reached, reached
from learners.recent import Latest, Recent, Statistic, Windowed

WEIGHTS = ("_weights", "weights", "w", "means")
"""What linear models call what they multiply features by."""

MOST = 200
"""Categories of one field that are told of; those that weigh most."""

SHOWN = 3
"""Weights of one category that are told by name."""


class Known(NamedTuple):
    """What is known of one category: weights by feature, and the recent statistics with an entry of it."""

    weights: list[tuple[str, float]]
    statistics: list[str]


def forget(model: Any, recent: Recent, category: Category) -> None:
    """Let model and recent statistics forget one category. Raises LookupError where the model cannot.

    >>> from learners.expression import build
    >>> model = build('OneHot("origin") | linear_model.LogisticRegression()')
    >>> for origin in ("JFK", "LGA"):
    ...     model.learn_one({"origin": origin}, True)
    >>> forget(model, Recent({}), Category("origin", "JFK"))
    >>> list(model["LogisticRegression"].weights)
    ['origin=LGA']
    """
    if why := obstacle(model, category.field):
        raise LookupError(why)
    for one in reached(model):
        for held in _held(one.step):
            for feature in [name for name in held if _is(one, name, category)]:
                del held[feature]
    for statistic in recent.statistics.values():
        entries = _entries(statistic)
        for key in [key for key in entries if _of_key(statistic, key).get(category.field) == category.value]:
            del entries[key]


def obstacle(model: Any, field: str) -> str:
    """Why a model cannot forget one category of a field, and what can be done instead; empty where it can."""
    for one in reached(model):
        if not one.keyed and one.inputs.hold(field):
            return (
                f"{one.name} mixes the categories of {field} with one another and with other inputs: one of "
                f"them cannot be taken out of it. Reset {one.name} as a whole, or the model"
            )
    return ""


def known(model: Any, recent: Recent, private: Set[str] = frozenset()) -> dict[str, dict[str, Known]]:
    """What is known of each category that can be forgotten, by field and value.

    Fields in ``private`` are left out, and where one is crossed with another its value is not named.
    """
    found: dict[str, dict[str, Known]] = {}
    can = _Cached(lambda field: field not in private and not obstacle(model, field))

    def seen_of(field: str, value: str) -> Known | None:
        return found.setdefault(field, {}).setdefault(value, Known([], [])) if can[field] else None

    for one in reached(model):
        for feature, weight in _weights(one.step):
            categories = one.inputs.categories(feature)
            name = feature if private.isdisjoint(categories) else _masked(categories, private)
            for field, value in categories.items():
                if (seen := seen_of(field, value)) is not None:
                    seen.weights.append((name, weight))
    for name, statistic in recent.statistics.items():
        for key in _entries(statistic):
            for field, value in _of_key(statistic, key).items():
                if (seen := seen_of(field, value)) is not None and name not in seen.statistics:
                    seen.statistics.append(name)
    return found


def inventory_of(model: Any, recent: Recent, private: Set[str] = frozenset()) -> dict[str, dict[str, Any]]:
    """What :func:`known` says, in bounds and as JSON carries it.

    ``values`` maps a category to how many ``weights`` it has, the ``largest`` of them, and the recent
    ``statistics`` that have an entry; ``more`` is how many categories are left out.
    """
    return {
        field: {"values": dict(_told(values)), "more": max(0, len(values) - MOST)}
        for field, values in known(model, recent, private).items()
    }


def _masked(categories: Mapping[str, str], private: Set[str]) -> str:
    return "&".join(f"{field}={'…' if field in private else value}" for field, value in categories.items())


def _told(values: Mapping[str, Known]) -> Iterator[tuple[str, dict[str, Any]]]:
    heaviest = sorted(
        values, key=lambda name: (-max((abs(w) for _, w in values[name].weights), default=0), name)
    )
    for name in sorted(heaviest[:MOST]):
        yield name, told(values[name])


def told(one: Known) -> dict[str, Any]:
    """What is known of one category, in bounds and as JSON carries it."""
    largest = sorted(one.weights, key=lambda weight: (-abs(weight[1]), weight[0]))[:SHOWN]
    return {
        "weights": len(one.weights),
        "largest": [list(weight) for weight in largest],
        "statistics": one.statistics,
    }


class _Cached(dict[str, bool]):
    def __init__(self, find: Callable[[str], bool]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, field: str) -> bool:
        self[field] = self._find(field)
        return self[field]


# ---- where it is held


def _is(one: Reached, feature: object, category: Category) -> bool:
    return one.keyed and one.inputs.categories(feature).get(category.field) == category.value


def _held(thing: Any) -> Iterator[Any]:
    """The mappings by feature that a step and its optimisers keep."""
    for value in vars(thing).values():
        yield from _mappings(value)


def _mappings(value: Any) -> Iterator[Any]:
    if isinstance(value, Optimizer):
        yield from _held(value)
    elif isinstance(value, dict | VectorDict):
        # Weights, or an optimiser, for each class: what a class is called is no feature.
        inner = [one for one in dict(value).values() if isinstance(one, dict | VectorDict | Optimizer)]
        for one in inner:
            yield from _mappings(one)
        if not inner:
            yield value


def _weights(step: Any) -> Iterator[tuple[str, float]]:
    """The weights of a linear step by feature, those of all its classes; a scaler has none."""
    for name in WEIGHTS if isinstance(step, LINEAR) else ():
        value = vars(step).get(name)
        for feature, weight in _items(value):
            if isinstance(weight, int | float):
                yield feature, float(weight)
            for inner, number in _items(weight):
                if isinstance(number, int | float):
                    yield inner, float(number)


def _items(value: Any) -> list[tuple[Any, Any]]:
    return list(dict(value).items()) if isinstance(value, dict | VectorDict) else []


def _entries(statistic: Statistic) -> Any:
    if isinstance(statistic, Windowed):
        return statistic.windows
    assert isinstance(statistic, Latest)
    return statistic.latest


def _of_key(statistic: Statistic, key: object) -> dict[str, str]:
    """The fields whose values a key is, as text."""
    if statistic.by is None:
        return {}
    if isinstance(statistic.by, str):
        return {} if key is None else {statistic.by: str(key)}
    assert isinstance(key, tuple)
    pairs = zip(statistic.by, key, strict=True)
    return {name: str(value) for name, value in pairs if value is not None}
