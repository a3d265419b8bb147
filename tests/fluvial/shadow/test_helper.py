"""The process beside a worker: there while there is work, and gone with its worker."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fluvial.settings import Settings
from fluvial.store import Store, incident_table
from fluvial.tables import shadow_job_table
from tests.fluvial.world import COINS, coins, embedded_world, tosses
from tests.waiting import wait_until


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.yaml").write_text(COINS)
    return tmp_path


def environment(home: Path) -> dict[str, str]:
    return os.environ | {"FLUVIAL_HOME": str(home / "home")}


@pytest.fixture
def worker(home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker that has come to the end of a stream with a drift."""
    (home / "home").mkdir()
    world = embedded_world(home / "home", coins())
    world.feed(tosses(2_500))
    world.feed(tosses(1_500, seed=2, first=2_500, flip_after=2_500))
    world.log.close()
    world.store.close()
    with (home / "said").open("w") as said:
        command = [sys.executable, "-m", "fluvial", "run", "pipeline.yaml", "--metrics-port", "-1"]
        process = subprocess.Popen(command, cwd=home, env=environment(home), stderr=said)
        yield process
        process.kill()
        process.wait(10)


def rows(home: Path, query: Any) -> list[Any]:
    with closing(Store(f"sqlite:///{home / 'home' / 'store.db'}")) as store, store.read() as db:
        return list(db.execute(query).all())


def helpers(home: Path) -> list[int]:
    """The processes that compute for this pipeline file."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # gone meanwhile
            continue
        if b"shadow-work" in words and str(home / "pipeline.yaml").encode() in words:
            found.append(int(path.parent.name))
    return found


def test_a_drift_gets_its_table_beside_the_worker_and_the_helper_ends_with_it(
    home: Path, worker: "subprocess.Popen[bytes]"
) -> None:
    wait_until(
        lambda: (home / "home" / "store.db").exists() and rows(home, sa.select(incident_table)), "a drift", 90
    )
    job = shadow_job_table.c
    wait_until(lambda: rows(home, sa.select(job.id).where(job.result.is_not(None))), "its table", 90)
    (helper,) = helpers(home)
    limits = Path(f"/proc/{helper}/limits").read_text().splitlines()
    bound = next(line for line in limits if line.startswith("Max data size"))
    assert int(bound.split()[3]) == Settings().shadow_memory << 20
    assert os.getpriority(os.PRIO_PROCESS, helper) >= os.getpriority(os.PRIO_PROCESS, worker.pid) + 9
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    wait_until(lambda: helpers(home) == [], "the helper has ended", 30)
