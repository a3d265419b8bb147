"""A view of a refused record that is safe to keep and to show.

Everything that comes in a record is hostile text, and some of it is private. Where a field of the
contract is private, only declared fields that are not are shown: what nobody declared may be the
private field under a wrong name, and a record that cannot be read may hold it anywhere. Of an image
its size is shown, wherever it stands.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from pydantic import ValidationError

from consumers.event import Rejection
from consumers.image import described, looks_like_image

_REASON = {
    "json_invalid": "not_json",
    "dict_type": "not_an_object",
    "missing": "missing_field",
    "string_too_long": "too_long",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
    "out_of_range": "out_of_range",
    "bad_image": "bad_image",
}

LONGEST_READ = 100_000
"""Bytes of a record beyond which it is not parsed a second time for its view."""


MASK = "***"
"""What stands in for a private value."""


class Shown(NamedTuple):
    """Which keys of a record may be shown: all, or, where any is private, the ``declared`` others.

    Of ``images`` only the size is shown.
    """

    declared: frozenset[str]
    private: frozenset[str]
    images: frozenset[str] = frozenset()

    @classmethod
    def of(cls, declared: Iterable[str], private: Iterable[str], images: Iterable[str] = ()) -> Self:
        """All as sets."""
        return cls(frozenset(declared), frozenset(private), frozenset(images))


def rejection(error: ValidationError, raw: bytes, shown: Shown, label: str | None) -> Rejection:
    """Say in one closed word and one sentence why pydantic refused ``raw``.

    ``label`` names the key that carries the truth, if one does. The sentence never holds a value.
    """
    problem = _foremost(error)
    where = str(problem["loc"][0]) if problem["loc"] else "record"
    reason = _REASON.get(problem["type"], "wrong_type")
    if problem["loc"] and problem["input"] is None:
        reason = "missing_field"
    if reason == "wrong_type" and problem["loc"] and where == label:
        reason = "unknown_label"
    sentence = "is missing" if reason == "missing_field" else problem["msg"]
    return Rejection(reason, f"{where[:60]}: {sentence}"[:300], view(raw, shown))


def _foremost(error: ValidationError) -> Any:
    """The first problem; of the branches of a union the one that is about more than the type."""
    problems = error.errors(include_url=False, include_context=False)
    same = [p for p in problems if p["loc"][:1] == problems[0]["loc"][:1]]
    return next((p for p in same if p["type"] in _REASON), same[0])


def view(raw: bytes, shown: Shown, limit: int = 400) -> str:
    """Return the start of a record as text, printable, private fields masked.

    >>> view(b'{"name": "Ada", "age": -3, "mail": "a@b.org"}', Shown.of(["name", "age"], ["name"]))
    '{"name": "***", "age": -3, "(undeclared)": 1}'
    >>> view(b'\\xff\\x00', Shown.of(["name"], ["name"]))
    '2 bytes that are no JSON object'
    """
    parsed = _parsed(raw)
    if isinstance(parsed, dict):
        seen = _without_images(parsed, shown.images)
        return json.dumps(_masked(seen, shown) if shown.private else _cut(seen))[:limit]
    if shown.private or shown.images:
        return f"{len(raw)} bytes {'that are no JSON object' if len(raw) <= LONGEST_READ else 'in all'}"
    return ascii(raw[:120].decode("utf-8", "replace"))[1:-1][:limit]


def _parsed(raw: bytes) -> object:
    try:
        return json.loads(raw) if len(raw) <= LONGEST_READ else None
    except (ValueError, RecursionError):
        return None


def _without_images(parsed: dict[str, object], images: frozenset[str]) -> dict[str, object]:
    """A record with each image in it described, whatever field it is in."""
    seen = dict(parsed)
    for key, value in parsed.items():
        if isinstance(value, str) and (key in images or looks_like_image(value)):
            seen[key] = described(value)
    return seen


def _cut(parsed: dict[str, object]) -> dict[str, object]:
    return {key[:60]: _short(value) for key, value in list(parsed.items())[:50]}


def _masked(parsed: dict[str, object], shown: Shown) -> dict[str, object]:
    known = {key: value for key, value in parsed.items() if key in shown.declared or key in shown.private}
    masked = _cut({key: MASK if key in shown.private else value for key, value in known.items()})
    unknown = len(parsed) - len(known)
    return masked | ({"(undeclared)": unknown} if unknown else {})


def _short(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= 80 else value[:80] + "…"
    if isinstance(value, list | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return value
