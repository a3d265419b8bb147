"""Owners that were stopped, lost their shard and went on; and the row notices a store that lets them write."""

import pytest

import fluvial.journal
import fluvial.shelf
from fluvial.journal import Journal
from tests.recovery.mutations import MUTATIONS
from tests.recovery.site import Site
from tests.recovery.table import by_ok, chosen
from tests.recovery.zombies import Zombies, resume_often


@pytest.mark.usefixtures("postgres_url")
@pytest.mark.timeout(240)
def test_an_owner_that_lost_its_shard_writes_nothing_when_it_goes_on(site: Site) -> None:
    (row,) = chosen(["zombie"])
    finding = by_ok(row, row.short(site))
    assert finding.met, finding.figure


@pytest.mark.parametrize("mutation", ["no epoch check", "no fence"])
def test_the_row_notices_a_store_that_lets_them_write(
    site: Site, monkeypatch: pytest.MonkeyPatch, mutation: str
) -> None:
    for owner, name in ((Journal, "append"), (fluvial.journal, "own"), (fluvial.shelf, "own")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # so that they are put back afterwards
    MUTATIONS[mutation]()
    found = resume_often(site, zombies=8, processes=0, stores=("sqlite",))
    assert not found.ok
    assert found.accepted


def test_zombies_that_nobody_noticed_are_no_success() -> None:
    found = Zombies({"stepping": 3}, 0, 3, ())
    assert found.ok
    assert not found._replace(logged=2).ok
    assert not found._replace(accepted=1).ok
    assert not found._replace(troubles=("one",)).ok
    assert not found._replace(resumed={}, logged=0).ok
