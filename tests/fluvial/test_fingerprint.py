"""Versions of a pipeline: what shapes a state changes them, what is only for people does not."""

from typing import Any

import pytest

from fluvial.config import Pipeline
from fluvial.fingerprint import LEARNED, contract_version, libraries, model_version, state_version
from tests.fluvial.shards import towns

FIELDS: dict[str, Any] = {
    "id": {"type": "text", "use": "context"},
    "town": {"type": "category", "use": "context", "missing": "omit"},
    "x": {"type": "number"},
    "y": {"type": "number", "missing": {"fill": 0}},
}
LABEL: dict[str, Any] = {"type": "boolean", "horizon": "100s"}
WET: dict[str, Any] = {"of": "label", "stat": "mean", "by": "town", "last": 20, "default": 0.5}
FOR_PEOPLE = {"pipeline", "question", "decision", "owner", "review"}
FOR_THE_RUN = {"topics", "partitions", "batch", "linger", "snapshot_every", "standby", "source"}


def versions(pipeline: Pipeline) -> dict[str, str]:
    return {
        "contract": contract_version(pipeline),
        "model": model_version(pipeline),
        "state": state_version(pipeline),
    }


def changed(**changes: object) -> set[str]:
    """Which versions differ from those of the pipeline as it is."""
    before, after = (
        versions(towns(fields=FIELDS, label=LABEL)),
        versions(towns(**{"fields": FIELDS} | changes)),
    )
    return {name for name in before if before[name] != after[name]}


def test_the_same_file_has_the_same_versions() -> None:
    assert changed() == set()


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"seed": 2}, {"model", "state"}),
        ({"model": 'Select("x") | linear_model.LogisticRegression()'}, {"model", "state"}),
        ({"fields": FIELDS | {"y": {"type": "number", "missing": {"fill": 1}}}}, {"contract", "state"}),
        (
            {"fields": FIELDS | {"y": {"type": "number", "range": [0, 1], "missing": {"fill": 0}}}},
            {"contract", "state"},
        ),
        ({"fields": dict(reversed(FIELDS.items()))}, {"contract", "state"}),
        ({"label": LABEL | {"default": False}}, {"contract", "state"}),
        ({"label": LABEL | {"horizon": "99s"}}, {"contract", "state"}),
        ({"recent": {"wet": WET | {"last": 19}}}, {"state"}),
        ({"recent": {"wet": WET, "busy": {"of": "events", "stat": "count", "within": "1h"}}}, {"state"}),
        ({"success": {"metric": "f1", "at_least": 0.5}}, {"state"}),
        ({"cost": {"false_negative": 9}}, {"state"}),
        ({"slices": ["town"]}, {"state"}),
        ({"baselines": {"last": 7}}, {"state"}),
        ({"monitor": {"block": 5}}, {"state"}),
        ({"ledger": {"waiting": 7}}, {"state"}),
        ({"learn": "per-partition"}, {"state"}),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_what_shapes_a_state_makes_it_another(changes: dict[str, Any], wanted: set[str]) -> None:
    assert changed(**changes) == wanted


@pytest.mark.parametrize(
    "changes",
    [
        {"question": "What?", "decision": "None.", "owner": "others"},
        {"topics": {"events": "rain"}, "partitions": 4},
        {"batch": 7, "linger": "1s", "snapshot_every": 9, "standby": "cold"},
        {"fields": FIELDS | {"x": {"type": "number", "description": "east", "unit": "km", "pii": True}}},
        {"label": LABEL | {"description": "rain by noon", "unit": "mm", "horizon": "100000ms"}},
    ],
    ids=str,
)
def test_words_for_people_and_settings_of_the_run_change_nothing(changes: dict[str, Any]) -> None:
    assert changed(**changes) == set()


def test_the_order_of_recent_statistics_is_part_of_a_state() -> None:
    both = {"wet": WET, "busy": {"of": "events", "stat": "count", "within": "1h"}}
    one, other = towns(recent=both), towns(recent=dict(reversed(both.items())))
    assert state_version(one) != state_version(other)


def test_every_section_of_a_pipeline_file_is_known_to_shape_a_state_or_not_to() -> None:
    assert set(LEARNED) | FOR_PEOPLE | FOR_THE_RUN == set(Pipeline.model_fields)
    assert set(LEARNED).isdisjoint(FOR_PEOPLE | FOR_THE_RUN)


def test_libraries_that_can_change_a_prediction_are_named_with_their_versions() -> None:
    assert {"python", "river", "numpy", "pillow", "fluvial"} <= set(libraries())
    assert all(libraries().values())
