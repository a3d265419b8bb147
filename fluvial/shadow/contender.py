"""Contender: a model beside a shard's own, made by a recipe while the journal goes by."""

from collections.abc import Mapping
from typing import Any

from consumers.event import Value
from fluvial.config import Pipeline
from fluvial.copies import copy_of
from fluvial.follow import TROUBLE
from fluvial.shadow.recipe import Recipe
from fluvial.state import State
from learners.expression import build
from learners.learner import comes_from
from learners.prediction import Outcome
from learners.scoring import Forecast
from learners.task import FAULTS, task_named


class Contender:
    """One model by its ``recipe``; ``failed`` says why it is of no use where it met what it cannot do.

    It is there from the moment when the shard has come to the recipe's start; ``learned`` counts labels.
    """

    def __init__(self, recipe: Recipe, pipeline: Pipeline) -> None:
        self.recipe, self._pipeline = recipe, pipeline
        self._task = task_named(pipeline.task, pipeline.cost)
        self.model: Any = None
        self.begun = False
        self.learned = 0
        self.failed: str | None = None

    def meet(self, state: State) -> None:
        """Begin, if the shard stands where the recipe starts. Call it between batches."""
        if self.begun or state.batch < self.recipe.start:
            return
        self.begun = True
        if state.batch > self.recipe.start:
            self.failed = f"it begins after batch {self.recipe.start}, which lies before what is replayed"
        elif self.recipe.fresh:
            self.model = build(self.recipe.model or self._pipeline.model, seed=self._pipeline.seed)
        else:
            self.model = copy_of(state).learner.model

    def go_on(self, model: Any, learned: int = 0) -> None:
        """Begin with a model that this recipe had made before."""
        self.begun, self.model, self.learned = True, model, learned

    @property
    def usable(self) -> bool:
        """Whether there is a model that can be asked."""
        return self.begun and self.failed is None

    def foresee(self, features: dict[str, Value]) -> Forecast | None:
        """Its forecast; None where it has none to give."""
        if not self.usable:
            return None
        try:
            return self._task.predict(self.model, features)
        except (*TROUBLE, *FAULTS) as error:
            self._fail(error)
            return None

    def hear(self, outcome: Outcome, batch: int, *, paused: bool) -> None:
        """Learn from an outcome of a batch, if the recipe says so."""
        if not self.usable or not self._learns(outcome, batch, paused=paused):
            return
        try:
            self._task.learn(self.model, dict(outcome.features), outcome.truth)
            self.learned += 1
        except (*TROUBLE, *FAULTS) as error:
            self._fail(error)

    def _learns(self, outcome: Outcome, batch: int, *, paused: bool) -> bool:
        recipe = self.recipe
        if batch <= recipe.first or (recipe.last is not None and batch > recipe.last):
            return False
        if paused and recipe.heeds_pauses:
            return False
        values: Mapping[str, Value] = outcome.values
        barred = recipe.without and comes_from(recipe.without, outcome.source, values, self._pipeline.source)
        return not barred

    def _fail(self, error: Exception) -> None:
        self.failed = f"{type(error).__name__}: {error}"
        self.model = None
