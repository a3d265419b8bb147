"""Recipe: how a model is made from the journal, in words that are as good in a year as they are today."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Recipe(NamedTuple):
    """A model that stands beside a shard's own, is asked what that one is asked, and learns otherwise.

    It begins after batch ``start``: as the shard's own model was then, or ``fresh``, of the expression
    ``model`` (None: that of the pipeline file). It learns from the batches after ``first`` up to and with
    ``last`` (None: from then on), but nothing of the sources ``without``, and what was not learned because
    of a pause only where it does not heed pauses. Features are those that the shard computed. Decisions
    that gave the shard another model after ``start`` do not concern it.
    """

    start: int
    first: int
    last: int | None = None
    fresh: bool = False
    model: str | None = None
    without: tuple[str, ...] = ()
    heeds_pauses: bool = True

    def as_json(self) -> dict[str, Any]:
        """As the arguments of a decision carry it."""
        return {**self._asdict(), "without": list(self.without)}

    @property
    def key(self) -> str:
        """A short name that recipes share only if they mean the same."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()[:16]


def recipe_of(said: Mapping[str, Any]) -> Recipe:
    """The recipe that JSON carries. Raises ValueError where it carries none."""
    try:
        numbers = [int(said["start"]), int(said["first"])]
        last = None if said.get("last") is None else int(said["last"])
        model = None if said.get("model") is None else str(said["model"])
        without = tuple(sorted(str(name) for name in said.get("without", ())))
        heeds = bool(said.get("heeds_pauses", True))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{str(dict(said))[:200]} is no recipe of a model") from None
    recipe = Recipe(numbers[0], numbers[1], last, bool(said.get("fresh", False)), model, without, heeds)
    if not 0 <= recipe.start <= recipe.first or (last is not None and last < recipe.first):
        raise ValueError("a recipe begins at a batch, and learns from then on or from a later one")
    return recipe
