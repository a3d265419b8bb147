"""kill -9: in every phase, on both stores; and the row notices a loop without its safeguards."""

import pytest

from tests.recovery.crash import Crashes, Draw, kill_often
from tests.recovery.points import PHASES
from tests.recovery.site import Site
from tests.recovery.table import by_ok, chosen

pytestmark = pytest.mark.timeout(240)


@pytest.mark.usefixtures("postgres_url")
def test_a_worker_killed_in_any_phase_leaves_the_model_that_one_nobody_killed_has(site: Site) -> None:
    (row,) = chosen(["crash"])
    finding = by_ok(row, row.short(site))
    assert finding.met, finding.figure


def mutated(site: Site, mutation: str, phase: str, kills: int = 6) -> Crashes:
    """A few kills in one phase, with the model reset before every life."""
    draw = Draw(
        ("linear",), ("sqlite",), (phase,), aimed=1.0, decide=1.0, mutation=mutation, hash_seeds=("0",), patience=10
    )  # fmt: skip
    return kill_often(site, kills=kills, least=0, draw=draw, at_once=1)


@pytest.mark.parametrize(
    ("mutation", "phase", "said"),
    [
        ("published before the journal", "before the journal row", "two different predictions"),
        ("no seek", "stepping", "events instead of"),
        ("nothing published again", "before publishing", "without a prediction"),
    ],
)
def test_the_row_notices_a_loop_without_a_safeguard(site: Site, mutation: str, phase: str, said: str) -> None:
    with_it = mutated(site, mutation, phase, kills=1 if mutation == "no seek" else 6)
    assert not with_it.ok
    assert said in with_it.figure


def test_the_same_kills_leave_the_product_as_it_is_unharmed(site: Site) -> None:
    as_it_is = mutated(site, "", "before the journal row")
    assert as_it_is.ok, as_it_is.figure
    assert as_it_is.phases["before the journal row"] == 6


def test_a_phase_that_was_hardly_hit_is_no_proof() -> None:
    hit = dict.fromkeys(PHASES, 20)
    crashes = Crashes(160, 160, hit, 20, 1, 0, ())
    assert crashes.ok
    assert not crashes._replace(phases=hit | {"stepping": 19}).ok
    assert not crashes._replace(troubles=("one",)).ok
