"""Real processes: how soon one that was killed is back, and how one ends that is told to."""

import pytest

from tests.recovery.site import Site
from tests.recovery.starts import Starts
from tests.recovery.stops import Stops
from tests.recovery.table import by_ok, chosen
from tests.recovery.workers import Stopped

pytestmark = pytest.mark.timeout(180)


@pytest.mark.alone
def test_a_worker_that_was_killed_is_back_within_seconds(site: Site) -> None:
    (row,) = chosen(["start"])
    finding = by_ok(row, row.short(site))
    assert finding.met, finding.figure


@pytest.mark.alone
@pytest.mark.usefixtures("kafka_bootstrap")
def test_a_worker_that_is_told_to_stop_ends_well_and_leaves_nothing_to_replay(site: Site) -> None:
    (row,) = chosen(["stop"])
    finding = by_ok(row, row.short(site))
    assert finding.met, finding.figure


def test_one_slow_start_is_one_too_many() -> None:
    assert Starts((3.0, 3.1), (3.1, 3.2), 5.0).ok
    assert not Starts((3.0, 3.1), (3.1, 5.1), 5.0).ok


@pytest.mark.parametrize(
    ("code", "seconds", "replayed", "ok"), [(0, 1.0, 0, True), (1, 1.0, 0, False), (0, 11.0, 0, False), (0, 1.0, 1, False)]
)  # fmt: skip
def test_a_stop_is_well_only_with_code_time_and_nothing_left(
    code: int, seconds: float, replayed: int, ok: bool
) -> None:
    assert Stops((Stopped(0, 1.0), Stopped(code, seconds)), (0, replayed), 10.0).ok is ok
