"""Forgetting: which parts of a pipeline's models can be reset, and what of a category would be forgotten.

Steps are those that each shard reports of the model at work. Categories are those that the newest snapshot
of a shard tells of: they are shown and listed by it, and never learned from. What is really forgotten is
found when the shard takes the decision up, and stands in the journal.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.review import NotPossible
from fluvial.store import shard_table, snapshot_table
from learners.asked import Category, category_of, check

OFFERED = 500
"""Categories that a page offers, at most."""


class Knowing(NamedTuple):
    """What the newest snapshot of a shard that tells says: of which categories, found after which batch.

    ``dated`` says that they were found before that snapshot was taken: there may be more by now.
    """

    shard: int
    batch: int
    dated: bool
    categories: Mapping[str, Any]
    mixed: Mapping[str, str]


def parts_of(db: sa.Connection, course: Any, shards: Iterable[int] | None = None) -> list[str]:
    """The steps that can be reset of the models at work; of the pipeline file where no shard has reported."""
    column = shard_table.c
    query = sa.select(column.status).where(column.pipeline == course.pipeline).order_by(column.shard)
    if shards is not None:
        query = query.where(column.shard.in_(list(shards)))
    said = [(status or {}).get("parts") for status in db.execute(query).scalars()]
    told: list[list[str]] = [some for some in said if some is not None]
    if told:
        return list(dict.fromkeys(name for some in told for name in some))
    # River takes a second to load, and nearly always a shard has reported
    from learners.expression import ExpressionError, build  # noqa: PLC0415
    from learners.parts import places  # noqa: PLC0415

    try:
        return list(places(build(str(course.facts.get("model", "")))))
    except ExpressionError:
        return []


def knowing(db: sa.Connection, pipeline: str, shards: Iterable[int] | None = None) -> list[Knowing]:
    """What the shards are known to know, one by one; those without such a snapshot are left out."""
    column = snapshot_table.c
    newest = sa.select(column.shard, sa.func.max(column.batch).label("batch")).where(
        column.pipeline == pipeline, column.knows.is_not(None)
    )
    if shards is not None:
        newest = newest.where(column.shard.in_(list(shards)))
    found = newest.group_by(column.shard).subquery()
    query = sa.select(column.shard, column.batch, column.knows).join(
        found, sa.and_(column.shard == found.c.shard, column.batch == found.c.batch)
    )
    rows = db.execute(query.where(column.pipeline == pipeline).order_by(column.shard)).all()
    return [
        Knowing(
            row.shard,
            row.knows["batch"],
            row.knows["batch"] < row.batch,
            row.knows["categories"],
            row.knows["mixed"],
        )
        for row in rows
        if row.knows  # JSON's null is one, too
    ]


def categories_of(db: sa.Connection, pipeline: str) -> list[str]:
    """The categories that can be forgotten, as they are named, sorted."""
    told = {
        f"{field}={value}"
        for one in knowing(db, pipeline)
        for field, found in one.categories.items()
        for value in found["values"]
    }
    return sorted(told)[:OFFERED]


def refuse_part(db: sa.Connection, course: Any, part: str | None, shards: Iterable[int]) -> None:
    """Raise NotPossible, which lists what there is, where no shard concerned can reset a part.

    That a model mixes categories holds for as long as it is at work. What categories it knows does not: what
    is told of an earlier moment calls none unknown, the shard itself will see.
    """
    category = category_of(part or "")
    if category is None:
        there = parts_of(db, course, shards)
        if part not in there:
            names = f"there are {', '.join(there)}" if there else "there is none"
            raise NotPossible(f"the model of {course.pipeline} has no part {part!r}: {names}")
        return
    objections = [_objection(one, category) for one in knowing(db, course.pipeline, shards)]
    if objections and all(objections):
        raise NotPossible(objections[0])


def _objection(one: Knowing, category: Category) -> str:
    if category.field in one.mixed:
        return one.mixed[category.field]
    if one.dated:
        return ""
    there = {field: list(found["values"]) for field, found in one.categories.items()}
    more = one.categories.get(category.field, {}).get("more", 0)
    try:
        check(category, there, more)
    except LookupError as why:
        return f"{why.args[0]} (shard {one.shard}, after batch {one.batch:,})"
    return ""


def forgets(db: sa.Connection, pipeline: str, part: str, shards: Iterable[int]) -> str:
    """What a reset of a part would make forgotten, in a sentence."""
    category = category_of(part)
    if category is None:
        return (
            f"With the next batch {part} forgets what it has learned; the rest of the model stays, and its "
            "monitors warm up again. Undone by a rollback to the batch before."
        )
    told = "; ".join(_of_shards(knowing(db, pipeline, shards), category))
    statistics = (
        " What recent statistics held of it comes back by new events alone." if "entr" in told else ""
    )
    return (
        f"With the next batch all that the model has learned of {category} is forgotten"
        f"{f' ({told})' if told else ''}; the rest stays, and its monitors warm up again. Its weights are "
        f"brought back by a rollback to the batch before.{statistics}"
    )


def _of_shards(known: Iterable[Knowing], category: Category) -> Iterator[str]:
    for one in known:
        found = one.categories.get(category.field, {}).get("values", {}).get(category.value)
        if found is not None:
            yield f"{in_words(found)} after batch {one.batch:,} of shard {one.shard}"


def in_words(forgot: Mapping[str, Any]) -> str:
    """What is known of a category, in a clause.

    >>> in_words({"weights": 1, "largest": [["carrier=WN", 0.3125]], "statistics": ["late"]})
    '1 weight: carrier=WN at 0.312, 1 entry of recent statistics: late'
    """
    n, names = forgot["weights"], forgot["statistics"]
    largest = ", ".join(f"{name} at {weight:.3g}" for name, weight in forgot["largest"] if weight is not None)
    among = "" if n <= len(forgot["largest"]) else "among them "
    said = [f"{n:,} weight{'' if n == 1 else 's'}{f': {among}{largest}' if largest else ''}"]
    if names:
        said.append(
            f"{len(names)} entr{'y' if len(names) == 1 else 'ies'} of recent statistics: {', '.join(names)}"
        )
    return ", ".join(said)
