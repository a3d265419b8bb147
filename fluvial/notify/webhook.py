"""Webhook: notices as signed JSON to an address of the user's.

Headers::

    Fluvial-Id          the same for every repetition of a notice: who has seen it leaves it out
    Fluvial-Timestamp   seconds since 1970 UTC, when this try was made
    Fluvial-Signature   v1= and the hex HMAC-SHA256, under the shared key, of timestamp, a dot and the body

Whoever receives it computes the signature over the bytes that came, compares it in constant time, and
refuses a timestamp that is more than :data:`WINDOW` away from its own clock: :func:`verify` does so.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping

from fluvial.notify.notice import CALLS, Kind, Notice
from fluvial.notify.posting import post

WINDOW = 300.0
"""Seconds that a signed request is good for."""


def sign(key: bytes, timestamp: str, body: bytes) -> str:
    """The signature of a body that is sent at a time.

    >>> sign(b"k" * 32, "1700000000", b"{}")[:11]
    'v1=0b3b3552'
    """
    return f"v1={hmac.new(key, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def verify(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether a request with these headers (any case) came from who has the key, and just now."""
    given = {name.lower(): value for name, value in headers.items()}
    timestamp, signature = given.get("fluvial-timestamp", ""), given.get("fluvial-signature", "")
    if not timestamp.isdecimal() or len(timestamp) > 15 or abs(now - int(timestamp)) > WINDOW:
        return False
    return hmac.compare_digest(signature.encode(), sign(key, timestamp, body).encode())


class Webhook:
    """Tells by POST to ``url``, signed with ``key``."""

    name = "webhook"
    kinds: tuple[Kind, ...] = (*CALLS, "test")

    def __init__(self, url: str, key: bytes) -> None:
        self._url, self._key = url, key

    def send(self, notice: Notice) -> None:
        """Return when the receiver has answered with success. Raises NotSent."""
        body = json.dumps({"id": notice.id, **notice.body}, ensure_ascii=False).encode()
        timestamp = str(int(time.time()))
        headers = {"Fluvial-Id": notice.id, "Fluvial-Timestamp": timestamp}
        post(self._url, body, headers | {"Fluvial-Signature": sign(self._key, timestamp, body)})
