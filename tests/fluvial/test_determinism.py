"""Nothing but the records and their order decides: not hash seeds, batches, key order or restarts."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

import pytest

from consumers.record import Record
from fluvial.config import Pipeline
from fluvial.decision import Decision
from fluvial.shard import Curve, Published, Raised, Shard, batch_step
from fluvial.snapshot import seal, unseal
from tests.fluvial.shards import START, towns

MODELS = {
    "linear": '(Select("x", "y", "wet") | preprocessing.StandardScaler()) + OneHot("town") + Interact("town", "sky")'
    " | linear_model.LogisticRegression()",
    "forest": 'Select("town", "sky", "x", "wet") | forest.ARFClassifier(n_models=3, grace_period=20)',
}
WRONG = [b"{", b'{"id": ""}', None, b'{"id": "e3", "x": "much"}']


@cache
def pipeline(name: str) -> Pipeline:
    return towns(
        model=MODELS[name],
        fields={
            "id": {"type": "text"},
            "town": {"type": "category", "missing": "omit"},
            "sky": {"type": "category"},
            "x": {"type": "number"},
            "y": {"type": "number", "missing": {"fill": 0}},
        },
        label={"type": "boolean", "horizon": "100s", "default": False},
        slices=["town"],
        success={"metric": "f1", "at_least": 0.5, "window": 100},
    )


def stream(n: int = 600) -> Iterator[Record]:
    """Events that turn round half way, labels late, early, twice and never, and garbage."""
    draw = random.Random(7)
    due: list[tuple[int, str, bool]] = []
    for i in range(n):
        x, sky = draw.gauss(0, 1), draw.choice(["clear", "grey", "dark"])
        truth = (x + (sky == "dark") > 0.5) != (i > n / 2)
        event = {"id": f"e{i}", "x": x, "sky": sky, "town": draw.choice("ABCDE"), "y": draw.random()}
        if i % 11 == 0:
            del event["town"]
        for _ in range(1 + (i % 17 == 0)):
            yield record("events", json.dumps(event).encode(), i)
        if i % 7:
            due.append((i + draw.choice([0, 3, 30, 200]), f"e{i + (i % 13 == 0)}", truth))
        for item in [one for one in due if one[0] <= i]:
            due.remove(item)
            yield record("labels", json.dumps({"id": item[1], "label": item[2]}).encode(), i)
        if i % 50 == 0:
            yield record("events" if i % 100 else "labels", WRONG[i // 50 % 4], i)


def record(role: str, value: bytes | None, second: int) -> Record:
    return Record(f"towns.{role}", 0, 0, START + second * 1000, None, value)


def digest(name: str, records: list[Record], *, batch: int = 100) -> str:
    shard = Shard(pipeline(name), 0)
    for number, first in enumerate(range(0, len(records), batch), start=1):
        batch_step(shard, number, [], records[first : first + batch])
    return shard.state.digest.hex()


@pytest.mark.parametrize("name", MODELS)
def test_the_hash_seed_changes_nothing(name: str) -> None:
    code = f"from tests.fluvial.test_determinism import *; print(digest({name!r}, list(stream())))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "4242")
    }
    assert found == {digest(name, list(stream()))}


@pytest.mark.parametrize("name", MODELS)
def test_the_size_of_batches_changes_nothing(name: str) -> None:
    records = list(stream())
    assert len({digest(name, records, batch=size) for size in (1, 13, 10_000)}) == 1


def test_what_comes_out_of_a_run_of_records_is_what_comes_out_of_them_one_by_one() -> None:
    records, together, apart = list(stream(1200)), Shard(pipeline("linear"), 0), Shard(pipeline("linear"), 0)
    outputs = [output for record in records for output in apart.step(record)]
    assert {type(output) for output in outputs} == {Published, Raised, Curve}
    assert together.steps(records) == outputs
    assert together.status().as_json() == apart.status().as_json()


@pytest.mark.parametrize("name", MODELS)
def test_the_order_of_keys_in_json_changes_nothing(name: str) -> None:
    def shuffled(one: Record) -> Record:
        try:
            value = json.loads(one.value or b"")
        except ValueError:
            return one
        keys = random.Random(one.timestamp).sample(sorted(value), len(value))
        return one._replace(value=json.dumps({key: value[key] for key in keys}, indent=1).encode())

    records = list(stream())
    assert digest(name, [shuffled(one) for one in records]) == digest(name, records)


@pytest.mark.parametrize("name", MODELS)
def test_a_restart_from_a_snapshot_changes_nothing(name: str) -> None:
    records, key = list(stream()), b"k" * 32
    shard = Shard(pipeline(name), 0)
    for number, one in enumerate(records):
        shard.step(one)
        if number % 97 == 0:
            shard = Shard(pipeline(name), 0, unseal(seal(shard.state, {}, key), {}, key))
    assert shard.state.digest.hex() == digest(name, records)


def test_decisions_replayed_at_the_same_batches_give_the_same_digest() -> None:
    records = list(stream())
    actions = {2: "pause", 3: "resume", 4: "reset", 5: "keep_learning"}

    def played(decided: dict[int, str]) -> str:
        shard = Shard(pipeline("linear"), 0)
        for number, first in enumerate(range(0, len(records), 100), start=1):
            decisions = [Decision(number, decided[number], "r")] if number in decided else []
            batch_step(shard, number, decisions, records[first : first + 100])
        return shard.state.digest.hex()

    assert played(actions) == played(actions)
    assert len({played(actions), played({}), played({2: "reset"}), played({3: "pause"})}) == 4


def test_the_digest_sees_every_prediction() -> None:
    records = list(stream())
    touched = list(records)
    value = json.loads(records[-2].value or b"{}")
    touched[-2] = records[-2]._replace(value=json.dumps(value | {"id": "another"}).encode())
    dropped = [one for one in records if one is not records[3]]
    assert len({digest("linear", one) for one in (records, touched, dropped)}) == 3
