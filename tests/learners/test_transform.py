"""Own transformers: order, absent fields, and a union that keeps its order."""

import subprocess
import sys

import pytest

from consumers.image import Image
from learners.expression import build
from learners.transform import Hash, Interact, Numbers, OneHot, Pixels, Select, Union

X = {"origin": "JFK", "hour": 5, "distance": 187.0, "holiday": False}
DOOR, WALL = Image((0.0, 0.25, 0.5, 1.0), 0.4, 0.1, 64, 48), Image((1.0,) * 16, 1.0, 0.0, 9, 9)
LOOK = X | {"door": DOOR, "wall": WALL}
SEEN = {"door_0_0": 0.0, "door_0_1": 0.25, "door_1_0": 0.5, "door_1_1": 1.0}
WALLS = {f"wall_{row}_{column}": 1.0 for row in range(4) for column in range(4)}


@pytest.mark.parametrize(
    ("transformer", "features"),
    [
        (Select("distance", "hour", "weight"), {"distance": 187.0, "hour": 5}),
        (Numbers(), {"hour": 5, "distance": 187.0}),
        (OneHot(), {"origin=JFK": 1, "holiday=False": 1}),
        (OneHot("hour", "origin", "tail"), {"hour=5": 1, "origin=JFK": 1}),
        (Interact("hour", "origin"), {"hour=5&origin=JFK": 1}),
        (Interact("hour", "tail"), {}),
        (Union(OneHot("hour"), Numbers(), Select("hour")), {"hour=5": 1, "hour": 5, "distance": 187.0}),
    ],
)
def test_features_come_in_the_order_given_and_absent_fields_are_left_out(transformer, features) -> None:
    assert list(transformer.transform_one(X).items()) == list(features.items())
    assert list(transformer.clone().transform_one(X).items()) == list(features.items())


@pytest.mark.parametrize(
    ("transformer", "features"),
    [
        (Pixels("door"), SEEN),
        (Pixels("wall", "door", "roof"), WALLS | SEEN),
        (Pixels(), SEEN | WALLS),
        (Pixels("hour"), {}),
        (Numbers(), {"hour": 5, "distance": 187.0}),
        (OneHot(), {"origin=JFK": 1, "holiday=False": 1}),
        (Select("door"), {"door": DOOR}),
        (Union(Numbers(), Pixels("door")), {"hour": 5, "distance": 187.0} | SEEN),
    ],
)
def test_pixels_alone_look_into_an_image(transformer, features) -> None:
    assert list(transformer.transform_one(LOOK).items()) == list(features.items())
    assert list(transformer.clone().transform_one(LOOK).items()) == list(features.items())
    assert Hash(9).transform_one(LOOK) == Hash(9).transform_one(X)


def test_hash_never_makes_more_features_than_its_size() -> None:
    features = {
        name for i in range(500) for name in Hash(8).transform_one({"tail": f"N{i}", "late": i % 2 == 0})
    }
    assert features == {f"#{i}" for i in range(8)}


def test_hash_is_the_same_in_every_process_and_survives_odd_texts() -> None:
    code = "from learners.transform import Hash; print(Hash(999).transform_one({'a': 'x', 'b': chr(0xd800)}))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "01"
    }
    assert said == {str(Hash(999).transform_one({"a": "x", "b": chr(0xD800)})).encode() + b"\n"}


def test_a_union_teaches_its_parts() -> None:
    model = build(
        "(Select('distance') | preprocessing.StandardScaler()) + OneHot() | linear_model.LinearRegression()"
    )
    for distance in (1.0, 3.0):
        model.learn_one({"distance": distance, "origin": "JFK"}, distance)
    scaled = model["Union"].transform_one({"distance": 3.0, "origin": "EWR"})
    assert scaled == {"distance": 1.0, "origin=EWR": 1}
