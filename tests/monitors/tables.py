"""Tables of 20 fields to watch: what the world looks like while nothing changes, and one change in it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.signal import lfilter

from monitors.part import Kind

DT = 86400 / 5000
"""Seconds between two events: 5,000 a day."""

NUMBERS = [f"g{i}" for i in range(7)] + ["ln0", "ln1", "t0", "t1", "ar9a", "ar9b", "ar99", "season"]
CATEGORIES = [f"c{i}" for i in range(5)]
KINDS: dict[str, Kind] = {**dict.fromkeys(NUMBERS, "number"), **dict.fromkeys(CATEGORIES, "category")}
RATES = [0.3, 0.25, 0.2, 0.1, 0.1, 0.05]

CHANGES = {
    "mean": ("g0", ("location",)),
    "scale": ("g1", ("spread", "range")),
    "share": ("c0", ("=3",)),
    "missing": ("g2", ("missing",)),
    "mean of AR(.9)": ("ar9a", ("location",)),
}
"""What can change in a table: the field that moves, and the parts of it that may say so first."""


def ar(random: np.random.Generator, rho: float, n: int) -> np.ndarray:
    """An autoregressive series of unit variance."""
    noise = random.standard_normal(n) * np.sqrt(1 - rho * rho)
    return np.asarray(lfilter([1], [1, -rho], noise, zi=[random.standard_normal() * rho])[0])


def _number(random: np.random.Generator, name: str, n: int) -> np.ndarray:
    if name.startswith("ln"):
        return np.exp(random.standard_normal(n))
    if name.startswith("t"):
        return random.standard_t(3, n)
    if name.startswith("ar"):
        return ar(random, 0.99 if name == "ar99" else 0.9, n)
    if name == "season":
        return np.sin(2 * np.pi * np.arange(n) / 5000) + 0.5 * random.standard_normal(n)
    return random.standard_normal(n)


def _changed(random: np.random.Generator, columns: dict[str, np.ndarray], change: str, at: int) -> None:
    if change == "mean":
        columns["g0"][at:] += 0.5
    elif change == "scale":
        columns["g1"][at:] *= 3
    elif change == "mean of AR(.9)":
        columns["ar9a"][at:] += 0.5
    elif change == "share":
        rest = 0.7 / 0.9
        rates = [0.3 if i == 3 else rate * rest for i, rate in enumerate(RATES)]
        columns["c0"][at:] = random.choice(6, len(columns["c0"]) - at, p=rates)


def table(seed: int, n: int, change: str = "", at: int = 50_000) -> list[list[Any]]:
    """The columns of ``KINDS``, None where a value is missing (1 %); ``change`` (of CHANGES) comes at ``at``."""
    random = np.random.default_rng(seed)
    columns = {name: _number(random, name, n) for name in NUMBERS}
    columns |= {name: random.choice(6, n, p=RATES) for name in CATEGORIES}
    by_day = random.random(n) < 0.5 * (1 + np.sin(2 * np.pi * np.arange(n) / 5000)) * 0.3
    columns["c4"] = np.where(by_day, 5, columns["c4"])
    _changed(random, columns, change, at)
    missing = {name: random.random(n) < 0.01 for name in KINDS}
    if change == "missing":
        missing["g2"][at:] = random.random(n - at) < 0.10
    return [
        [
            None if gone else _plain(value)
            for value, gone in zip(columns[name].tolist(), missing[name], strict=True)
        ]
        for name in KINDS
    ]


def _plain(value: float) -> float | str:
    return str(value) if isinstance(value, int) else value


def events(columns: list[list[Any]]) -> Iterator[tuple[dict[str, Any], float]]:
    """The values of each event that are present, and its time."""
    for i, row in enumerate(zip(*columns, strict=True)):
        yield {name: value for name, value in zip(KINDS, row, strict=True) if value is not None}, i * DT
