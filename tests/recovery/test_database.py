"""A database that is killed, and sessions cut in their commits: nothing is lost and nothing done twice."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from fluvial.store import Store, StoreUnavailable, pipeline_table
from tests.recovery import database
from tests.recovery.cutter import Cut, Cutter, Side
from tests.services.parts import Parts
from tests.services.postgres_server import LocalPostgres

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def own(parts: Parts) -> Iterator[LocalPostgres]:
    """A server of this file's own, whichever the other tests use: it is killed."""
    with closing(parts.use("postgres", LocalPostgres)) as server:
        yield server


def test_a_database_that_is_killed_costs_neither_a_record_nor_a_decision(
    own: LocalPostgres, tmp_path: Path
) -> None:
    found = database.kills(3, 1, tmp_path, own)
    assert found["ok"], found
    assert found["kills_at_work"] >= 1
    assert found["events"] >= 1200
    assert found["reviews"] == found["decisions"] == 9, "two at the desk and one through the topic for each"


def test_a_commit_that_nobody_heard_of_is_neither_lost_nor_done_twice(
    own: LocalPostgres, tmp_path: Path
) -> None:
    found = database.cut_commits(3, 1, tmp_path, own)
    assert found["ok"], found
    assert found["cut_before_commit"] >= 2
    assert found["cut_after_commit"] >= 1
    assert sum(found["cut_in"].values()) == found["cut_before_commit"] + found["cut_after_commit"]


@pytest.mark.parametrize(("side", "written"), [("before", []), ("after", ["coins"])])
def test_the_cutter_cuts_where_it_says(own: LocalPostgres, side: Side, written: list[str]) -> None:
    with (
        database.database(own) as (_, url),
        closing(Cutter(database.address(url), random.Random(1))) as cutter,
        closing(Store(database.through(cutter, url))) as store,
    ):
        row = {"pipeline": "coins", "shards": 1, "facts": {}, "paused": False, "version": 0}
        cutter.plan(Cut("INSERT INTO pipeline", side))
        with pytest.raises(StoreUnavailable, match="may be written or not"), store.write() as db:
            db.execute(sa.insert(pipeline_table).values(row))
        with store.read() as db:
            assert list(db.execute(sa.select(pipeline_table.c.pipeline)).scalars()) == written
