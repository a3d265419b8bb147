"""Posting: one HTTP request that carries JSON, without redirects; what is no success is NotSent."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from fluvial.notify.notice import NotSent

PATIENCE = 10.0
"""Seconds that an answer may take."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET, and a secret elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post JSON to ``url``. Raises NotSent."""
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})
        with _opener.open(request, timeout=PATIENCE) as answer:
            answer.read(1000)
    except (OSError, HTTPException, ValueError) as error:  # a status of failure is an OSError as well
        raise NotSent(f"POST {url}: {error}") from None
