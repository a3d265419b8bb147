"""Readiness: a worker says that it is ready only while it does all it should, and otherwise why not."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from fluvial.reporter import Reporter
from fluvial.runner import STUCK, Runner
from fluvial.store import Store, pipeline_table
from monitors.metrics import Metrics
from tests.fluvial.world import COINS, KEY, Sole, World, coins, embedded_world, tosses
from tests.recovery.at_work import AtWork
from tests.waiting import wait_until


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = embedded_world(tmp_path, coins())
    yield made
    made.log.close()
    made.store.close()


class Hands:
    """A clock that is moved by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_worker_is_not_ready_before_it_has_its_shards_nor_once_it_is_to_stop(world: World) -> None:
    seen: list[str] = []

    def look(runner: Runner) -> bool:
        seen.append(runner.trouble())
        return world.at_end(runner) and not seen[-1]

    world.feed(tosses(50))
    runner = world.worker(drained=look)
    assert runner.trouble() == "nothing was read yet"
    runner.run()
    assert seen[-1] == ""
    assert runner.trouble() == "it is being stopped"


def test_a_loop_that_does_not_turn_is_not_ready(world: World) -> None:
    hands, told = Hands(), []

    def hang() -> bool:
        told.append(runner.trouble())
        hands.now += STUCK + 1
        told.append(runner.trouble())
        return len(told) > 2

    runner = Runner(
        world.pipeline, world.log, world.store, Sole(1), Reporter("coins", Metrics(CollectorRegistry()), world.store),
        worker="tester", key=KEY, timing=hands, drained=hang,
    )  # fmt: skip
    runner.run()
    assert told[-2:] == ["", "the loop has not turned for 6 s"]


def test_a_shard_that_is_halted_makes_the_worker_say_why(world: World, tmp_path: Path) -> None:
    world.feed(tosses(50))
    world.run()
    world.log.delete(world.pipeline.topic("events"))  # type: ignore[attr-defined]
    world.log.create(world.pipeline.topic("events"), 1)
    with AtWork(lambda: embedded_world(tmp_path, coins())) as worker:
        why = wait_until(lambda: re.search("shard 0 is halted: .*made anew", worker.trouble()), "it says why")
        assert why
        worker.stop()


def asked(address: str) -> tuple[int, str]:
    """Status and line of a path."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode().strip()


def test_a_worker_process_tells_at_ready_what_keeps_it_from_working(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(COINS)
    said = tmp_path / "said.txt"
    env = os.environ | {"FLUVIAL_HOME": str(tmp_path), "FLUVIAL_LOG": "", "FLUVIAL_STORE": ""}
    command = [sys.executable, "-m", "fluvial", "run", "pipeline.yaml", "--metrics-port", "0"]
    with said.open("w") as out:
        worker = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=out, stderr=out)
    try:
        found = wait_until(lambda: re.search(r"http://127\.0\.0\.1:\d+", said.read_text()), "its address")
        assert found
        wait_until(lambda: asked(f"{found[0]}/ready") == (200, "ready"), "the worker is ready")
        with closing(Store(f"sqlite:///{tmp_path / 'store.db'}")) as store, store.write() as db:
            db.execute(sa.update(pipeline_table).values(version=2))
            refusal = wait_until(lambda: _refusal(f"{found[0]}/ready"), "it is not ready any more", 15)
            assert asked(f"{found[0]}/live") == (200, "alive")
        assert refusal
        assert refusal[0] == 503
        assert re.search(r"has not turned for \d+ s|holds the lock", refusal[1]), refusal
        wait_until(lambda: asked(f"{found[0]}/ready") == (200, "ready"), "the worker is ready again", 15)
    finally:
        worker.terminate()
        worker.wait(20)


def _refusal(address: str) -> tuple[int, str] | None:
    status, line = asked(address)
    return None if status == 200 else (status, line)
