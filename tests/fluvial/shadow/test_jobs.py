"""Jobs: each is computed once, by whoever claims it first, and not lost with whoever dies over it."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial.shadow.jobs import GAVE_UP, TRIES, Job, Jobs, Lost, enqueue, jobs_of
from fluvial.store import Store
from fluvial.tables import shadow_job_table
from tests.fluvial.racing import race


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with closing(Store(store_url)) as opened:
        yield opened


def ask(store: Store, name: str, kind: Any = "table") -> bool:
    with store.write() as db:
        return enqueue(db, name, kind, "coins", 0, {"incident": "i"})


def claimed(store: Store, worker: str = "w") -> Job:
    job = Jobs(store).claim("coins", worker)
    assert job is not None
    return job


def lapse(store: Store) -> None:
    """Let every lease be over."""
    with store.write() as db:
        db.execute(sa.update(shadow_job_table).values(lease_until=1.0))


def test_what_was_asked_for_once_is_not_asked_for_again(store: Store) -> None:
    assert [ask(store, "a"), ask(store, "a"), ask(store, "b")] == [True, False, True]
    assert [job.name for job in Jobs(store).of("i")] == ["b", "a"]


def test_whoever_is_told_to_stop_gives_a_job_back_as_often_as_need_be(store: Store) -> None:
    ask(store, "a")
    jobs = Jobs(store)
    for n in range(TRIES + 2):
        job = claimed(store, f"worker {n}")
        assert jobs.busy("coins")
        jobs.release(job)
        assert (jobs.busy("coins"), jobs.waiting("coins")) == (False, True)
    jobs.done(claimed(store), {})
    with pytest.raises(Lost):
        jobs.release(job)


def test_a_job_goes_from_queued_to_running_to_done(store: Store) -> None:
    ask(store, "a")
    jobs = Jobs(store)
    assert jobs.waiting("coins")
    job = claimed(store)
    assert (job.state, jobs.waiting("coins"), jobs.claim("coins", "x")) == ("running", False, None)
    jobs.progress(job, 5, 10)
    jobs.done(job, {"n": 3, "low": float("inf")})
    found = jobs.named("a")
    assert found is not None
    assert (found.state, found.batch, found.last, found.result) == ("done", 5, 10, {"n": 3, "low": None})


def test_models_that_a_shard_waits_for_come_first(store: Store) -> None:
    ask(store, "back", "hindsight")
    ask(store, "table")
    ask(store, "model", "model")
    assert [claimed(store).name for _ in range(3)] == ["model", "table", "back"]


def test_of_many_that_claim_at_once_one_gets_it(store: Store) -> None:
    ask(store, "a")
    found = race(*[partial(Jobs(store).claim, "coins", f"w{n}") for n in range(8)])
    assert len([one for one in found if isinstance(one, Job)]) == 1


def test_the_job_of_one_who_died_is_somebody_elses_and_the_dead_write_nothing(store: Store) -> None:
    ask(store, "a")
    dead = claimed(store, "dead")
    lapse(store)
    heir = claimed(store, "heir")
    for act in (lambda: Jobs(store).progress(dead, 1, 2), lambda: Jobs(store).done(dead, {})):
        with pytest.raises(Lost):
            act()
    Jobs(store).done(heir, {"n": 1})
    with pytest.raises(Lost):
        Jobs(store).fail(heir, "too late")


def test_a_job_that_kills_whoever_computes_it_is_given_up(store: Store) -> None:
    ask(store, "a")
    for _ in range(TRIES):
        claimed(store)
        lapse(store)
    assert Jobs(store).claim("coins", "w") is None
    found = Jobs(store).named("a")
    assert found is not None
    assert (found.state, found.failed) == ("failed", GAVE_UP)


def test_the_newest_of_some_kinds_are_read_and_no_more(store: Store) -> None:
    for n in range(30):
        ask(store, f"table {n}")
        ask(store, f"card {n}", "card")
    with store.read() as db:
        found = jobs_of(db, "i", "table", "hindsight", limit=3)
    assert [job.name for job in found] == ["table 29", "table 28", "table 27"]
