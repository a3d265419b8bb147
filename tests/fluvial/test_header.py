"""Header: it says what made a snapshot and for which place, and nothing that changes from run to run."""

import json
import platform
from importlib.metadata import version
from typing import Any

import pytest

from consumers.record import TopicPartition
from fluvial.fingerprint import contract_version, model_version, state_version
from fluvial.header import FORMAT, PLACE, expected_of, header_for, positions_of
from tests.fluvial.shards import towns

POSITIONS = {TopicPartition("towns.events", 0): 7, TopicPartition("a:b", 3): 0}


def header(**changes: Any) -> dict[str, Any]:
    return header_for(towns(**changes), 2, 5, POSITIONS, 3, b"\xab" * 32)


def test_it_says_everything_there_is_to_say() -> None:
    pipeline = towns()
    assert header() == {
        "format": FORMAT,
        "pipeline": "towns",
        "shard": 2,
        "batch": 5,
        "positions": {"towns.events:0": 7, "a:b:3": 0},
        "epoch": 3,
        "digest": "ab" * 32,
        "contract": contract_version(pipeline),
        "model": model_version(pipeline),
        "state": state_version(pipeline),
        "python": platform.python_version(),
        **{name: version(name) for name in ("river", "numpy", "pillow", "fluvial")},
    }


def test_what_is_expected_is_all_but_what_differs_from_snapshot_to_snapshot() -> None:
    expected, found = expected_of(towns(), 2), header()
    assert {name: found[name] for name in expected} == expected
    assert set(found) - set(expected) == {"batch", "positions", "epoch", "digest"}
    assert set(PLACE) <= set(found)


def test_it_is_the_same_after_json() -> None:
    found = json.loads(json.dumps(header()))
    assert found == header()
    assert positions_of(found) == POSITIONS


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"model": 'Select("y", "x") | linear_model.LogisticRegression()'}, {"model", "state"}),
        ({"seed": 2}, {"model", "state"}),
        ({"label": {"type": "boolean", "horizon": "50s"}}, {"contract", "state"}),
        ({"slices": ["town"]}, {"state"}),
        ({"snapshot_every": 10}, set()),
    ],
)
def test_it_tells_a_changed_pipeline(changes: dict[str, object], names: set[str]) -> None:
    before, after = header(), header(**changes)
    assert {name for name in before if before[name] != after[name]} == names
