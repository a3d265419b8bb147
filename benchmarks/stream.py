"""The benchmark's stream and pipelines: eight fields, about 200 bytes, the label in the event."""

import json
import random

from fluvial.config import Pipeline, parse

MODELS = {
    "HoeffdingAdaptiveTree": "tree.HoeffdingAdaptiveTreeClassifier()",
    "LogisticRegression": (
        '(Select("amount", "age", "speed", "level", "ratio", "size") | preprocessing.StandardScaler()) '
        '+ OneHot("channel", "region") | linear_model.LogisticRegression()'
    ),
}

_FILE = """
pipeline: bench
question: How fast is it?
owner: benchmarks
task: binary
model: {model}
id: id
fields:
  id: {{type: text, use: context}}
  amount: {{type: number}}
  age: {{type: number}}
  speed: {{type: number}}
  level: {{type: number}}
  ratio: {{type: number}}
  size: {{type: number}}
  channel: {{type: category}}
  region: {{type: category}}
label: {{type: boolean, field: bought, horizon: 1h}}
batch: 2000
snapshot_every: 1000000
"""


def pipeline(model: str) -> Pipeline:
    """The benchmark's pipeline with one of MODELS."""
    return parse(_FILE.format(model=json.dumps(MODELS[model])), name="benchmark")


def events(n: int, seed: int = 1) -> list[dict[str, object]]:
    """``n`` events whose truth a model can learn."""
    rng = random.Random(seed)
    names = ("amount", "age", "speed", "level", "ratio", "size")
    made = []
    for index in range(n):
        x: dict[str, object] = {name: round(rng.gauss(0, 1), 6) for name in names}
        x |= {"channel": rng.choice(("web", "shop", "phone")), "region": f"r{rng.randrange(12)}"}
        score = float(str(x["amount"])) + 0.5 * float(str(x["age"])) + (x["channel"] == "web")
        made.append({"id": f"event-{index:08d}", **x, "bought": score + rng.gauss(0, 0.5) > 0.3})
    return made


def encoded(made: list[dict[str, object]]) -> list[bytes]:
    """The events as producers send them."""
    return [json.dumps(event).encode() for event in made]
