"""Streams: five pipelines, each around another kind of model, and the records that feed them."""

import json
import random
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from fluvial.config import Pipeline, parse

START = 1_700_000_000_000
LAG = 10
"""Events between an event and its label."""

EARLY = 0.05
"""The share of labels that come before their event."""

Fed = tuple[str, str, bytes, int]
"""Stream, id, value, and time in ms."""

_FILE = """
pipeline: {name}
question: What will come?
owner: tests
task: {task}
model: {model}
id: id
fields:
  id: {{type: text, use: context}}
  mint: {{type: category, use: context}}
  weight: {{type: number}}
  wear: {{type: number}}
label: {{type: {label}, horizon: 1h}}
recent:
  seen: {{of: label, stat: mean, by: mint, last: 20, default: 0{equals}}}
monitor: {{warmup: 300, settle: 300, block: 10, seasons: []}}
linger: 0.002
"""
_BOTH = 'Select("weight", "wear")'


class Kind(NamedTuple):
    """A kind of model: what it is asked, how it is split into shards."""

    task: str
    model: str
    label: str
    partitions: int = 1


KINDS = {
    "linear": Kind(
        "binary",
        'Select("weight", "wear", "seen") | preprocessing.StandardScaler() | linear_model.LogisticRegression()',
        "boolean",
    ),
    "tree": Kind(
        "binary", f"{_BOTH} | tree.HoeffdingAdaptiveTreeClassifier(grace_period=20)", "boolean", partitions=2
    ),
    "forest": Kind(
        "binary", f"{_BOTH} | forest.ARFClassifier(n_models=3, grace_period=20, delta=0.2)", "boolean"
    ),
    "neighbours": Kind(
        "multiclass", f"{_BOTH} | neighbors.KNNClassifier(engine=neighbors.LazySearch(window_size=50))", "category"
    ),
    "regression": Kind(
        "regression",
        f'{_BOTH} | tree.HoeffdingTreeRegressor(grace_period=20, leaf_prediction="mean")',
        "number",
        partitions=2,
    ),
}  # fmt: skip


@cache
def pipeline_of(kind: str) -> Pipeline:
    """The pipeline of one of KINDS."""
    task, model, label, partitions = KINDS[kind]
    text = _FILE.format(
        name=f"coins-{kind}",
        task=task,
        model=json.dumps(model),
        label=label,
        equals=", equals: high" if label == "category" else "",
    )
    made = parse(text, name=kind)
    split = {"partitions": partitions, "learn": "per-partition"} if partitions > 1 else {}
    return made.model_copy(update=split)


class Stream:
    """The records of one kind, a few at a time and always the same; ``events`` were taken so far."""

    def __init__(self, kind: str) -> None:
        self._label, self.events = KINDS[kind].label, 0
        self._due: list[int] = []

    def take(self, n: int) -> Iterator[Fed]:
        """The next ``n`` events and the labels that come among them."""
        for number in range(self.events, self.events + n):
            rng = random.Random(number)
            weight, wear = rng.gauss(0, 1), rng.gauss(0, 1)
            event = {"id": _id(number), "mint": "ABC"[number % 3], "weight": weight, "wear": wear}
            early = rng.random() < EARLY
            if early:
                yield self._labelled(number, number)
            else:
                self._due.append(number)
            yield "events", _id(number), json.dumps(event).encode(), START + number * 1000 + early
            if self._due and self._due[0] <= number - LAG:
                yield self._labelled(self._due.pop(0), number)
            self.events = number + 1

    def rest(self) -> Iterator[Fed]:
        """The labels that are still due."""
        for number in self._due:
            yield self._labelled(number, self.events + LAG)
        self._due = []

    def _labelled(self, number: int, now: int) -> Fed:
        label = {"id": _id(number), "label": _truth(self._label, number)}
        return "labels", _id(number), json.dumps(label).encode(), START + now * 1000


def _truth(label: str, number: int) -> bool | str | float:
    rng = random.Random(number)
    weight, wear = rng.gauss(0, 1), rng.gauss(0, 1)
    drifted = -1 if (number // 3000) % 2 else 1
    score = drifted * weight + 0.5 * wear
    match label:
        case "boolean":
            return score > 0
        case "category":
            return "low" if score < -0.5 else "high" if score > 0.5 else "middle"
        case _:
            return score


def _id(number: int) -> str:
    return f"coin-{number}"
