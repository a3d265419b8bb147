"""Forgetting: the parts of a learner that can be reset one by one, its steps and its categories, by name."""

from collections.abc import Collection, Set
from typing import Any

from learners.asked import category_of, check
from learners.category import inventory_of, known, obstacle, told
from learners.parts import places
from learners.recent import Recent


def can_forget(
    model: Any, recent: Recent, part: str, private: Set[str] = frozenset()
) -> dict[str, Any] | None:
    """What a part's reset makes forgotten, as JSON carries it; None of a step, which forgets everything.

    Raises LookupError, which says what there is, where it cannot be reset. Of fields in ``private``
    nothing is told, so nothing can be named.

    >>> from learners.expression import build
    >>> model = build('OneHot("origin") | linear_model.LogisticRegression()')
    >>> model.learn_one({"origin": "JFK"}, True)
    >>> can_forget(model, Recent({}), "origin=JFK")
    {'weights': 1, 'largest': [['origin=JFK', 0.005]], 'statistics': []}
    >>> can_forget(model, Recent({}), "origin=LGA")
    Traceback (most recent call last):
    LookupError: the model knows no category 'LGA' of 'origin'; it knows JFK
    """
    category = category_of(part)
    if category is None:
        if part not in (steps := places(model)):
            raise LookupError(f"the model has no part {part!r}; it has {', '.join(steps) or 'none to reset'}")
        return None
    if why := obstacle(model, category.field):
        raise LookupError(why)
    there = known(model, recent, private)
    check(category, {name: list(values) for name, values in there.items()})
    return told(there[category.field][category.value])


def inventory(
    model: Any, recent: Recent, fields: Collection[str], private: Set[str] = frozenset()
) -> dict[str, Any]:
    """What can be reset one by one of ``fields``, in bounds and as JSON carries it, without private ones.

    ``categories`` is what :func:`learners.category.inventory_of` says; ``mixed`` says of a field why one of
    its categories cannot be forgotten.
    """
    shown = [name for name in fields if name not in private]
    mixed = {name: why for name in shown if (why := obstacle(model, name))}
    return {"categories": inventory_of(model, recent, private), "mixed": mixed}
