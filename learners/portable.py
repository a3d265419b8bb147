"""How the functions that River's models hold travel in a snapshot.

Pickle writes a bound method as ``getattr(object, name)`` and a partial as ``functools.partial``, and a
loader that lets those two pass lets anything pass. Here a method is looked up by name on a River class
and a partial is made of something of River's or of a listed function, and of nothing else. A pickler takes
DISPATCH as its ``dispatch_table``; a loader lets GLOBALS and this package pass.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from operator import itemgetter
from types import FunctionType, MethodDescriptorType, MethodType
from typing import Any

from river.feature_extraction.vectorize import strip_accents_unicode, tokenize_using_regex_pattern

_STATIC = {
    "river.forest.online_extra_trees": (
        "ExtraTrees._detection_mode_all",
        "ExtraTrees._detection_mode_drop",
        "ExtraTrees._detection_mode_off",
    ),
    "river.naive_bayes.gaussian": ("GaussianNB._make_gaussian",),
    "river.tree.splitter.ebst_splitter": ("EBSTNode._update_estimator_univariate",),
    "river.tree.splitter.nominal_splitter_reg": ("NominalSplitterReg._update_estimator_univariate",),
}
GLOBALS = frozenset({(module, name) for module, names in _STATIC.items() for name in names}) | {
    ("builtins", "bool"),
    ("copy", "deepcopy"),
    ("numpy.random._mt19937", "MT19937"),
    ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random._pickle", "__randomstate_ctor"),
    ("statistics", "NormalDist"),
}
"""Module and name of what models need besides River's classes; none of it runs what it is given."""

_PARTIALS = (float, defaultdict, deepcopy, strip_accents_unicode, tokenize_using_regex_pattern)


class NotPortable(ValueError):
    """A function or method that no River model holds."""


def revive_partial(function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """A partial of a River class or object, or of a listed function; NotPortable for any other."""
    cls = function if isinstance(function, type) else type(function)
    if not cls.__module__.startswith("river.") and not any(function is listed for listed in _PARTIALS):
        raise NotPortable(f"no model holds a partial of {function!r}")
    return partial(function, *args, **keywords)


def revive_method(owner: Any, name: str) -> MethodType:
    """The method of that name, bound to a River object; NotPortable for any other owner or attribute."""
    for cls in type(owner).__mro__:
        function = vars(cls).get(name)
        if cls.__module__.startswith("river.") and isinstance(function, FunctionType):
            return MethodType(function, owner)
    raise NotPortable(f"{type(owner).__name__} has no River method {name!r}")


def revive_getter(*names: str) -> Callable[[Any], Any]:
    """What takes a field by its name; NotPortable where a name is no text."""
    if not all(type(name) is str for name in names):
        raise NotPortable("no model takes a field by anything but its name")
    return itemgetter(*names)


def revive_lower() -> Callable[[str], str]:
    """``str.lower``, which text models hold."""
    return str.lower


def _reduce_descriptor(thing: Any) -> Any:
    return (revive_lower, ()) if thing is str.lower else thing.__reduce__()


def _reduce_getter(thing: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return revive_getter, thing.__reduce__()[1]


def _reduce_partial(thing: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return revive_partial, (thing.func, thing.args, thing.keywords)


def _reduce_method(thing: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    return revive_method, (thing.__self__, thing.__func__.__name__)


DISPATCH: Mapping[type, Callable[[Any], Any]] = {
    itemgetter: _reduce_getter,
    partial: _reduce_partial,
    MethodDescriptorType: _reduce_descriptor,
    MethodType: _reduce_method,
}
"""For ``Pickler.dispatch_table``."""
