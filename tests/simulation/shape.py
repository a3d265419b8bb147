"""Shape: what kind of history a seed is: the pipeline, its stream, and how much goes wrong."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache

from fluvial.config import Pipeline, parse
from tests.simulation.faults import Appetite

MODELS = (
    'Select("x") | linear_model.LogisticRegression()',
    'Select("x") | naive_bayes.GaussianNB()',
    "dummy.PriorClassifier()",
)
LABELS = (
    {"type": "boolean", "horizon": "1h"},
    {"type": "boolean", "horizon": "9s"},
    {"type": "boolean", "horizon": "9s", "default": False},
    {"type": "boolean", "horizon": "1h", "field": "truth"},
)
LEDGERS: tuple[dict[str, int], ...] = ({}, {"waiting": 6, "early": 3, "settled": 12})

TEXT = """
pipeline: sim
question: Does the simulated coin show heads?
owner: tests
task: binary
id: id
fields:
  id: {type: text, use: context}
  x: {type: number}
monitor: {warmup: 8, settle: 8, block: 1, smallest_change: 0, budget: 100000, seasons: []}
"""


@dataclass(frozen=True)
class Shape:
    """What the seed decided before anything happens. Chances are per action."""

    pipeline: Pipeline
    label: int
    roomy: bool
    records: int
    actions: int
    workers: int
    prompt: float
    damage: float
    poison: bool
    late_saver: bool
    report_every: float
    look: float
    appetite: Appetite

    @property
    def plain(self) -> bool:
        """Whether every label finds its event however late: then the books can be kept by hand."""
        return self.roomy and LABELS[self.label] == LABELS[0]


@cache
def base(model: int, label: int, ledger: int) -> Pipeline:
    """A pipeline file read once; its sections are shared by all histories."""
    sections = {"model": MODELS[model], "label": LABELS[label], "ledger": LEDGERS[ledger]}
    return parse(TEXT + "".join(f"{name}: {json.dumps(value)}\n" for name, value in sections.items()))


def habits(rng: random.Random) -> dict[str, object]:
    """How a worker runs: what may be another way after each restart without any effect."""
    return {
        "batch": rng.choice((1, 2, 4, 9, 30)),
        "linger": rng.choice((0.0, 0.0, 0.01, 0.3)),
        "snapshot_every": rng.choice((2, 8, 20, 50)),
        "standby": rng.choice(("warm", "warm", "cold")),
    }


def draw(seed: int) -> Shape:
    """The shape of a history."""
    rng = random.Random(f"shape {seed}")
    model, label, ledger = rng.choice((0, 0, 1, 2)), rng.choice((0, 0, 0, 1, 2, 3)), rng.choice((0, 0, 1))
    layout = {"partitions": rng.choice((1, 2, 3)), "learn": rng.choice(("one-model", "per-partition"))}
    calm = rng.random() < 0.05
    appetite = Appetite(
        places=0.0 if calm else rng.choice((0.1, 0.2, 0.4)),
        most=rng.choice((3, 6, 12)),
        latency=0.0 if calm else rng.choice((0.0, 0.0, 0.2, 0.6)),
        poll_records=rng.choice((1, 3, 50)),
    )
    return Shape(
        pipeline=base(model, label, ledger).model_copy(update=layout | habits(rng)),
        label=label,
        roomy=ledger == 0,
        records=rng.choice((12, 25, 50)),
        actions=rng.choice((25, 40, 60)),
        workers=rng.choice((1, 2, 2, 3, 4)),
        prompt=rng.choice((0.1, 0.5, 1.0)),
        damage=rng.choice((0.0, 0.0, 0.0, 0.02, 0.06)),
        poison=rng.random() < 0.1,
        late_saver=rng.random() < 0.5,
        report_every=rng.choice((5.0, 60.0, 300.0)),
        look=rng.choice((0.0, 0.0, 0.002)),
        appetite=appetite,
    )
