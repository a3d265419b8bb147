"""A minute of what `make soak` does for hours: open files and series do not grow."""

import pytest

from tests.consumers.sockets import leaves_sockets
from tests.recovery.site import Site
from tests.recovery.soak import Sample, Soak
from tests.recovery.table import by_ok, chosen


@pytest.mark.usefixtures("kafka_bootstrap")
@pytest.mark.timeout(300)
@leaves_sockets
def test_a_worker_that_runs_for_a_while_opens_no_more_files_and_makes_no_more_series(site: Site) -> None:
    (row,) = chosen(["soak"])
    finding = by_ok(row, row.short(site))
    assert finding.met, finding.figure


def test_memory_that_grows_by_two_percent_an_hour_is_a_leak() -> None:
    def soaked(growth: float, files: int = 0, series: int = 0) -> Soak:
        samples = [
            Sample(
                at, int(1e9 * (1 + growth * at / 3600)), 20 + files * at // 1800, 100 + series * at // 1800
            )
            for at in range(0, 3600, 60)
        ]
        return Soak(3600, 1000, 800, 0, tuple(samples), 0.01)

    assert soaked(0.009).ok
    assert soaked(0.02).slope == pytest.approx(0.02, rel=0.02)
    assert not soaked(0.02).ok
    assert not soaked(0.0, files=4).ok
    assert not soaked(0.0, series=1).ok
