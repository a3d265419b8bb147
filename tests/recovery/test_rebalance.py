"""Workers on a real Kafka that come, go, die and freeze while records keep coming."""

import pytest

from tests.consumers.sockets import leaves_sockets
from tests.recovery.rebalance import Rebalances
from tests.recovery.site import Site
from tests.recovery.table import by_ok, chosen

pytestmark = [pytest.mark.timeout(300), leaves_sockets]


@pytest.mark.usefixtures("kafka_bootstrap", "postgres_url")
@pytest.mark.parametrize("learn", ["per-partition", "one-model"])
def test_nothing_is_lost_or_learned_twice_while_workers_come_and_go(site: Site, learn: str) -> None:
    (row,) = chosen([f"rebalance-{learn}"])
    finding = by_ok(row, row.short(site))
    assert finding.met, finding.figure


def test_one_event_with_two_predictions_is_one_too_many() -> None:
    found = Rebalances("one-model", {"join": 3}, 10, 0, 0, 0, 4, 1, ())
    assert found.ok
    assert not found._replace(contradictory=1).ok
    assert not found._replace(lost=1).ok
    assert not found._replace(twice=1).ok
    assert not found._replace(troubles=("shard 0: its replay gives another digest",)).ok
