"""Signing: what a review needs to be taken from the topic: key, nonce, expiry and signature.

``key`` names the key, ``nonce`` makes the message one of a kind, after ``good_until`` (a clock time, s
since 1970 UTC) nobody takes it any more. ``signature`` is the hex HMAC-SHA256, under that key, of the
object without it, as JSON with sorted keys and no white space.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from fluvial.accounts import PREFIX
from fluvial.errors import ConfigError

STORE = "store"
"""The name of the store's own key: whoever has it could write to the store as well."""

ENVELOPE = ("key", "nonce", "good_until", "signature")
"""What a message holds beside the review."""

LASTS = 3600.0
"""Seconds for which a message is good: it may wait in a topic, but not for ever."""


class Signer(NamedTuple):
    """A key and the name it goes by."""

    name: str
    key: bytes


def of_store(key: bytes) -> Signer:
    """Signs with the store's own key, made over so that it can never be taken for a snapshot's seal."""
    return Signer(STORE, hmac.digest(key, b"fluvial reviews", "sha256"))


def of_reviewer(text: str) -> Signer:
    """Signs with a key from `fluvial tokens create --signing`. Raises ConfigError."""
    prefix, name, key = [*text.strip().split("_", 2), "", ""][:3]
    try:
        made = Signer(name, bytes.fromhex(key))
    except ValueError:
        made = Signer(name, b"")
    if prefix != PREFIX or len(made.key) != 32:
        raise ConfigError("this is no signing key: make one with `fluvial tokens create USER --signing`")
    return made


def signed(message: Mapping[str, Any], signer: Signer, *, lasts: float = LASTS) -> dict[str, Any]:
    """A message that will be taken once, within ``lasts`` seconds."""
    envelope = {"key": signer.name, "nonce": secrets.token_hex(16), "good_until": int(time.time() + lasts)}
    whole = {**envelope, **message}
    return whole | {"signature": sign(whole, signer.key)}


def sign(message: Mapping[str, Any], key: bytes) -> str:
    """The signature of a message under ``key``, as hex."""
    unsigned = {name: value for name, value in message.items() if name != "signature"}
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
