"""The process beside a worker: there while there is work, gone with its worker, and what it computes in a terminal."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

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


def fluvial(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "fluvial", *words]
    return subprocess.run(
        command, cwd=home, env=environment(home), capture_output=True, text=True, check=False, timeout=90
    )


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
    assert os.getpriority(os.PRIO_PROCESS, helper) >= os.getpriority(os.PRIO_PROCESS, worker.pid) + 9
    incident = rows(home, sa.select(incident_table.c.id).order_by(incident_table.c.opened_at))[0].id
    said = fluvial(home, "shadow", incident)
    assert (said.returncode, "Retrained from a window" in said.stdout) == (0, True), said.stderr
    assert re.search(r"all judged on the same [\d,]+ labels", said.stdout)
    anew = fluvial(
        home,
        "shadow",
        incident,
        "--candidate",
        'Select("weight") | linear_model.LogisticRegression()',
        "--json",
    )
    names = [row["name"] for row in json.loads(anew.stdout)["result"]["variants"]]
    assert "candidate" in names
    bad = fluvial(
        home, "shadow", incident, "--candidate", 'Select("height") | linear_model.LogisticRegression()'
    )
    assert (bad.returncode, "no field is called 'height'" in bad.stderr) == (3, True)
    dry = fluvial(home, "review", "adopt", incident, "--variant", "candidate", "--dry-run", "--who", "ann")
    assert dry.stdout.startswith("Would be done: Shard 0 goes on with this model: candidate")
    assert rows(home, sa.text("SELECT 1 FROM decision")) == []
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(10)
    wait_until(lambda: helpers(home) == [], "the helper has ended", 30)
