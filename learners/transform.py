"""Transformers whose output keeps the order of the contract, and a union that keeps its own.

River's ``compose.Select`` keeps its names in a set, so that float sums follow the hash seed, and its
union hands over its parts last to first. These go left to right.

None of them keeps state. What an event does not have is left out, never invented; NaN and None do
not get this far (the contract refuses them or fills them in).
"""

from functools import cache
from typing import Any
from zlib import crc32

from river import base, compose

from consumers.event import Value
from consumers.image import Image

CATEGORY = (str, bool)
"""What counts as a category where no names are given."""

NO_NUMBER = (*CATEGORY, Image)


class Select(base.Transformer):  # type: ignore[misc]
    """The named fields, in the order given; a field that the event lacks is left out.

    >>> Select("hour", "distance").transform_one({"distance": 187.0, "hour": 5})
    {'hour': 5, 'distance': 187.0}
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def transform_one(self, x: dict[str, Value]) -> dict[str, Value]:
        """The fields that are there."""
        return {name: x[name] for name in self.names if name in x}


class Numbers(base.Transformer):  # type: ignore[misc]
    """The numeric fields in the order they come; yes or no is no number, nor is an image.

    >>> Numbers().transform_one({"origin": "JFK", "distance": 187.0, "holiday": True})
    {'distance': 187.0}
    """

    def transform_one(self, x: dict[str, Value]) -> dict[str, Value]:
        """The fields that hold a number."""
        return {name: value for name, value in x.items() if not isinstance(value, NO_NUMBER)}


class Pixels(base.Transformer):  # type: ignore[misc]
    """The pixels of the named images, of all images without names: one number from 0 to 1 for each.

    They are called after field, row and column and come row by row.

    >>> look = Image((0.0, 0.25, 0.5, 1.0), 0.4, 0.1, 64, 48)
    >>> Pixels("door").transform_one({"hour": 5, "door": look})
    {'door_0_0': 0.0, 'door_0_1': 0.25, 'door_1_0': 0.5, 'door_1_1': 1.0}
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def transform_one(self, x: dict[str, Value]) -> dict[str, float]:
        """The pixels of the images that are there."""
        found = [(name, x[name]) for name in self.names or x if name in x]
        return {
            place: level
            for name, value in found
            if isinstance(value, Image)
            for place, level in zip(_places(name, value.size), value.pixels, strict=True)
        }


@cache
def _places(name: str, size: int) -> tuple[str, ...]:
    """What the pixels of a field are called."""
    return tuple([f"{name}_{row}_{column}" for row in range(size) for column in range(size)])


class OneHot(base.Transformer):  # type: ignore[misc]
    """One feature per field and value, 1 where the event has it.

    Without names all text and yes/no fields are encoded; with names these fields are, numbers
    included. Other fields are left out. Nothing is remembered: a value never seen before is just one
    more feature, which a model that has no weight for it ignores.

    >>> OneHot().transform_one({"origin": "JFK", "distance": 187.0, "holiday": True})
    {'origin=JFK': 1, 'holiday=True': 1}
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def transform_one(self, x: dict[str, Value]) -> dict[str, int]:
        """The encoded fields."""
        if self.names:
            return {f"{name}={x[name]}": 1 for name in self.names if name in x}
        return {f"{name}={value}": 1 for name, value in x.items() if isinstance(value, CATEGORY)}


class Hash(base.Transformer):  # type: ignore[misc]
    """As OneHot without names, into a fixed number of features: a model cannot grow without end.

    Fields and values that fall on the same feature share it: Weinberger et al., Feature hashing for
    large scale multitask learning, 2009. For fields with many values, or values that strangers choose.

    >>> Hash(1000).transform_one({"tail": "N14228", "distance": 187.0})
    {'#415': 1}
    """

    def __init__(self, size: int = 4096) -> None:
        self.size = size

    def transform_one(self, x: dict[str, Value]) -> dict[str, int]:
        """The features that the event's fields fall on."""
        return {
            f"#{crc32(f'{name}={value}'.encode('utf-8', 'replace')) % self.size}": 1
            for name, value in x.items()
            if isinstance(value, CATEGORY)
        }


class Interact(base.Transformer):  # type: ignore[misc]
    """The crossed category of some fields: one feature per combination of their values.

    Nothing if one of the fields is absent.

    >>> Interact("origin", "hour").transform_one({"origin": "JFK", "hour": 5})
    {'origin=JFK&hour=5': 1}
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def transform_one(self, x: dict[str, Value]) -> dict[str, int]:
        """The combination, if it is complete."""
        if any(name not in x for name in self.names):
            return {}
        return {"&".join([f"{name}={x[name]}" for name in self.names]): 1}


class Union(compose.TransformerUnion):  # type: ignore[misc]
    """What ``+`` builds: the outputs of several transformers, left to right.

    Where two give the same name, the later value stands, in the place of the earlier one.

    >>> x = {"origin": "JFK", "hour": 5}
    >>> Union(Select("hour"), OneHot()).transform_one(x)
    {'hour': 5, 'origin=JFK': 1}
    """

    def transform_one(self, x: dict[str, Value]) -> dict[str, Any]:
        """All outputs in one."""
        features: dict[str, Any] = {}
        for transformer in self.transformers.values():
            features.update(transformer.transform_one(x))
        return features
