"""Twenty fields as pipelines have them: bell-shaped, skewed, heavy-tailed, dependent, seasonal, categories."""

from __future__ import annotations

from collections.abc import Iterator
from math import pi
from typing import Any, NamedTuple

import numpy as np

from monitors.part import Kind
from tests.bars.streams import A_DAY, autoregression, times

NUMBERS = (*(f"g{i}" for i in range(7)), "ln0", "ln1", "t0", "t1", "ar9a", "ar9b", "ar99", "season")
CATEGORIES = tuple(f"c{i}" for i in range(5))
KINDS: dict[str, Kind] = {**dict.fromkeys(NUMBERS, "number"), **dict.fromkeys(CATEGORIES, "category")}
SHARES = (0.30, 0.25, 0.20, 0.10, 0.10, 0.05)
NAMES = np.array(["a", "b", "c", "d", "e", "f"], dtype=object)
MISSING = 0.01

CHANGES = {
    "mean": "g0",
    "scale": "g1",
    "share": "c0",
    "missing": "g2",
    "dependent": "ar9a",
}
"""Each change that is planted, and the field it is planted in."""

Values = dict[str, Any]


class Table(NamedTuple):
    """Rows of twenty values with their times; ``change`` is where one field begins to be otherwise."""

    columns: dict[str, list[Any]]
    times: list[float]
    change: int | None

    def rows(self) -> Iterator[Values]:
        """The values of one event after the other; None where one is missing."""
        names = list(self.columns)
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(names, values, strict=True))


def table(seed: int, n: int, change: str = "", at: int = 0) -> Table:
    """Twenty columns of ``n``; ``change`` happens to its field from row ``at`` on."""
    draw = np.random.default_rng(seed)
    columns = {name: _number(name, draw, n) for name in NUMBERS}
    columns |= {name: draw.choice(NAMES, n, p=SHARES) for name in CATEGORIES}
    columns["c4"] = np.where(draw.random(n) < 0.15 * (1.0 + _day(n)), "f", columns["c4"])
    missing = {name: draw.random(n) < MISSING for name in columns}
    _change(change, at, n, draw, columns, missing)
    shown = {
        name: [None if gone else value for value, gone in zip(column.tolist(), missing[name], strict=True)]
        for name, column in columns.items()
    }
    return Table(shown, times(n), at if change else None)


def _day(n: int) -> Any:
    return np.sin(2.0 * pi * np.arange(n) / A_DAY)


def _number(name: str, draw: Any, n: int) -> Any:
    match name:
        case "ln0" | "ln1":
            return np.exp(draw.standard_normal(n))
        case "t0" | "t1":
            return draw.standard_t(3, n)
        case "ar9a" | "ar9b":
            return autoregression(draw, 0.9, n)
        case "ar99":
            return autoregression(draw, 0.99, n)
        case "season":
            return _day(n) + 0.5 * draw.standard_normal(n)
        case _:
            return draw.standard_normal(n)


def _change(what: str, at: int, n: int, draw: Any, columns: dict[str, Any], missing: dict[str, Any]) -> None:
    match what:
        case "mean" | "dependent":
            columns[CHANGES[what]][at:] += 0.5
        case "scale":
            columns["g1"][at:] *= 3.0
        case "share":
            rest = [share * 0.7 / 0.9 for share in SHARES]
            shares = [*rest[:3], 0.3, *rest[4:]]
            columns["c0"][at:] = draw.choice(NAMES, n - at, p=shares)
        case "missing":
            missing["g2"][at:] = draw.random(n - at) < 0.10
        case "":
            pass
        case _:
            raise ValueError(f"no change is called {what!r}")
