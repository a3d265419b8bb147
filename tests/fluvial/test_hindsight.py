"""No label is used before its time: what comes later cannot change what was said before."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from consumers.record import Record
from fluvial.aftermath import Taken
from fluvial.config import Pipeline
from fluvial.shard import Output, Shard, batch_step
from tests.fluvial.shards import START, published, towns

APART = towns(
    slices=["town"],
    recent={
        "wet": {"of": "label", "by": "town", "last": 20, "default": 0.5},
        "rate": {"of": "label", "within": "20s"},
        "busy": {"of": "events", "stat": "count", "within": "20s"},
    },
    model='(Select("x", "y", "wet", "rate", "busy") | preprocessing.StandardScaler()) + OneHot("town")'
    " | linear_model.LogisticRegression()",
    fields={
        "id": {"type": "text"},
        "town": {"type": "category"},
        "x": {"type": "number"},
        "y": {"type": "number", "missing": {"fill": 0}},
    },
)
INSIDE = APART.model_copy(update={"label": APART.label.model_copy(update={"field": "truth"})})


def stream(*, inside: bool = False, n: int = 150) -> list[Record]:
    """Events with labels that come later, earlier or, with ``inside``, in the event itself."""
    draw = random.Random(3)
    records: list[tuple[float, Record]] = []
    for i in range(n):
        x = draw.gauss(0, 1)
        event: dict[str, object] = {"id": f"e{i}", "town": draw.choice("ABC"), "x": x, "y": draw.random()}
        if inside:
            event["truth"] = x > 0
        records.append((i, record("events", event, i)))
        if not inside and i % 6:
            known = max(0.0, i + draw.choice([-3, 0.5, 5, 40]))
            records.append((known, record("labels", {"id": f"e{i}", "label": x > 0}, known)))
    return [one for _, one in sorted(records, key=lambda pair: pair[0])]


def record(role: str, value: dict[str, object], second: float) -> Record:
    return Record(f"towns.{role}", 0, 0, START + int(second * 1000), None, json.dumps(value).encode())


def turned(one: Record) -> Record:
    """The same record with its label, if it has one, turned round."""
    value = json.loads(one.value or b"{}")
    for key in ("label", "truth"):
        if key in value:
            value[key] = not value[key]
    return one._replace(value=json.dumps(value).encode())


def said(shard: Shard, records: Sequence[Record]) -> list[Any]:
    """All that is published when the records come in batches, which a shard gets to see as a whole."""
    outputs: list[Output] = []
    for number, first in enumerate(range(0, len(records), 40), start=1):
        outputs += batch_step(shard, number, [], list(records[first : first + 40]))
    return published(outputs)


def leaks(make: Callable[[Sequence[Record]], Shard], records: list[Record]) -> list[int]:
    """The cuts at which turning every later label round changes what had been said before.

    The label that an event carries itself counts as later than the prediction of that event.
    """
    found, told = [], said(make(records), records)
    for cut in range(1, len(records), 13):
        flipped = [*records[:cut], *map(turned, records[cut:])]
        asked = sum(one.topic == APART.topic("events") for one in records[:cut])
        if said(make(flipped), flipped)[:asked] != told[:asked]:
            found.append(cut)
    return found


def last_prediction(pipeline: Pipeline, records: list[Record]) -> object:
    return said(Shard(pipeline, 0), records)[-1]


@pytest.mark.parametrize("inside", [False, True])
def test_turning_every_later_label_round_changes_nothing_that_was_said_before(inside: bool) -> None:
    pipeline = INSIDE if inside else APART
    assert leaks(lambda _: Shard(pipeline, 0), stream(inside=inside)) == []


@pytest.mark.parametrize("inside", [False, True])
def test_turning_earlier_labels_round_does_change_what_is_said(inside: bool) -> None:
    pipeline, records = (INSIDE if inside else APART), stream(inside=inside)
    flipped = [*map(turned, records[:60]), *records[60:]]
    assert said(Shard(pipeline, 0), records)[60:] != said(Shard(pipeline, 0), flipped)[60:]


def test_the_label_an_event_carries_does_not_reach_its_own_prediction() -> None:
    records = stream(inside=True)
    for end in (20, 80, 150):
        asked = records[:end]
        assert last_prediction(INSIDE, asked) == last_prediction(INSIDE, [*asked[:-1], turned(asked[-1])])


def test_a_label_that_came_before_its_event_does_not_reach_its_prediction() -> None:
    records = stream()
    early = record("labels", {"id": "new", "label": True}, 150)
    event = record("events", {"id": "new", "town": "A", "x": 0.3}, 151)
    one, other = ([*records, label, event] for label in (early, turned(early)))
    assert last_prediction(APART, one) == last_prediction(APART, other)


class Leaky(Shard):
    """A shard that knows every label at once and learns it just before it predicts: a cheat."""

    def __init__(self, records: Sequence[Record]) -> None:
        super().__init__(APART, 0)
        values = [json.loads(one.value or b"{}") for one in records if one.topic.endswith("labels")]
        self.truths = {value["id"]: value["label"] for value in values}

    def take(self, record: Record, read: Any) -> Taken:
        value, learner = json.loads(record.value or b"{}"), self.state.learner
        if "x" in value and value["id"] in self.truths:
            learner.recent.label({"town": value["town"]}, self.truths[value["id"]], record.timestamp / 1000)
        return super().take(record, read)


def test_a_shard_that_peeks_is_found_out() -> None:
    assert len(leaks(Leaky, stream())) > 10
