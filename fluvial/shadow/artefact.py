"""Artefact: how far somebody has come with a recipe, sealed. A cache: it may be missing or spoilt."""

import time
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog

from consumers.record import TopicPartition
from fluvial.config import Pipeline
from fluvial.errors import SnapshotError
from fluvial.fence import at
from fluvial.header import expected_of, header_for, positions_of
from fluvial.shadow.contender import Contender
from fluvial.shadow.recipe import Recipe
from fluvial.shard import Shard
from fluvial.snapshot import header_of, pack, seal_packed, unseal
from fluvial.state import State
from fluvial.store import Store
from fluvial.tables import shadow_artefact_table as table

logger = structlog.get_logger()


class Made(NamedTuple):
    """A shard's state after a batch, with the model that a recipe had given by then."""

    batch: int
    state: State
    model: Any
    learned: int
    positions: dict[TopicPartition, int]


class Artefacts:
    """The artefacts of one pipeline's recipes, the newest of each; without a key there are none."""

    def __init__(self, store: Store, pipeline: Pipeline, key: bytes | None) -> None:
        self._store, self._pipeline, self._key = store, pipeline, key
        self._name = pipeline.pipeline

    def keep(self, shard: Shard, contender: Contender, positions: dict[TopicPartition, int]) -> None:
        """Seal what has been made so far, in place of what was kept of this recipe. Raises SnapshotError."""
        if self._key is None:
            raise SnapshotError("there is no key here to seal it with")
        state, recipe = shard.state, contender.recipe
        header = header_for(self._pipeline, shard.index, state.batch, positions, 0, state.digest)
        body = seal_packed(_packed(state, contender), {**header, "recipe": recipe.key}, self._key)
        row = {"pipeline": self._name, "shard": shard.index, "recipe": recipe.key}
        held = {"batch": state.batch, "body": body, "at": time.time()}
        put = self._store.insert(table).values(row | held)
        with self._store.write() as db:
            db.execute(put.on_conflict_do_update(index_elements=[*row], set_=held))

    def reached(self, shard: int, recipe: Recipe) -> int | None:
        """The batch up to which a recipe has been followed; None where nobody has begun."""
        query = sa.select(table.c.batch).where(*self._of(shard, recipe))
        with self._store.read() as db:
            return db.execute(query).scalar()

    def newest(self, shard: int, recipe: Recipe, until: int) -> Made | None:
        """What was made by a recipe up to a batch or before; None where nothing is of use."""
        if self._key is None:
            return None
        query = sa.select(table.c.body).where(*self._of(shard, recipe), table.c.batch <= until)
        with self._store.read() as db:
            body = db.execute(query).scalar()
        if body is None:
            return None
        try:
            return _opened(
                bytes(body), expected_of(self._pipeline, shard) | {"recipe": recipe.key}, self._key
            )
        except SnapshotError as error:
            logger.warning("artefact left out", shard=shard, recipe=recipe.key, why=str(error))
            return None

    def prune(self, before: float) -> None:
        """Forget what nobody has touched since a clock time."""
        with self._store.write() as db:
            db.execute(sa.delete(table).where(table.c.pipeline == self._name, table.c.at < before))

    def _of(self, shard: int, recipe: Recipe) -> tuple[sa.ColumnElement[bool], ...]:
        return *at(table, self._name, shard), table.c.recipe == recipe.key


def _packed(state: State, contender: Contender) -> bytes:
    """The state with the model laid into it; it is as before when this returns."""
    state.beside = (contender.model, contender.learned)
    try:
        return pack(state)
    finally:
        del state.beside


def _opened(body: bytes, expected: dict[str, Any], key: bytes) -> Made:
    state = unseal(body, expected, key)
    header = header_of(body)
    if state.batch != header["batch"] or not hasattr(state, "beside"):
        raise SnapshotError("it holds no model beside the shard's own")
    model, learned = state.beside
    del state.beside
    return Made(state.batch, state, model, learned, positions_of(header))
