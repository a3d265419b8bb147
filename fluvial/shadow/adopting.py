"""Adopting: what a person asked for becomes a recipe in batches, as the journal will carry it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluvial.shadow.onset import batch_before
from fluvial.shadow.recipe import Recipe, recipe_of

if TYPE_CHECKING:
    from fluvial.place import Place


def resolved(place: Place, shard: int, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an adoption with its recipe in them.

    ``rebuild`` asks for the model as it would be without some sources ``since`` a stream time. Raises
    ValueError, LogError.
    """
    if "recipe" in args or "rebuild" not in args:
        return {**args, "recipe": recipe_of(args["recipe"]).as_json()} if "recipe" in args else dict(args)
    asked = args["rebuild"]
    start = batch_before(place, shard, float(asked["since"]))
    recipe = Recipe(start, start, without=tuple(sorted(map(str, asked["without"]))))
    return {**args, "recipe": recipe.as_json()}
