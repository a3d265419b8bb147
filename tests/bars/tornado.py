"""The streams of the Tornado framework, classified by a Hoeffding tree that is reset on alarm.

Pesaranghader, Viktor and Paquet, Reservoir of Diverse Adaptive Learners and Stacking Fast Hoeffding
Drift Detection Methods for Evolving Data Streams, 2018. The files are in ../shared/data.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

from river import tree

from learners.scores import share_of
from tests.bars.said import Hearer, Run
from tests.bars.streams import START, STEP

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "tornado"
FILES = {
    "sine1": ("sine1_w_50_n_0.1_101.arff.gz", (20_000, 40_000, 60_000, 80_000)),
    "mixed": ("mixed_w_50_n_0.1_101.arff.gz", (20_000, 40_000, 60_000, 80_000)),
    "circles": ("circles_w_500_n_0.1_101.arff.gz", (25_000, 50_000, 75_000)),
}
"""File and changes of each stream."""


class Absent(Exception):
    """What a row needs is not on this machine."""


@lru_cache(maxsize=1)
def examples(name: str) -> list[tuple[dict[int, float], str]]:
    """The rows of one stream. Raises Absent."""
    path = DATA / FILES[name][0]
    if not path.exists():
        raise Absent(f"no shared/data/tornado/{path.name} beside the repository")
    with gzip.open(path, "rt") as lines:
        rows = [line.strip().split(",") for line in lines if line.strip() and line[0] not in "@%"]
    return [({i: _number(word) for i, word in enumerate(row[:-1])}, row[-1]) for row in rows]


def _number(word: str) -> float:
    return float(word == "True") if word in ("True", "False") else float(word)


def play(name: str, hearer: Hearer, *, probable: bool = False) -> Run:
    """Predict, compare, learn; on an alarm that calls somebody begin with a fresh tree.

    What is heard are errors, or with ``probable`` what a pipeline watches: the probability that did not go to the
    truth, and one half while the model knows nothing.
    """
    model: Any = tree.HoeffdingTreeClassifier()
    heard, rows = [], examples(name)
    for at, (x, y) in enumerate(rows):
        said = model.predict_proba_one(x) if probable else None
        loss = float(model.predict_one(x) != y) if said is None else 1.0 - share_of(said, y)
        one = hearer.hear(loss, START + at * STEP)
        model.learn_one(x, y)
        if one is not None and one.direction == "worse":
            heard.append(one._replace(at=at))
            model = tree.HoeffdingTreeClassifier()
            hearer.rearm()
    return Run(heard, FILES[name][1], len(rows))
