"""A view of a refused record that is safe to keep and to show.

Everything that comes in a record is hostile text, and some of it is private: fields marked ``pii``
are masked, long values are cut, and a record that cannot be read at all is shown only where no
field of the contract is private.
"""

import json
from collections.abc import Collection

from pydantic import ValidationError

from consumers.event import Rejection

_REASON = {
    "json_invalid": "not_json",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
    "dict_type": "not_an_object",
    "missing": "missing_field",
    "string_too_long": "too_long",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
}


def rejection(error: ValidationError, raw: bytes, sensitive: Collection[str]) -> Rejection:
    """Say in one closed word and one sentence why pydantic refused ``raw``."""
    first = error.errors(include_url=False, include_context=False)[0]
    reason = _REASON.get(first["type"], "wrong_type")
    if reason == "wrong_type" and first["input"] is None:
        reason = "missing_field"
    where = str(first["loc"][0]) if first["loc"] else "record"
    if where == "label" and reason == "wrong_type":
        reason = "unknown_label"
    sentence = "is missing and its rule is to reject" if reason == "missing_field" else first["msg"]
    return Rejection(reason, f"{where[:60]}: {sentence}"[:300], view(raw, sensitive))


def view(raw: bytes, sensitive: Collection[str], limit: int = 400) -> str:
    """Return the start of a record as text, printable, private fields masked.

    >>> view(b'{"name": "Ada", "age": -3}', {"name"})
    '{"name": "***", "age": -3}'
    >>> view(b'\\xff\\x00', {"name"})
    '2 bytes that are no JSON object'
    """
    try:
        parsed = json.loads(raw) if len(raw) <= 100_000 else None
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict):
        masked = {str(k)[:60]: "***" if k in sensitive else _short(v) for k, v in list(parsed.items())[:50]}
        return json.dumps(masked)[:limit]
    if sensitive:
        return f"{len(raw)} bytes that are no JSON object"
    return ascii(raw[:120].decode("utf-8", "replace"))[1:-1]


def _short(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= 80 else value[:80] + "…"
    if isinstance(value, list | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return value
