"""What a second worker brings; wall time is judged by `make soak` alone, on a machine with nothing else to do."""

import pytest

from tests.consumers.sockets import leaves_sockets
from tests.recovery.scale import Rate, Scale, compare
from tests.recovery.site import Site


@pytest.mark.alone
@pytest.mark.usefixtures("kafka_bootstrap")
@pytest.mark.timeout(300)
@leaves_sockets
def test_a_second_worker_costs_the_first_nothing(site: Site) -> None:
    found = compare(site, events=15_000, rounds=1)
    assert found.ratio_per_cpu > 1.4, found.figure  # other tests take turns on the same cores


def test_the_ratio_is_the_median_of_rounds_that_were_measured_side_by_side() -> None:
    one = Rate(1000, 1000), Rate(500, 1000), Rate(800, 1000)
    two = Rate(1900, 990), Rate(900, 980), Rate(800, 970)
    found = Scale(one, two, 1.8)
    assert found.ratio == 1.8
    assert found.ok
    assert found.ratio_per_cpu == 1.96
    assert not found._replace(least=1.81).ok
