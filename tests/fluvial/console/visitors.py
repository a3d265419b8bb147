"""Visitors of a console in this process: programs with a token, browsers with a cookie."""

from __future__ import annotations

import re
import warnings
from typing import Any

from fastapi import FastAPI

with warnings.catch_warnings():
    # Starlette's client announces that it will want another HTTP library than httpx.
    warnings.simplefilter("ignore", UserWarning)
    from fastapi.testclient import TestClient as Client

__all__ = ["ORIGIN", "TOKEN", "Client", "field", "form", "program", "stranger", "visitor"]

TOKEN = "a-token-that-nobody-guesses"
ORIGIN = "http://127.0.0.1"


def stranger(app: FastAPI) -> Client:
    """Somebody without a token."""
    return Client(app, base_url=ORIGIN, follow_redirects=False)


def program(app: FastAPI) -> Client:
    """A program that sends the token with every request."""
    return Client(app, base_url=ORIGIN, follow_redirects=False, headers={"Authorization": f"Bearer {TOKEN}"})


def visitor(app: FastAPI) -> Client:
    """A browser that opened the address with the token; it sends its origin with what it posts."""
    client = Client(app, base_url=ORIGIN, headers={"Origin": ORIGIN})
    assert client.get(f"/?token={TOKEN}").status_code == 200
    return client


def field(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


def form(page: str, **filled: Any) -> dict[str, Any]:
    """The form on a page, filled in."""
    hidden = {name: field(page, name) for name in ("csrf", "id")}
    version = re.search(r'name="version" value="(\d+)"', page)
    return (
        hidden | ({"version": version[1]} if version else {}) | {"who": "Ben", "reason": "because"} | filled
    )
