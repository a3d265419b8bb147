"""What River's detectors do that a pager cannot live with: why a monitor is not just one of them.

Each of these is a figure, not a taste. When a new version of River mends one, its test fails, and
docs/monitors.md has a sentence to lose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from river import drift
from river.drift import binary

from tests.bars.streams import daily, dependent, steps

DETECTORS: dict[str, Callable[[], Any]] = {
    "ADWIN": drift.ADWIN,
    "KSWIN": lambda: drift.KSWIN(seed=1),
    "PageHinkley": drift.PageHinkley,
    "DDM": binary.DDM,
    "EDDM": binary.EDDM,
    "FHDDM": binary.FHDDM,
    "HDDM_A": binary.HDDM_A if hasattr(binary, "HDDM_A") else binary.HDDMA,
    "HDDM_W": binary.HDDM_W if hasattr(binary, "HDDM_W") else binary.HDDMW,
    "NoDrift": drift.NoDrift,
    "DummyDriftDetector": lambda: drift.DummyDriftDetector(seed=1),
}
BINARY = ("DDM", "EDDM", "FHDDM", "HDDM_A", "HDDM_W")
WORSE, BETTER = ((0.05, 5_000), (0.60, 2_000)), ((0.60, 5_000), (0.05, 2_000))
CHANGE = 5_000


def detected(make: Callable[[], Any], values: Iterable[float]) -> list[int]:
    """After which observations a detector says drift."""
    detector, found = make(), []
    for at, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            found.append(at)
    return found


def hits(name: str, *parts: tuple[float, int], inverted: bool = False) -> int:
    """In how many of ten streams it says drift after the change."""
    count = 0
    for seed in range(10):
        values = steps(seed, *parts).values
        fed = [1.0 - value for value in values] if inverted else values
        fed = [int(value) for value in fed] if name in BINARY else fed
        count += any(at >= CHANGE for at in detected(DETECTORS[name], fed))
    return count
