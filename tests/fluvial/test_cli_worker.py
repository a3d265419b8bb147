"""The worker as a process: started, stopped, doubled, refused."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fluvial.world import COINS, tosses
from tests.services.process import free_port
from tests.waiting import wait_until

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.yaml").write_text(COINS)
    return tmp_path


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def go(*args: str, **env: str) -> "subprocess.Popen[str]":
        log = (home / f"out-{len(started)}.txt").open("w+")
        process = subprocess.Popen(
            [sys.executable, "-m", "fluvial", *args],
            cwd=home, env=os.environ | {"FLUVIAL_HOME": str(home)} | env, stdout=log, stderr=log, text=True,
        )  # fmt: skip
        process.said = lambda: Path(log.name).read_text()  # type: ignore[attr-defined]
        started.append(process)
        log.close()
        return process

    yield go
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def fluvial(home: Path, *args: str, feed: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a verb to its end."""
    return subprocess.run(
        [sys.executable, "-m", "fluvial", *args], cwd=home, input=feed, capture_output=True, text=True, check=False,
        timeout=60, env=os.environ | {"FLUVIAL_HOME": str(home)} | env,
    )  # fmt: skip


def lines(stream: str, n: int) -> str:
    return "\n".join(value.decode() for kind, _, value, _ in tosses(n) if kind == stream)


def events_seen(home: Path) -> int:
    done = fluvial(home, "status", "coins", "--json")
    if done.returncode:
        return -1
    return int((json.loads(done.stdout)[0]["status"] or {}).get("events", -1))


def test_plain_json_lines_become_predictions_and_sigterm_ends_it_with_nothing_left_to_do(
    home: Path, start: Start
) -> None:
    assert fluvial(home, "topics", "create", "pipeline.yaml").returncode == 0
    assert "30 events" in fluvial(home, "produce", "pipeline.yaml", feed=lines("events", 30)).stdout
    assert (
        "30 labels"
        in fluvial(home, "produce", "pipeline.yaml", "--stream", "labels", feed=lines("labels", 30)).stdout
    )
    worker = start("run", "pipeline.yaml", "--metrics-port", "0")
    wait_until(lambda: events_seen(home) == 30, "the worker reports 30 events")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    again = start("run", "pipeline.yaml", "--metrics-port", "-1")
    wait_until(lambda: "shard acquired" in again.said(), "the worker is back")  # type: ignore[attr-defined]
    assert "replayed_batches=0" in again.said()  # type: ignore[attr-defined]
    verified = fluvial(home, "replay", "pipeline.yaml", "--verify")
    assert verified.returncode == 0
    assert "identical" in verified.stdout


def test_a_second_worker_says_who_owns_the_shard_and_takes_over_when_it_dies(
    home: Path, start: Start
) -> None:
    first = start("run", "pipeline.yaml", "--metrics-port", "-1", FLUVIAL_WORKER="first")
    wait_until(lambda: "shard acquired" in first.said(), "the first worker runs")  # type: ignore[attr-defined]
    second = start("run", "pipeline.yaml", "--metrics-port", "-1", FLUVIAL_WORKER="second")
    wait_until(lambda: "owner=first" in second.said(), "the second names the owner")  # type: ignore[attr-defined]
    assert "shard acquired" not in second.said()  # type: ignore[attr-defined]
    first.kill()
    wait_until(lambda: "shard acquired" in second.said(), "the second takes over")  # type: ignore[attr-defined]


def test_metrics_are_served_and_add_up(home: Path, start: Start) -> None:
    worker = start("run", "pipeline.yaml", "--metrics-port", "0")
    wait_until(lambda: "/metrics" in worker.said(), "the address of /metrics")  # type: ignore[attr-defined]
    address = re.search(r"http://127.0.0.1:\d+/metrics", worker.said())  # type: ignore[attr-defined]
    assert address
    assert "30 events" in fluvial(home, "produce", "pipeline.yaml", feed=lines("events", 30)).stdout

    def scraped() -> dict[str, float]:
        with urllib.request.urlopen(address[0], timeout=5) as answer:
            text = answer.read().decode()
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    wait_until(
        lambda: scraped().get('fluvial_events_total{pipeline="coins",shard="0"}') == 30,
        "30 events in /metrics",
    )
    found = scraped()
    outcomes = sum(value for name, value in found.items() if name.startswith("fluvial_outcomes_total{"))
    assert outcomes + found['fluvial_waiting_labels{pipeline="coins",shard="0"}'] == 30


def test_a_broker_that_is_away_is_waited_for_and_then_reported_with_code_five(home: Path) -> None:
    done = fluvial(
        home, "run", "pipeline.yaml", "--wait", "3", "--metrics-port", "-1", FLUVIAL_LOG="kafka://127.0.0.1:9"
    )
    assert done.returncode == 5
    assert "waiting for the log" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_in_the_pipeline_file_is_named_with_the_nearest_key(home: Path) -> None:
    (home / "pipeline.yaml").write_text(COINS.replace("fields:", "feilds:"))
    done = fluvial(home, "check", "pipeline.yaml")
    assert done.returncode == 2
    assert "feilds: there is no such key" in done.stderr
    assert "did you mean 'fields'" in done.stderr


def test_a_model_outside_the_allow_list_is_refused_and_never_run(home: Path) -> None:
    evil = COINS.replace('model: Select("weight", "wear")', "model: __import__('os').system('touch evil')")
    (home / "pipeline.yaml").write_text(evil)
    done = fluvial(home, "check", "pipeline.yaml")
    assert done.returncode == 2
    assert not (home / "evil").exists()


def test_an_alertmanager_that_is_away_stops_nobody(home: Path, start: Start) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    worker = start("up", "pipeline.yaml", "--port=0", "--metrics-port=-1", FLUVIAL_ALERTMANAGER=nobody)
    wait_until(lambda: "silences wait" in worker.said(), "it is told")  # type: ignore[attr-defined]
    for stream in ("events", "labels"):
        assert (
            fluvial(home, "produce", "pipeline.yaml", "--stream", stream, feed=lines(stream, 300)).returncode
            == 0
        )
    wait_until(lambda: events_seen(home) == 300, "all is learned")
    assert worker.said().count("silences wait") == 1  # type: ignore[attr-defined]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
