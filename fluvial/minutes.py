"""Minutes: the reviews that were taken, as the store keeps them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from fluvial.review import ACTIONS, Request, Review
from fluvial.store import Store, decision_table, review_table


def taken_as(db: sa.Connection, review_id: str) -> Any | None:
    """The row of the review of that id."""
    return db.execute(sa.select(review_table).where(review_table.c.id == review_id)).first()


def review_of(row: Any) -> Review:
    """The review in a row."""
    values = dict(row._mapping)
    del values["number"], values["version"]
    return Review(**values)


def last(
    db: sa.Connection, pipeline: str, actions: Sequence[str], incident: str | None = None
) -> Review | None:
    """The newest review of these kinds, of a pipeline or of one incident."""
    column = review_table.c
    query = sa.select(review_table).where(column.pipeline == pipeline, column.action.in_(actions))
    if incident is not None:
        query = query.where(column.incident == incident)
    row = db.execute(query.order_by(column.number.desc()).limit(1)).first()
    return review_of(row) if row else None


def asks(db: sa.Connection, review_id: str, request: Request) -> bool:
    """Whether what a review told the shards is what a request asks for."""
    column = decision_table.c
    query = sa.select(column.shard, column.args).where(column.review == review_id)
    told = db.execute(query.where(column.action == request.action)).all()
    elsewhere = request.shard is not None and request.shard not in [one.shard for one in told]
    return not (elsewhere and told) and all(_says(one.args, request) for one in told)


def _says(args: Mapping[str, Any], request: Request) -> bool:
    """Whether what a shard was told is what a request asks for."""
    asked = {"batch": request.batch, "variant": request.variant, "part": request.part}
    if request.action in ("exclude_source", "include_source"):
        asked["source"] = request.source
    return all(args.get(name) == value for name, value in asked.items())


def told(db: sa.Connection, review_id: str) -> dict[str, Any] | None:
    """What a review told the shards beside its verb; None where it told them nothing."""
    query = sa.select(decision_table.c.args).where(decision_table.c.review == review_id)
    return db.execute(query.limit(1)).scalar()


def tuned(db: sa.Connection, pipeline: str) -> dict[str, float]:
    """The budget and the smallest change that people have set for a pipeline; empty where nobody has."""
    column = decision_table.c
    query = sa.select(column.args).where(column.pipeline == pipeline, column.action == "set_budget")
    found: dict[str, float] = {}
    for args in db.execute(query.order_by(column.id)).scalars():
        found |= args
    return found


def history(
    store: Store, *, pipeline: str | None = None, incident: str | None = None, limit: int = 200
) -> list[Review]:
    """Reviews, the newest first."""
    query = sa.select(review_table).order_by(review_table.c.number.desc()).limit(limit)
    if pipeline is not None:
        query = query.where(review_table.c.pipeline == pipeline)
    if incident is not None:
        query = query.where(review_table.c.incident == incident)
    with store.read() as db:
        return [review_of(row) for row in db.execute(query)]


def counts(store: Store, pipeline: str) -> dict[str, int]:
    """How many reviews a pipeline has had, by action."""
    column = review_table.c
    query = sa.select(column.action, sa.func.count()).where(column.pipeline == pipeline)
    with store.read() as db:
        found = {action: int(n) for action, n in db.execute(query.group_by(column.action)).all()}
    return {action: found.get(action, 0) for action in ACTIONS}
