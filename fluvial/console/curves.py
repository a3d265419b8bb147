"""Curves: small ones, drawn on the server as SVG: they are there without any script."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.console.models import PipelineSummary
from fluvial.store import Store, point_table
from learners.scoreboard import CHAMPION

SPOTS = 48
"""Spots of one small curve."""

MOST = 480
"""Points read for one: of many shards the newest spots only."""

AT_ONCE = 100
"""Pipelines in one statement."""

WIDTH, HEIGHT, EDGE = 240.0, 44.0, 3.0


class Curve(NamedTuple):
    """A line as SVG's ``points`` in a box of 240 by 44, the height of the goal, and what it shows."""

    line: str
    goal: float | None
    first: float
    last: float
    of: str


def of_fleet(store: Store, pipelines: Sequence[PipelineSummary]) -> dict[str, Curve]:
    """The newest stretch of each pipeline's chief metric, or of its loss; one statement per 100 pipelines."""
    rows: dict[str, list[Any]] = {}
    for start in range(0, len(pipelines), AT_ONCE):
        some = pipelines[start : start + AT_ONCE]
        with store.read() as db:
            for row in db.execute(sa.union_all(*map(_newest, some))):
                rows.setdefault(row.pipeline, []).append(row)
    drawn = {one.name: _curve(one, rows.get(one.name, [])) for one in pipelines}
    return {name: curve for name, curve in drawn.items() if curve is not None}


def _newest(pipeline: PipelineSummary) -> sa.Select[Any]:
    column = point_table.c
    query = sa.select(column.pipeline, column.time, column.data).where(column.pipeline == pipeline.name)
    limit = min(SPOTS * pipeline.shards, MOST)
    newest = query.order_by(column.time.desc()).limit(limit).subquery()
    return sa.select(newest)


def _curve(pipeline: PipelineSummary, rows: Sequence[Any]) -> Curve | None:
    metric = pipeline.success.metric if pipeline.success else None
    found = [(row.time, value) for row in rows if (value := _value(row.data, metric)) is not None]
    spots = _spots(sorted(found), pipeline.shards)
    if len(spots) < 2:
        return None
    goal = pipeline.success.level if pipeline.success else None
    return draw([value for _, value in spots], goal=goal, of=metric or "loss")


def _value(data: Mapping[str, Any], metric: str | None) -> float | None:
    of = data["loss"].get(CHAMPION) if metric is None else data["recent"].get(CHAMPION, {}).get(metric)
    return None if of is None else float(of)


def _spots(found: Sequence[tuple[float, float]], shards: int) -> list[tuple[float, float]]:
    """Neighbours in time as one: each spot stands for about one point of every shard."""
    groups = [found[at : at + shards] for at in range(0, len(found), shards)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]


def draw(values: Sequence[float], *, goal: float | None = None, of: str = "") -> Curve:
    """Values at equal distances, with room for the goal where there is one.

    >>> draw([1.0, 3.0, 2.0], of="loss").line
    '3,41 120,3 237,22'
    """
    shown = [*values, *([] if goal is None else [goal])]
    low, high = min(shown), max(shown)
    span = high - low or 1.0

    def at(value: float) -> float:
        middle = HEIGHT / 2 if high == low else None
        return round(middle or HEIGHT - EDGE - (value - low) / span * (HEIGHT - 2 * EDGE), 1)

    step = (WIDTH - 2 * EDGE) / max(1, len(values) - 1)
    points = [(round(EDGE + n * step, 1), at(value)) for n, value in enumerate(values)]
    return Curve(
        line=" ".join(f"{x:g},{y:g}" for x, y in points),
        goal=None if goal is None else at(goal),
        first=values[0],
        last=values[-1],
        of=of,
    )
