"""Pages that many incidents stand on take no longer for it."""

from __future__ import annotations

import time

import pytest

from fluvial.incidents import Incidents
from fluvial.store import Store
from tests.fluvial.console.fleet import alarm
from tests.fluvial.console.visitors import Client


@pytest.mark.alone
def test_a_thousand_incidents_are_no_burden(browser: Client, store: Store) -> None:
    many = [(f"{n:012x}", alarm(400 + 100 * n)) for n in range(1000)]
    Incidents(store).record("flights", 0, many)
    for path in ("/", "/incidents", "/pipelines/flights"):
        browser.get(path)
        took = min(timed(browser, path) for _ in range(3))
        assert took < 0.3, f"{path} took {took:.3f} s"


def timed(browser: Client, path: str) -> float:
    """Seconds that one page takes."""
    start = time.perf_counter()
    assert browser.get(path).status_code == 200
    return time.perf_counter() - start
