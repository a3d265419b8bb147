"""Outcomes and arrivals made by hand, for what a card computes from them."""

from __future__ import annotations

import random
from typing import Any

from fluvial.card.recorder import Arrival, Known


def known(n: int, *, first: int = 0, loss: float = 0.2, seed: int = 1, **values: Any) -> list[Known]:
    """Outcomes, one a second; values that can be called are called with a random generator."""
    r = random.Random(seed)
    made = []
    for i in range(first, first + n):
        said = {name: value(r) if callable(value) else value for name, value in values.items()}
        bad = min(1.0, max(0.0, r.gauss(loss, 0.1)))
        made.append(
            Known(
                f"e{i}",
                float(i),
                i - 10.0,
                said,
                1.0 - bad,
                True,
                bad,
                10.0 * bad,
                float(bad > 0.5),
                10.0,
                None,
            )
        )
    return made


def arrivals(n: int, *, seed: int = 1, filled: tuple[str, ...] = (), **values: Any) -> list[Arrival]:
    """Events, one a second."""
    return [
        Arrival(one.id, one.at, one.time, one.values, filled, None) for one in known(n, seed=seed, **values)
    ]
