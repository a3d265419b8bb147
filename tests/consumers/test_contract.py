"""The contract: what gets in, as what, and what is refused, whatever the bytes."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from consumers.contract import Contract
from consumers.event import REASONS, Event, Label, Rejection
from consumers.fields import FieldSpec, LabelSpec
from consumers.image import Image
from consumers.record import Record
from tests.consumers.pictures import png, ramp, saved, text

NOON = 1_700_000_000_000
YES_OR_NO = LabelSpec(type="boolean", horizon=10)


def record(value: object) -> Record:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Record("events", 3, 7, NOON, None, raw)


def made(fields: dict[str, Any], label: LabelSpec = YES_OR_NO, **named: str | None) -> Contract:
    specs = {"id": FieldSpec(type="text", use="context")} | {n: FieldSpec(**s) for n, s in fields.items()}
    return Contract(specs, label, **({"id_field": "id"} | named))


def read(spec: dict[str, Any], value: object) -> object:
    """What one field holds after an event brought it this value; the reason where it was refused."""
    found = made({"x": spec}).event(record({"id": "a"} | ({} if value is ... else {"x": value})))
    return found.reason if isinstance(found, Rejection) else (found.features | found.context).get("x")


def raw(spec: dict[str, Any], text: bytes) -> object:
    found = made({"x": spec}).event(record(b'{"id": "a", "x": ' + text + b"}"))
    return found.reason if isinstance(found, Rejection) else found.features.get("x")


def truth(label: LabelSpec, value: object, **more: object) -> object:
    found = made({}, label).truth(record({"id": "a", "label": value} | more))
    return found.reason if isinstance(found, Rejection) else found.value


def test_an_event_has_its_fields_in_the_contracts_order_whatever_the_order_of_its_keys() -> None:
    contract = made({"b": {"type": "number"}, "a": {"type": "boolean"}})
    event = contract.event(record({"a": True, "b": 1, "id": "x"}))
    assert event == Event("x", NOON / 1000, {"b": 1.0, "a": True}, {"id": "x"})
    assert isinstance(event, Event)
    assert list(event.features) == contract.features == ["b", "a"]


# ---- types


def test_a_number_is_a_float_also_where_json_has_an_integer() -> None:
    assert repr(read({"type": "number"}, 3)) == "3.0"
    assert read({"type": "number", "range": (0, 1e16)}, 2**53 + 1) == float(2**53)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", True),
        ("number", "1"),
        ("number", [1]),
        ("integer", 1.0),
        ("integer", True),
        ("integer", "1"),
        ("boolean", 1),
        ("boolean", "true"),
        ("category", 1.0),
        ("category", True),
        ("category", ["a"]),
        ("text", 1),
        ("text", {"a": 1}),
        ("time", True),
        ("time", "soon"),
        ("time", []),
        ("image", 1),
        ("image", ["iVBORw0KGgo="]),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_guessed_at(kind: str, value: object) -> None:
    assert read({"type": kind}, value) == "wrong_type"


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e400", b"9" * 400])
def test_what_is_no_finite_number_is_out_of_range(text: bytes) -> None:
    assert raw({"type": "number"}, text) == "out_of_range"


@pytest.mark.parametrize("kind", ["number", "integer"])
def test_a_number_whose_square_would_ruin_a_model_is_refused_unless_its_range_allows_it(kind: str) -> None:
    assert read({"type": kind}, 2 * 10**12) == "out_of_range"
    assert read({"type": kind, "range": (0, 1e15)}, 2 * 10**12) == 2 * 10**12
    assert read({"type": kind, "range": (0, float("inf"))}, 2 * 10**12) == "out_of_range"


@pytest.mark.parametrize("kind", ["number", "integer"])
def test_both_ends_of_a_range_are_inside(kind: str) -> None:
    spec = {"type": kind, "range": (-2, 3)}
    assert [read(spec, value) for value in (-3, -2, 3, 4)] == ["out_of_range", -2, 3, "out_of_range"]


def test_an_integer_keeps_to_a_range_of_fractions() -> None:
    spec = {"type": "integer", "range": (0.5, 2.5)}
    assert [read(spec, value) for value in (0, 1, 2, 3)] == ["out_of_range", 1, 2, "out_of_range"]


def test_a_category_is_its_text_in_one_spelling() -> None:
    spec = {"type": "category", "spellings": {"n.y.": "nyc"}, "casefold": True}
    assert [read(spec, value) for value in (" N.Y.", "NYC", 12, "12")] == ["nyc", "nyc", "12", "12"]


def test_a_category_outside_the_declared_values_is_out_of_range() -> None:
    spec = {"type": "category", "values": ("JFK", "EWR"), "spellings": {"Kennedy": "JFK"}}
    assert [read(spec, value) for value in ("Kennedy", "EWR", "SFO")] == ["JFK", "EWR", "out_of_range"]


@pytest.mark.parametrize(
    ("spec", "longest"),
    [({"type": "text", "max_length": 5}, 5), ({"type": "text"}, 10_000), ({"type": "category"}, 256)],
)
def test_a_text_longer_than_allowed_is_too_long(spec: dict[str, Any], longest: int) -> None:
    assert read(spec, "ä" * longest) == "ä" * longest
    assert read(spec, "ä" * (longest + 1)) == "too_long"


@pytest.mark.parametrize(
    "value",
    [1_700_000_000, 1_700_000_000.0, 1_700_000_000_000, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20",
     "2023-11-14 23:13:20+01:00", "1700000000"],
)  # fmt: skip
def test_a_time_is_seconds_or_milliseconds_since_1970_or_iso_in_utc_unless_it_says_otherwise(
    value: object,
) -> None:
    event = made({"at": {"type": "time"}}, time_field="at").event(record({"id": "a", "at": value}))
    assert isinstance(event, Event)
    assert event.time == event.context["at"] == 1_700_000_000.0
    assert "at" not in event.features


@pytest.mark.parametrize("value", [1e300, 10**18, "0000-01-01", "2023-13-01"])
def test_a_time_outside_the_calendar_is_refused(value: object) -> None:
    assert read({"type": "time"}, value) == "wrong_type"


def test_an_event_without_a_time_of_its_own_has_its_records() -> None:
    event = made({"at": {"type": "time", "missing": "omit"}}, time_field="at").event(
        record({"id": "a", "at": None})
    )
    assert isinstance(event, Event)
    assert event.time == NOON / 1000


def test_an_image_is_a_square_of_the_size_that_is_asked_for() -> None:
    picture = png(40, 30, lambda x, y: 6 * x)
    for spec, size in (({}, 8), ({"size": 4}, 4), ({"size": 32}, 32)):
        found = read({"type": "image"} | spec, "data:image/png;base64," + picture)
        assert isinstance(found, Image)
        assert (len(found.pixels), found.width, found.height) == (size**2, 40, 30)
    assert read({"type": "image", "use": "context"}, picture) == read({"type": "image"}, picture)


WRONG = {
    "no base64": ("a picture", "bad_image", "x: is no base64 without line breaks"),
    "GIF": (text(saved(ramp(), "GIF")), "bad_image", "x: is a GIF and neither a PNG nor a JPEG"),
    "cut": (png(9, 9, lambda x, y: x)[:60], "bad_image", "x: is a PNG that was cut short"),
    "10 MB": ("A" * 10_000_000, "too_long", "x: String should have at most 700000 characters"),
    "bomb": (text(saved(ramp(30_000, 100))), "out_of_range", "x: is 30000 x 100 pixels large; at most"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("missing", ["reject", "omit"])
def test_what_is_no_image_or_too_large_a_one_is_refused_with_its_reason(name: str, missing: str) -> None:
    value, reason, said = WRONG[name]
    found = made({"x": {"type": "image", "missing": missing}}).event(record({"id": "a", "x": value}))
    assert isinstance(found, Rejection)
    assert found.reason == reason
    assert found.detail.startswith(said)


# ---- missing values

KINDS: dict[str, object] = {
    "number": 2.5, "integer": 2, "boolean": False, "category": "a", "text": "", "time": 1_700_000_000.0,
    "image": None,
}  # fmt: skip


@pytest.mark.parametrize("absent", [..., None])
@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_value_is_refused_or_left_out_as_its_rule_says(kind: str, absent: object) -> None:
    assert read({"type": kind}, absent) == "missing_field"
    found = made({"x": {"type": kind, "missing": "omit"}}).event(
        record({"id": "a"} | ({} if absent is ... else {"x": None}))
    )
    assert isinstance(found, Event)
    assert "x" not in found.features | found.context


@pytest.mark.parametrize("absent", [..., None])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("time", "image")])
def test_a_missing_value_is_filled_with_one_of_the_fields_own_type(kind: str, absent: object) -> None:
    filled = read({"type": kind, "missing": {"fill": KINDS[kind]}}, absent)
    assert repr(filled) == repr(KINDS[kind])


def test_a_whole_number_fills_a_number_as_a_float() -> None:
    assert repr(read({"type": "number", "missing": {"fill": 60}}, None)) == "60.0"


def test_a_fill_is_spelled_as_the_values_of_its_field() -> None:
    spec = {"type": "category", "casefold": True, "values": ("nyc",), "missing": {"fill": " NYC"}}
    assert read(spec, None) == "nyc"


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "number", "missing": {"fill": float("nan")}},
        {"type": "number", "missing": {"fill": 1e300}},
        {"type": "number", "missing": {"fill": True}},
        {"type": "integer", "missing": {"fill": 0.5}},
        {"type": "boolean", "missing": {"fill": 0}},
        {"type": "category", "missing": {"fill": ""}},
        {"type": "category", "missing": {"fill": "c"}, "values": ("a", "b")},
        {"type": "time", "missing": {"fill": 0}},
        {"type": "text", "range": (0, 1)},
        {"type": "number", "range": (1, 0)},
        {"type": "number", "range": (float("nan"), 1)},
        {"type": "number", "values": ("a",)},
        {"type": "number", "max_length": 5},
        {"type": "category", "values": ()},
        {"type": "category", "values": ("NYC",), "casefold": True},
        {"type": "category", "values": (" a",)},
        {"type": "category", "values": ("a" * 257,)},
        {"type": "category", "missing": "drop"},
        {"type": "image", "missing": {"fill": "iVBORw0KGgo="}},
        {"type": "image", "size": 3},
        {"type": "image", "size": 33},
        {"type": "image", "size": 8.0},
        {"type": "image", "max_length": 5},
        {"type": "image", "values": ("a",)},
        {"type": "image", "range": (0, 1)},
        {"type": "number", "size": 8},
    ],
)
def test_a_field_that_cannot_be_meant_is_refused_before_any_record_comes(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FieldSpec(**spec)


# ---- ids, sources, names


@pytest.mark.parametrize(
    ("kind", "in_event", "in_label"),
    [
        ("text", "12", 12),
        ("text", "12", "12"),
        ("category", 12, "12"),
        ("category", " 12 ", 12),
        ("category", "a\u0308", "ä"),
        ("integer", 12, "12"),
        ("integer", 2**63 + 1, 2**63 + 1),
        ("integer", int("9" * 39), "9" * 39),
    ],
)
def test_a_label_finds_its_event_whether_the_id_is_a_number_or_a_text(
    kind: str, in_event: object, in_label: object
) -> None:
    contract = Contract({"key": FieldSpec(type=kind)}, YES_OR_NO, id_field="key")  # type: ignore[arg-type]
    event, label = (
        contract.event(record({"key": in_event})),
        contract.truth(record({"id": in_label, "label": True})),
    )
    assert isinstance(event, Event)
    assert isinstance(label, Label)
    assert event.id == label.id


def test_a_labels_id_is_spelled_as_the_events_is() -> None:
    spec = FieldSpec(type="category", casefold=True, spellings={"n1": "N-1"})
    label = Contract({"id": spec}, YES_OR_NO, id_field="id").truth(record({"id": " N1", "label": True}))
    assert isinstance(label, Label)
    assert label.id == "N-1"


@pytest.mark.parametrize("kind", ["text", "category"])
@pytest.mark.parametrize(
    ("value", "reason"), [("", "missing_field"), (None, "missing_field"), ("x" * 257, "too_long")]
)
def test_an_id_is_neither_empty_nor_endless(kind: str, value: object, reason: str) -> None:
    contract = Contract({"id": FieldSpec(type=kind, missing="omit")}, YES_OR_NO, id_field="id")  # type: ignore[arg-type]
    for found in (
        contract.event(record({"id": value})),
        contract.truth(record({"id": value, "label": True})),
    ):
        assert isinstance(found, Rejection)
        assert found.reason == reason
        assert found.detail.startswith("id: ")


def test_an_event_without_an_id_field_is_called_after_its_place() -> None:
    event = Contract({"x": FieldSpec(type="number")}, YES_OR_NO).event(record({"x": 1}))
    assert isinstance(event, Event)
    assert event.id == "3:7"


@pytest.mark.parametrize(
    "name", ["copy", "model_config", "model_fields", "a-b", "ä", "", "class", "__class__", "a.b", "x" * 500]
)
def test_a_field_may_have_any_name(name: str) -> None:
    event = made({name: {"type": "number"}}).event(record({"id": "a", name: 1}))
    assert isinstance(event, Event)
    assert event.features == {name: 1.0}
    found = made({name: {"type": "number"}}).event(record({"id": "a", name: "x"}))
    assert isinstance(found, Rejection)
    assert found.detail.startswith(name[:60])


def test_the_last_of_two_equal_keys_counts() -> None:
    assert raw({"type": "number"}, b'1, "x": 2') == 2.0


@pytest.mark.parametrize("unused", [{"a": [{"b": [1]}]}, "x" * 900_000, list(range(1000)), 1e300])
def test_keys_that_nobody_declared_are_not_looked_at(unused: object) -> None:
    event = made({"x": {"type": "number"}}).event(record({"id": "a", "x": 1, "unused": unused}))
    assert isinstance(event, Event)
    assert event.features == {"x": 1.0}


def test_a_source_is_text_and_may_be_missing() -> None:
    contract = made({"from": {"type": "integer", "missing": "omit"}}, source_field="from")
    sources = [contract.event(record({"id": "a", "from": value})) for value in (4, None)]
    assert [found.source for found in sources if isinstance(found, Event)] == ["4", None]


# ---- truths

CLASSES = LabelSpec(type="category", horizon=1, values=("1", "two"))


@pytest.mark.parametrize(
    ("label", "value", "wanted"),
    [
        (YES_OR_NO, True, True),
        (YES_OR_NO, 0, False),
        (YES_OR_NO, 1.0, True),
        (YES_OR_NO, 2, "unknown_label"),
        (YES_OR_NO, "true", "unknown_label"),
        (YES_OR_NO, 10**30, "unknown_label"),
        (CLASSES, 1, "1"),
        (CLASSES, "1", "1"),
        (CLASSES, " two ", "two"),
        (CLASSES, "three", "unknown_label"),
        (CLASSES, 1.0, "unknown_label"),
        (CLASSES, True, "unknown_label"),
        (LabelSpec(type="category", horizon=1), "", "unknown_label"),
        (LabelSpec(type="category", horizon=1), "x" * 257, "too_long"),
        (LabelSpec(type="number", horizon=1), 3, 3.0),
        (LabelSpec(type="number", horizon=1), True, "unknown_label"),
        (LabelSpec(type="number", horizon=1), "3", "unknown_label"),
        (LabelSpec(type="number", horizon=1), 1e13, "out_of_range"),
        (YES_OR_NO, None, "missing_field"),
        (CLASSES, None, "missing_field"),
    ],
)
def test_a_truth_is_of_the_labels_type_wherever_it_comes_from(
    label: LabelSpec, value: object, wanted: object
) -> None:
    assert truth(label, value) == wanted
    inside = made({}, label.model_copy(update={"field": "y"})).event(record({"id": "a", "y": value}))
    assert (inside.reason if isinstance(inside, Rejection) else inside.label) == wanted


def test_a_label_may_say_when_it_became_known_and_who_says_so() -> None:
    contract = made({})
    full = contract.truth(record({"id": "a", "label": True, "time": "2020-01-01", "source": "clinic"}))
    bare = contract.truth(record({"id": "a", "label": True, "time": None, "source": None}))
    assert full == Label("a", True, 1_577_836_800.0, "clinic")
    assert bare == Label("a", True, NOON / 1000)


@pytest.mark.parametrize(
    ("more", "reason"), [({"time": "soon"}, "wrong_type"), ({"source": "x" * 257}, "too_long")]
)
def test_a_label_with_a_bad_time_or_source_is_refused(more: dict[str, object], reason: str) -> None:
    assert truth(YES_OR_NO, True, **more) == reason


def test_only_the_label_itself_is_an_unknown_label() -> None:
    found = made({"label": {"type": "number"}}).event(record({"id": "a", "label": "x"}))
    assert isinstance(found, Rejection)
    assert found.reason == "wrong_type"


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "boolean", "default": 0},
        {"type": "boolean", "default": "no"},
        {"type": "category", "default": 3},
        {"type": "category", "default": "c", "values": ("a",)},
        {"type": "number", "default": True},
        {"type": "number", "default": float("inf")},
        {"type": "number", "values": ("a",)},
        {"type": "category", "values": (" a",)},
        {"type": "boolean", "horizon": float("inf")},
        {"type": "boolean", "horizon": 0},
    ],
)
def test_a_label_that_cannot_be_meant_is_refused_before_any_record_comes(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LabelSpec(**({"horizon": 1} | spec))


def test_a_default_is_of_the_labels_type() -> None:
    assert repr(LabelSpec(type="number", horizon=1, default=3).truth_by_default) == "3.0"
    assert LabelSpec(type="boolean", horizon=1, default=False).truth_by_default is False
    assert LabelSpec(type="category", horizon=1).truth_by_default is None


# ---- whatever the bytes

EVERYTHING = made(
    {
        "n": {"type": "number", "missing": "omit"},
        "i": {"type": "integer", "missing": {"fill": 0}},
        "b": {"type": "boolean", "missing": "omit"},
        "c": {"type": "category", "missing": "omit", "values": ("a", "b"), "casefold": True},
        "t": {"type": "text", "missing": "omit", "max_length": 20},
        "at": {"type": "time", "missing": "omit"},
        "p": {"type": "text", "missing": "omit", "pii": True},
        "g": {"type": "image", "missing": "omit"},
    },
    LabelSpec(type="category", horizon=1, field="y"),
    time_field="at",
    source_field="c",
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=300)
    | st.sampled_from(["a", "B", 1.0, png(3, 3, lambda x, y: x)]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
)
objects = st.dictionaries(
    st.sampled_from([*"ncbitpyg", "at", "id", "label", "time", "source"]) | st.text(), values
)


def check(found: Event | Label | Rejection) -> None:
    if isinstance(found, Rejection):
        assert found.reason in REASONS
        assert 0 < len(found.detail) <= 300
        assert len(found.view) <= 400
        return
    assert 0 < len(found.id) <= 256
    assert isinstance(found.time, float)
    assert found.source is None or isinstance(found.source, str)
    if isinstance(found, Event):
        assert [name for name in EVERYTHING.features if name in found.features] == list(found.features)
        assert all(type(value) in (float, int, str, bool, Image) for value in found.features.values())


@given(
    st.binary() | values.map(lambda v: json.dumps(v).encode()) | objects.map(lambda v: json.dumps(v).encode())
)
@example(b"")
@example(b"null")
@example(b"\xef\xbb\xbf{}")
@example('{"id": "a"}'.encode("utf-16"))
@example(b'{"id": "\\ud800", "y": "a"}')
@example(b'{"id": "a", "y": "a", "z": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
@example(b'{"id": ' + b"9" * 5000 + b', "y": "a", "label": "a"}')
@example(b'{"id": ' + b"9" * 4000 + b', "y": "a", "label": "a"}')
@example(b'{"id": "a", "y": "a", "c": ' + b"9" * 4000 + b"}")
@example(b'{"id": "a", "y": "a", "at": "0001-01-01T00:00:00+14:00"}')
@example(b'{"id": "a", "y": "a", "at": "9999-12-31T23:59:59-14:00"}')
@example(b'{"id": "a", "y": "a", "n": -0.0, "i": -0, "t": "\\u0000"}')
@example(json.dumps({"id": "a", "y": "a", "t": "x" * 900_000}).encode())
def test_whatever_the_bytes_there_is_an_answer_and_it_is_well_formed(value: bytes) -> None:
    check(EVERYTHING.event(record(value)))
    check(EVERYTHING.truth(record(value)))


@given(objects)
def test_the_order_of_keys_changes_nothing(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    one, other = EVERYTHING.event(record(value)), EVERYTHING.event(record(turned))
    assert repr(one) == repr(other) or isinstance(one, Rejection)
    assert type(one) is type(other)
