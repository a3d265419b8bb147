"""The dashboard over a real worker that learns from the flights while Prometheus looks on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.dashboards.queries import assert_every_query_is_answered
from tests.services.process import free_port
from tests.services.prometheus import Prometheus

FLIGHTS = Path(__file__).parent.parent.parent / "examples" / "flights"
PIPELINE = str(FLIGHTS / "pipeline.yaml")


@contextmanager
def running(home: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of fluvial in a process of its own, ended with SIGTERM."""
    environment = {"FLUVIAL_HOME": str(home), "PATH": ""}
    with (home / f"{words[0]}.log").open("wb") as said:
        command = [sys.executable, "-m", "fluvial", *words]
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_every_panel_shows_what_a_real_worker_tells(
    prometheus: Callable[..., Prometheus], tmp_path: Path
) -> None:
    port = free_port()
    with ExitStack() as stack:
        worker = stack.enter_context(running(tmp_path, "run", PIPELINE, f"--metrics-port={port}"))
        produced = (PIPELINE, "--from", str(FLIGHTS / "producer.py"))
        stack.enter_context(running(tmp_path, "produce", *produced))
        assert_every_query_is_answered(prometheus, port, deadline_s=90)
    assert worker.returncode == 0
