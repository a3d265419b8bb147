"""Untouched: what is done to shared classes and functions is undone, and said."""

from collections.abc import Callable
from typing import Any

import pytest

from fluvial.untouched import untouched
from learners.portable import NotPortable


class Other:
    """Something to inherit from."""

    def there(self) -> str:
        return "other"


class Base:
    """What Shared inherits from."""

    def there(self) -> str:
        return "base"


class Shared(Base):
    """A class that is shared."""

    kept: Any = 1


def helper(x: int = 1, *, y: int = 2) -> int:
    return x + y


def change(thing: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(thing, name, value)


CHANGES = [
    change(Shared, "kept", 2),
    change(Shared, "new", 2),
    change(Shared, "there", lambda self: "changed"),
    change(Shared, "__doc__", "other"),
    change(Shared, "__module__", "elsewhere"),
    change(Shared, "__name__", "Else"),
    change(Shared, "__qualname__", "Else"),
    change(Shared, "__bases__", (Other,)),
    lambda: delattr(Shared, "kept"),
    change(helper, "__defaults__", (5,)),
    change(helper, "__kwdefaults__", {"y": 5}),
    change(helper, "__code__", (lambda x=1, *, y=2: 0).__code__),
    change(helper, "__doc__", "other"),
    change(helper, "__module__", "elsewhere"),
    change(helper, "__name__", "else"),
    change(helper, "__qualname__", "else"),
    change(helper, "__annotations__", {}),
    change(helper, "new", 1),
    change(helper, "__dict__", {"new": 1}),
]


def portrait() -> tuple[Any, ...]:
    names = [name for name in ("kept", "new", "__doc__", "__module__") if hasattr(Shared, name)]
    of_class = (
        [getattr(Shared, name) for name in names],
        Shared.__name__,
        Shared.__qualname__,
        Shared.__bases__,
    )
    of_function = (
        helper.__code__,
        helper.__defaults__,
        helper.__name__,
        helper.__qualname__,
        helper.__module__,
    )
    annotations = helper.__annotations__, helper.__doc__, dict(vars(helper))
    return names, *of_class, Shared().there(), helper(), helper.__kwdefaults__, *of_function, *annotations


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_undone_and_refused(change: Callable[[], None]) -> None:
    before = portrait()
    during = []

    def look() -> None:
        with untouched([Shared, helper, bool]):
            change()
            during.append(portrait())

    with pytest.raises(NotPortable, match="wants to change"):
        look()
    assert during != [before]
    assert portrait() == before


def spoil_and_fail() -> None:
    Shared.kept = 2
    raise ZeroDivisionError


def test_a_change_is_undone_also_where_something_else_fails() -> None:
    before = portrait()
    with pytest.raises(ZeroDivisionError), untouched([Shared]):
        spoil_and_fail()
    assert portrait() == before


def test_what_is_not_changed_is_not_refused() -> None:
    with untouched([Shared, helper, bool, len]):
        assert Shared().there() == "base"
        assert helper() == 3
