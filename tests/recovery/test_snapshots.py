"""Spoilt snapshots cost time and nothing else: a short draw of each kind; `make soak` draws more."""

import pytest

from tests.recovery.snapshots import DRAWS


@pytest.fixture(autouse=True)
def _without_backtraces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUST_BACKTRACE", "0")


@pytest.mark.parametrize("draw", DRAWS)
def test_all_are_found_and_every_recovery_is_exact(draw: str) -> None:
    result = DRAWS[draw](40, 7)
    assert result.ok, result
    assert result.spoilt == result.found == 40
    assert result.recoveries >= 3
