"""Deciding: a form or an API body becomes a review; the same semantics on both ways."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from fluvial.reviews import Request, Review, foretell, review
from fluvial.store import Store

_SENTENCES = {
    ("who", "string_too_short"): "Say who you are: every decision has a name.",
    ("who", "string_too_long"): "The name is too long: 200 characters at most.",
    ("reason", "string_too_long"): "The reason is too long: 2,000 characters at most.",
}


class Unclear(ValueError):
    """What is wrong with a request, in a sentence that says what to write instead."""


def decide(store: Store, wish: Mapping[str, Any], channel: str) -> Review:
    """Take a review. Raises Unclear and what :func:`fluvial.reviews.review` raises."""
    return review(store, _request(wish), channel)


def foretold(store: Store, wish: Mapping[str, Any], channel: str) -> Review:
    """The review as it would be taken; nothing is done. Raises as :func:`decide`."""
    return foretell(store, _request(wish), channel)


def _request(wish: Mapping[str, Any]) -> Request:
    try:
        return Request.model_validate(wish)
    except ValidationError as error:
        raise Unclear(explain(error.errors())) from None


def explain(errors: Sequence[Any]) -> str:
    """What is wrong, one sentence for each mistake."""
    return " ".join(_sentence(error) for error in errors)


def _sentence(error: Mapping[str, Any]) -> str:
    where = [str(part) for part in error["loc"] if part not in ("body", "query", "path")]
    name = ".".join(where)
    known = _SENTENCES.get((name, error["type"]))
    message = str(error["msg"]).removeprefix("Value error, ")
    return known or f"{name}: {message}." if name else f"{message}."
