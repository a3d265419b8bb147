"""Asked: what of a learner somebody wants forgotten, by name, and whether it is among what is known."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

LISTED = 12
"""Names that a refusal lists."""


class Category(NamedTuple):
    """A value of a field, as text."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}={self.value}"


def category_of(part: str) -> Category | None:
    """The category that a part names; None for a step of a model, whose name holds no sign of equality.

    >>> category_of("carrier=WN"), category_of("StandardScaler")
    (Category(field='carrier', value='WN'), None)
    """
    field, parted, value = part.partition("=")
    return Category(field, value) if parted else None


def check(category: Category, there: Mapping[str, Collection[str]], more: int = 0) -> None:
    """Raise LookupError where a category is not among those of each field.

    ``more`` of its field are known and not listed: then nobody can tell.
    """
    if category.field not in there:
        fields = f"it knows some of {', '.join(sorted(there))}" if there else "it knows none of any field"
        raise LookupError(f"the model knows no category of {category.field!r}; {fields}")
    values = there[category.field]
    if category.value not in values and not more:
        listed = ", ".join(sorted(values)[:LISTED]) + (" and others" if len(values) > LISTED else "")
        raise LookupError(
            f"the model knows no category {category.value!r} of {category.field!r}; it knows {listed}"
        )
