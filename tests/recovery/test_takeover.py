"""Real processes: how soon somebody is at work again after one of two workers was killed, or left."""

import pytest

from tests.consumers.sockets import leaves_sockets
from tests.recovery.site import Site
from tests.recovery.table import by_ok, chosen


@pytest.mark.alone
@pytest.mark.usefixtures("kafka_bootstrap")
@pytest.mark.timeout(300)
@leaves_sockets
@pytest.mark.parametrize("name", ["failover", "return"])
def test_somebody_is_at_work_again_soon(site: Site, name: str) -> None:
    (row,) = chosen([name])
    finding = by_ok(row, row.short(site))
    assert finding.met, finding.figure
