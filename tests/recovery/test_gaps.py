"""Every gap once; `make soak` makes more of them."""

import gc
from collections.abc import Iterator

import pytest

from tests.consumers.sockets import leaves_sockets
from tests.recovery.gaps import GOING_ON, HALTING, SCENARIOS, make_gaps
from tests.recovery.site import Site

pytestmark = [pytest.mark.timeout(400), leaves_sockets]


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()  # see leaves_sockets


@pytest.mark.usefixtures("kafka_bootstrap")
def test_what_is_missing_is_named_and_what_is_not_is_learned(site: Site) -> None:
    gaps = make_gaps(site, each=1)
    assert gaps.ok, gaps.figure
    assert gaps.tried == dict.fromkeys(SCENARIOS, 1)
    assert (gaps.halted, gaps.went_on) == (len(HALTING), len(GOING_ON))
