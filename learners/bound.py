"""How functions that models hold travel in a snapshot: methods, partials and makers by name on a list."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType
from typing import Any

from river.utils.rolling import Rolling

from learners.held import (
    CLASS_METHODS,
    INITIALIZERS,
    MAKERS,
    METHODS,
    NotPortable,
    full_name,
    listed,
    name_of,
)


def revive_default(maker: Any) -> defaultdict[Any, Any]:
    """An empty defaultdict; its maker by its name in MAKERS, or as something that was revived before."""
    return defaultdict(_maker(maker))


def revive_partial(function: Any, given: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """A partial of something in MAKERS, or of an initializer."""
    if type(function) not in INITIALIZERS:
        function = listed(MAKERS, function)
    if function is defaultdict or function is Rolling:
        given = tuple(_maker(maker) for maker in given)
    return partial(function, *given, **keywords)


def revive_method(owner: Any, name: str) -> MethodType:
    """A method in METHODS, bound to an object of the class that has it."""
    cls, function = listed(METHODS, name)
    if not isinstance(owner, cls):
        raise NotPortable(f"{type(owner).__name__} has no method {name}")
    return MethodType(function, owner)


def revive_class_method(name: str) -> Callable[..., Any]:
    """A method in CLASS_METHODS, bound to its class."""
    method: Callable[..., Any] = listed(CLASS_METHODS, name)
    return method


def revive_getter(name: str) -> Callable[[Any], Any]:
    """What takes a field by its name."""
    if type(name) is not str:
        raise NotPortable("no model takes a field by anything but its name")
    return itemgetter(name)


def revive_lower() -> Callable[[str], str]:
    """``str.lower``, which text models hold."""
    return str.lower


def _maker(maker: Any) -> Any:
    if type(maker) is str:
        return listed(MAKERS, maker)
    if maker is None or type(maker) in (partial, MethodType, *INITIALIZERS):
        return maker
    raise NotPortable(f"no model holds a {type(maker).__name__} that makes something")


def _by_name(maker: Any) -> Any:
    """What ``_maker`` takes for a maker."""
    if isinstance(maker, type | FunctionType | BuiltinFunctionType):
        return name_of(maker, MAKERS)
    return maker


def _reduce_default(thing: defaultdict[Any, Any]) -> Any:
    return revive_default, (_by_name(thing.default_factory),), None, None, iter(thing.items())


def _reduce_partial(thing: Any) -> Any:
    given = thing.args
    if thing.func is defaultdict or thing.func is Rolling:
        given = tuple(_by_name(maker) for maker in given)
    return revive_partial, (_by_name(thing.func), given, thing.keywords)


def _reduce_method(thing: Any) -> Any:
    owner, function = thing.__self__, thing.__func__
    if isinstance(owner, type):
        name = f"{full_name(owner)}.{function.__name__}"
        listed(CLASS_METHODS, name)
        return revive_class_method, (name,)
    name = full_name(function)
    if listed(METHODS, name)[1] is not function:
        raise NotPortable(f"{name} is another method than the one in METHODS")
    return revive_method, (owner, name)


def _reduce_getter(thing: Any) -> Any:
    return revive_getter, thing.__reduce__()[1]


def _reduce_descriptor(thing: Any) -> Any:
    if thing is not str.lower:
        raise NotPortable(f"no model holds {thing!r}")
    return revive_lower, ()


REVIVERS = (revive_class_method, revive_default, revive_getter, revive_lower, revive_method, revive_partial)

REDUCERS: Mapping[type, Callable[[Any], Any]] = {
    MethodDescriptorType: _reduce_descriptor,
    MethodType: _reduce_method,
    defaultdict: _reduce_default,
    itemgetter: _reduce_getter,
    partial: _reduce_partial,
}
