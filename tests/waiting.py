"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

STILL = 2.0
"""Seconds that a short sleep takes too long when the machine, not the product, is slow."""


def wait_until(check: Callable[[], T], what: str, deadline_s: float = 30.0, every_s: float = 0.02) -> T:
    """Call `check` until it returns something truthy, and return that.

    Raises `AssertionError` naming `what` when the deadline passes first. Time in which the whole machine
    stood still does not count: what is waited for stood still too.
    """
    end = time.monotonic() + deadline_s
    while True:
        if found := check():
            return found
        slept_at = time.monotonic()
        if slept_at >= end:
            raise AssertionError(f"waited {deadline_s:g} s in vain: {what}")
        time.sleep(every_s)
        if (still := time.monotonic() - slept_at - every_s) > STILL:
            end += still
