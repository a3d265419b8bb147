"""What is shown of a refused record: enough to find the mistake, and nothing private."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumers.contract import Contract
from consumers.event import REASONS, Rejection
from consumers.fields import FieldSpec, LabelSpec
from consumers.record import Record
from consumers.redaction import Shown, view
from tests.consumers.pictures import png

SECRET = "Ada-Lovelace-1815"
OPEN = Shown.of((), ())

FIELDS = {
    "id": FieldSpec(type="text", use="context"),
    "name": FieldSpec(type="text", pii=True, max_length=20),
    "born": FieldSpec(type="time", pii=True),
    "income": FieldSpec(type="number", pii=True, range=(0, 10)),
    "town": FieldSpec(type="category", pii=True, values=("Paris", "London")),
    "age": FieldSpec(type="integer", missing="omit"),
}
GOOD = {"id": "a", "name": "Ada", "born": "2000-01-01", "income": 1, "town": "Paris"}


def contract(label_type: Any = "category", field: str | None = None) -> Contract:
    values = ("yes", "no") if label_type == "category" else None
    return Contract(FIELDS, LabelSpec(type=label_type, horizon=1, values=values, field=field), id_field="id")


def record(value: object) -> Record:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Record("t", 0, 0, 1_700_000_000_000, None, raw)


def refused(value: object, *, label_type: Any = "category", field: str | None = None) -> Rejection:
    found = contract(label_type, field).event(record(value))
    assert isinstance(found, Rejection), found
    return found


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": SECRET * 9},
        {"name": [SECRET]},
        {"name": {"first": SECRET}},
        {"born": SECRET},
        {"income": SECRET},
        {"income": 18151815},
        {"town": SECRET},
        {"town": [SECRET]},
        {"age": "old", "Name": SECRET},
        {"age": "old", SECRET: 1},
        {"age": "old", "nested": {"name": SECRET}},
    ],
)
def test_a_private_value_is_in_no_part_of_a_rejection(wrong: dict[str, object]) -> None:
    shown = " ".join(refused(GOOD | wrong))
    assert SECRET not in shown
    assert "18151815" not in shown


@pytest.mark.parametrize("cut", [b"", b"}", b"\xff", b"," + b'"x":1'])
def test_a_record_that_cannot_be_read_is_not_shown_where_fields_are_private(cut: bytes) -> None:
    raw = json.dumps(GOOD | {"name": SECRET}).encode()[:-1] + cut
    found = contract().event(record(raw if cut != b"}" else raw + b"}}"))
    assert isinstance(found, Rejection)
    assert found.reason == "not_json"
    assert SECRET not in " ".join(found)
    assert "bytes" in found.view


@pytest.mark.parametrize("raw", [b'"%b"', b'[1, {"name": "%b"}]'])
def test_what_is_no_object_is_not_shown_where_fields_are_private(raw: bytes) -> None:
    assert SECRET not in " ".join(refused(raw % SECRET.encode()))


@pytest.mark.parametrize(
    "label",
    [{"id": SECRET, "label": 3.5}, {"id": "a", "label": SECRET}, {"id": "a", "label": True, "x": SECRET}],
)
def test_a_label_of_a_private_pipeline_shows_neither_whose_it_is_nor_what_it_says(label: object) -> None:
    found = contract().truth(record(label))
    assert isinstance(found, Rejection)
    assert SECRET not in " ".join(found)


def test_the_truth_in_a_private_event_is_not_shown() -> None:
    found = refused(GOOD | {"diagnosis": SECRET}, field="diagnosis")
    assert found.reason == "unknown_label"
    assert SECRET not in " ".join(found)


def test_a_private_view_still_shows_what_is_declared_and_counts_the_rest() -> None:
    assert json.loads(refused(GOOD | {"age": "old", "Mail": SECRET}).view) == {
        "id": "a", "name": "***", "born": "***", "income": "***", "town": "***", "age": "old",
        "(undeclared)": 1,
    }  # fmt: skip


def test_without_private_fields_a_view_shows_every_key_short() -> None:
    shown = json.loads(view(json.dumps({"a": "x" * 100, "b": [1, 2], "c": {"d": 1}}).encode(), OPEN))
    assert shown == {"a": "x" * 80 + "…", "b": "a list of 2", "c": "a dict of 1"}


@pytest.mark.parametrize("raw", [b"\x00\x1b[31mred", b'{"a": "\\u001b[31m\xe2\x80\xae"}', b"\xff\xfe"])
def test_a_view_is_printable_whatever_the_record_held(raw: bytes) -> None:
    shown = view(raw, OPEN)
    assert shown.isprintable()
    assert shown.isascii()


# ---- images

PICTURE = png(32, 31, lambda x, y: 7 * x + y)
WITH_PICTURE = {
    "id": FieldSpec(type="text", use="context"),
    "door": FieldSpec(type="image", missing="omit"),
    "n": FieldSpec(type="number"),
}


def pictured(value: object, **private: bool) -> Rejection:
    specs = {
        name: spec.model_copy(update={"pii": private.get(name, False)}) for name, spec in WITH_PICTURE.items()
    }
    found = Contract(specs, LabelSpec(type="boolean", horizon=1), id_field="id").event(record(value))
    assert isinstance(found, Rejection), found
    return found


@pytest.mark.parametrize(
    ("door", "shown"),
    [
        (PICTURE, "image 32x31"),
        ("data:image/png;base64," + PICTURE, "image 32x31"),
        (PICTURE[:80], "80 characters that are no image"),
        (SECRET, "17 characters that are no image"),
    ],
)
def test_of_an_image_a_view_shows_the_size(door: str, shown: str) -> None:
    assert json.loads(pictured({"id": "a", "door": door, "n": "?"}).view) == {
        "id": "a",
        "door": shown,
        "n": "?",
    }


def test_a_private_image_does_not_even_show_its_size() -> None:
    assert json.loads(pictured({"id": "a", "door": PICTURE, "n": "?"}, door=True).view)["door"] == "***"


@pytest.mark.parametrize(
    "value",
    [
        {"id": "a", "door": [PICTURE], "n": 1},
        {"id": "a", "Door": PICTURE, "n": "?"},
        {"id": "a", "door": {"data": PICTURE}, "n": "?"},
        {"id": "a", "door": PICTURE, "n": PICTURE},
        {"id": PICTURE, "door": PICTURE, "n": 1},
        [PICTURE],
        PICTURE,
        json.dumps({"id": "a", "door": PICTURE}).encode()[:-1],
        {"id": "a", "door": PICTURE, "n": "?", "more": "x" * 200_000},
    ],
)
def test_no_part_of_a_rejection_holds_base64(value: object) -> None:
    found = " ".join(pictured(value))
    assert PICTURE[:12] not in found
    assert PICTURE[40:60] not in found


def test_an_image_where_none_is_declared_is_not_shown_either() -> None:
    shown = json.loads(view(json.dumps({"a": PICTURE, "b": "/9j/" + "A" * 90}).encode(), OPEN))
    assert shown == {"a": "image 32x31", "b": "94 characters that are no image"}


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.binary() | hostile.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 90_000)
@example(b'{"a":' * 30_000)
@example(b'{"a": ' + b"9" * 5000 + b"}")
@example(b'{"\\ud800": "\\ud800"}')
@example(b'{"a": 1e999}')
@example(b'{"%b": 1}' % (b"k" * 5000))
@example(b'{"a": "%b"}' % (b"v" * 900_000))
def test_every_record_has_a_short_view(raw: bytes) -> None:
    for shown in (OPEN, Shown.of(["name"], ["name"])):
        assert len(view(raw, shown)) <= 400


private = st.sampled_from(["name", "born", "income", "town", "Name", "x"])


@given(
    st.dictionaries(
        private, st.recursive(st.just(SECRET), lambda v: st.lists(v) | st.dictionaries(private, v))
    )
)
def test_no_arrangement_of_a_private_value_gets_out(wrong: dict[str, object]) -> None:
    found = contract().event(record(GOOD | wrong))
    if isinstance(found, Rejection):
        assert SECRET not in " ".join(found)
        assert found.reason in REASONS
