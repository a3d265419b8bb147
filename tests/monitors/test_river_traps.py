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
    "PageHinkley": drift.PageHinkley,
    "DDM": binary.DDM,
    "EDDM": binary.EDDM,
    "FHDDM": binary.FHDDM,
    "HDDM_A": binary.HDDMA,
    "HDDM_W": binary.HDDMW,
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


# ---- detectors that are fed as documented and see nothing, or the opposite


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - {"FHDDM", "NoDrift"}))
def test_most_detectors_see_a_learner_that_breaks(name: str) -> None:
    assert hits(name, *WORSE) == 10


def test_fhddm_documents_one_as_an_error_and_sees_errors_only_when_it_is_fed_the_opposite() -> None:
    assert "1 indicates error" in (binary.FHDDM.__doc__ or "")
    assert hits("FHDDM", *WORSE) <= 3
    assert hits("FHDDM", *BETTER) >= 8
    assert hits("FHDDM", *WORSE, inverted=True) == 10


def test_a_detector_that_never_speaks_passes_for_one_that_has_nothing_to_say() -> None:
    assert hits("NoDrift", *WORSE) == 0
    assert detected(DETECTORS["NoDrift"], daily(1, 20_000).values) == []


def test_a_detector_that_speaks_by_the_clock_has_found_every_change() -> None:
    assert hits("DummyDriftDetector", *WORSE) == hits("DummyDriftDetector", *BETTER) == 10
    assert len(detected(DETECTORS["DummyDriftDetector"], [0.0] * 5_000)) > 10


# ---- detectors that call somebody for nothing


@pytest.mark.parametrize("name", ["ADWIN", "PageHinkley"])
def test_detectors_of_a_mean_call_for_an_improvement_as_for_a_breakdown(name: str) -> None:
    assert hits(name, *BETTER) == 10


@pytest.mark.parametrize(
    ("name", "least"), [("ADWIN", 20), ("PageHinkley", 20), ("DDM", 10), ("EDDM", 100), ("HDDM_A", 5)]
)
def test_night_and_day_are_drift_to_them(name: str, least: int) -> None:
    assert len(detected(DETECTORS[name], [int(value) for value in daily(1, 100_000).values])) >= least


@pytest.mark.parametrize("name", ["ADWIN", "PageHinkley"])
@pytest.mark.parametrize("rho", [0.9, 0.99])
def test_a_value_that_resembles_the_last_one_is_drift_to_them(name: str, rho: float) -> None:
    assert len(detected(DETECTORS[name], dependent(1, rho, 20_000).values)) >= 80


def test_adwins_estimate_right_after_a_detection_is_not_the_new_level() -> None:
    off = []
    for seed in range(10):
        adwin = drift.ADWIN()
        for at, value in enumerate(steps(seed, *WORSE).values):
            adwin.update(value)
            if adwin.drift_detected and at >= CHANGE:
                off.append(abs(adwin.estimation - 0.6))
                break
    assert len(off) == 10
    assert sum(one > 0.1 for one in off) >= 8
