"""The process that computes shadow tables takes so much memory and no more; what needs more says so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fluvial.errors import ConfigError
from fluvial.settings import settings
from fluvial.shadow.ceiling import ceiling, peak
from fluvial.shadow.dispatch import Dispatch
from fluvial.shadow.jobs import Jobs
from fluvial.shadow.work import Bench
from tests.fluvial.shadow.drifted import drifted, incident_of
from tests.fluvial.world import World

HUNGRY = """
from fluvial.shadow.ceiling import cap, ceiling, why
cap({first})
cap({second})
try:
    held = bytearray(1 << 30)
except MemoryError:
    print(ceiling(), why())
else:
    print(ceiling(), "it fits")
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world after a drift."""
    with drifted(tmp_path) as made:
        yield made


def hungry(first: int, second: int = 0) -> str:
    """What a process says that wants a GiB under a ceiling, and then another one."""
    code = HUNGRY.format(first=first, second=second)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_what_goes_beyond_the_ceiling_is_refused_with_what_to_do() -> None:
    said = hungry(600)
    assert said.startswith("600 it needs more than the 600 MiB")
    assert "FLUVIAL_SHADOW_MEMORY" in said


def test_without_a_ceiling_and_under_a_high_one_it_fits() -> None:
    assert hungry(0) == "None it fits"
    assert hungry(4096) == "4096 it fits"


def test_a_lower_ceiling_of_somebody_else_stays() -> None:
    assert hungry(600, 4096).startswith("600 ")


def test_the_job_that_needed_more_fails_in_words_and_the_next_is_computed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(*_: object) -> None:
        raise MemoryError

    Dispatch(world.pipeline, world.store, 500).look()
    monkeypatch.setattr("fluvial.shadow.work.compute_and_keep", too_much)
    monkeypatch.setattr("fluvial.shadow.ceiling.ceiling", lambda: 1024)
    bench = Bench(world.place(), world.store)
    while bench.one():
        pass
    jobs = {job.kind: job for job in Jobs(world.store).of(incident_of(world).id)}
    assert (jobs["card"].state, jobs["table"].state) == ("failed", "done")
    assert "more than the 1,024 MiB" in str(jobs["card"].failed)


def test_the_ceiling_is_not_set_where_it_would_leave_nothing_to_begin_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLUVIAL_SHADOW_MEMORY", "100")
    with pytest.raises(ConfigError, match="FLUVIAL_SHADOW_MEMORY: 100 MiB are too little"):
        settings()
    monkeypatch.setenv("FLUVIAL_SHADOW_MEMORY", "0")
    assert settings().shadow_memory == 0


def test_what_this_process_holds_is_told_in_mebibytes() -> None:
    assert 20 < peak() < 20_000
    assert ceiling() is None, "nobody has bounded the tests"
