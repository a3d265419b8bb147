"""Rebuild: the model that a recipe gives at a batch, from the journal or from how far somebody had come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluvial.errors import Gap
from fluvial.shadow.artefact import Artefacts, Made
from fluvial.shadow.carrier import Carrier
from fluvial.shadow.contender import Contender
from fluvial.shadow.recipe import Recipe
from fluvial.shard import StepFailed

if TYPE_CHECKING:
    from fluvial.history import History, Past


def model_by(
    history: History,
    recipe: Recipe,
    after: int,
    alive: Callable[[], None] = lambda: None,
    *,
    artefacts: Artefacts | None = None,
) -> Any:
    """The model that a recipe gives after a batch; ``alive`` is called for each row that is replayed.

    What lies among ``artefacts`` saves replay and changes nothing. Raises Gap where the records are
    gone, StepFailed where the recipe's model fails on them.
    """
    past, contender = begun(history, recipe, after, alive, artefacts=artefacts)
    go_on(history, past, after, alive)
    if past.batch != after:
        raise Gap(f"the journal of shard {history.index} has no batch {after}; its last one is {past.batch}")
    return made(contender)


def made(contender: Contender) -> Any:
    """The model of a contender that has come to its end. Raises StepFailed."""
    if not contender.usable:
        why = contender.failed or f"batch {contender.recipe.start}, where it begins, has not come"
        raise StepFailed(f"the model cannot be made by its recipe: {why}")
    return contender.model


def begun(
    history: History,
    recipe: Recipe,
    after: int,
    alive: Callable[[], None] = lambda: None,
    *,
    artefacts: Artefacts | None = None,
) -> tuple[Past, Contender]:
    """A shard with its contender, as far as it is there but not after batch ``after``. Raises Gap."""
    if recipe.start > after:
        raise Gap(f"the model begins after batch {recipe.start}, and the shard stands at batch {after}")
    found = artefacts.newest(history.index, recipe, after) if artefacts is not None else None
    if found is not None and not history.is_void(found.batch):
        return _gone_on(history, recipe, found)
    past = history.at(recipe.start, alive)
    contender = Contender(recipe, history.pipeline)
    carrier = Carrier(history.pipeline, history.index, past.shard.state, [contender])
    return type(past)(carrier, past.positions), contender


def go_on(
    history: History,
    past: Past,
    until: int | None,
    alive: Callable[[], None] = lambda: None,
    *,
    chunk: int | None = None,
) -> None:
    """Step a carrier through the rows after it; ``chunk`` as in ``History.walk``. Raises Gap, StepFailed."""
    assert isinstance(past.shard, Carrier)
    for _ in history.walk(past, until, chunk=chunk):
        past.shard.settle()
        past.shard.told()  # nobody compares here: it would pile up
        alive()


def _gone_on(history: History, recipe: Recipe, found: Made) -> tuple[Past, Contender]:
    contender = Contender(recipe, history.pipeline)
    contender.go_on(found.model, found.learned)
    carrier = Carrier(history.pipeline, history.index, found.state, [contender])
    return history.past_of(carrier, found.positions), contender
