"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(check: Callable[[], T], what: str, deadline_s: float = 30.0, every_s: float = 0.02) -> T:
    """Call `check` until it returns something truthy, and return that.

    Raises `AssertionError` naming `what` when the deadline passes first.
    """
    end = time.monotonic() + deadline_s
    while True:
        if found := check():
            return found
        if time.monotonic() >= end:
            raise AssertionError(f"waited {deadline_s:g} s in vain: {what}")
        time.sleep(every_s)
