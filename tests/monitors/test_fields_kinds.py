"""Every kind of field: what can move in it, and whatever a stream may bring."""

import pickle
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from monitors.alarm import Alarm
from monitors.fields import Fields
from monitors.part import Kind

N, AT = 13_000, 8000
Draw = Callable[[random.Random, bool], Any]


class Picture(NamedTuple):
    """What a picture has to have."""

    brightness: float
    sharpness: float
    width: int
    height: int


def watch(kind: Kind, draw: Draw, seed: int = 0, n: int = N) -> tuple[list[Alarm], Fields]:
    """The alarms over values of one field; what is drawn may differ from ``AT`` on."""
    fields, source, found = Fields({"x": kind}, 0.01, seasons=()), random.Random(seed), []
    for i in range(n):
        value = draw(source, i >= AT)
        fields.update({} if value is None else {"x": value}, float(i))
        found += fields.alarms
    return found, fields


COMMON = [f"w{i:05}" for i in range(300)]
RARE = [f"v{i:05}" for i in range(100_000)]


def words(source: random.Random, n: int, rare: float = 0.0) -> str:
    """A text of about ``n`` words."""
    return " ".join(
        source.choice(RARE if source.random() < rare else COMMON)
        for _ in range(source.randint(n // 2, n * 3 // 2))
    )


def picture(source: random.Random, light: float = 0.5, sharp: float = 0.1, width: int = 640) -> Picture:
    """A picture around a brightness and a sharpness."""
    return Picture(source.gauss(light, 0.1), source.gauss(sharp, 0.02), width, 480)


MOVES: dict[str, tuple[Kind, str, Draw]] = {  # a kind, the parts that may be named, values before and after
    "integers": ("integer", "location", lambda r, new: r.randint(0, 5) + new),
    "heavy tails": ("number", "location", lambda r, new: r.gauss(0, 1) / r.gauss(0, 1) + new),
    "a constant": ("number", "location spread", lambda r, new: 7.0 + new),
    "mostly zero": (
        "number",
        "location spread",
        lambda r, new: 0 if r.random() < (0.5 if new else 0.8) else r.randint(1, 9),
    ),
    "a sentinel": (
        "integer",
        "spread range",
        lambda r, new: -999 if new and r.random() < 0.1 else r.randint(0, 300),
    ),
    "huge": ("number", "spread", lambda r, new: r.gauss(0, 1e305 if new else 1e200)),
    "not a number": (
        "number",
        "missing",
        lambda r, new: float("nan") if new and r.random() < 0.1 else r.random(),
    ),
    "a boolean": ("boolean", "=true", lambda r, new: r.random() < (0.5 if new else 0.3)),
    "a new value": (
        "category",
        "new",
        lambda r, new: "z" if new and r.random() < 0.4 else r.choice("abcdefghij"),
    ),
    "a frequent value": (
        "category",
        "=a",
        lambda r, new: "a" if r.random() < (0.5 if new else 0.3) else r.choice("bcd"),
    ),
    "longer texts": ("text", "length tokens", lambda r, new: words(r, 14 if new else 10)),
    "more words": ("text", "length tokens", lambda r, new: "a " * r.randint(2, 9) + ("" if new else "a" * 9)),
    "other words": ("text", "new tokens", lambda r, new: words(r, 10, 0.4 if new else 0.1)),
    "darker": ("image", "brightness", lambda r, new: picture(r, light=0.4 if new else 0.5)),
    "blurred": ("image", "sharpness", lambda r, new: picture(r, sharp=0.08 if new else 0.1)),
    "smaller": ("image", "size", lambda r, new: picture(r, width=320 if new else 640)),
}


@pytest.mark.parametrize("what", MOVES)
def test_what_moves_is_found_and_named(what: str) -> None:
    kind, parts, draw = MOVES[what]
    for seed in range(3):
        found, _ = watch(kind, draw, seed)
        assert len(found) == 1, found
        assert AT < found[0].n < N
        assert found[0].part in parts
        assert found[0].because


HOSTILE: dict[str, tuple[Kind, Draw]] = {
    "nothing at all": ("number", lambda r, new: None),
    "no number": ("number", lambda r, new: r.choice(["a", "1e999", float("inf"), 10**400, [], {}])),
    "words for numbers": ("integer", lambda r, new: r.choice("abc")),
    "all sizes": ("number", lambda r, new: r.choice([-1, 1]) * 10.0 ** r.randint(-308, 308)),
    "any value once": ("category", lambda r, new: f"{r.random()}"),
    "no value at all": ("category", lambda r, new: r.choice([[], {}, float("nan"), ()])),
    "no answer": ("boolean", lambda r, new: r.choice(["", [], 7])),
    "any text": (
        "text",
        lambda r, new: "".join(chr(r.randint(0, 0x10FFFF)) for _ in range(r.randint(0, 30))),
    ),
    "long texts": ("text", lambda r, new: "word " * r.randint(0, 5000)),
    "no text": ("text", lambda r, new: r.choice([1, [], {}])),
    "no picture": ("image", lambda r, new: r.choice(["picture", 1])),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_comes_is_taken_in_bounded_memory_and_raises_nothing(what: str) -> None:
    kind, draw = HOSTILE[what]
    found, fields = watch(kind, draw, n=4096)
    size, parts = len(pickle.dumps(fields)), fields.estimates["x"].keys()
    assert found == []
    source = random.Random(1)
    for i in range(4096, 3 * 4096):
        fields.update({"x": draw(source, False)}, float(i))
    assert fields.estimates["x"].keys() == parts
    assert len(pickle.dumps(fields)) < 1.3 * size + 4000


def test_values_that_come_late_are_said_and_then_watched() -> None:
    fields, source, found = Fields({"x": "number"}, 0.01, seasons=()), random.Random(0), []
    for i in range(16_000):
        fields.update({"x": source.gauss(0 if i < 13_000 else 1, 1)} if i >= 5000 else {}, float(i))
        found += fields.alarms
    assert [alarm.part for alarm in found] == ["missing", "location"]


def test_no_content_of_texts_and_pictures_is_kept_over_a_block() -> None:
    fields = Fields({"x": "text", "y": "image"}, 0.01)
    for i in range(128 * 9 + 16):
        fields.update({"x": f"secret{i} word", "y": picture(random.Random(i))}, float(i))
    assert b"secret" not in pickle.dumps(fields)
