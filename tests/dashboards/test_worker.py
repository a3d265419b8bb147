"""The dashboard over a real worker that learns from the flights while Prometheus looks on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.dashboards.queries import assert_every_query_is_answered
from tests.services.process import Child, free_port, guarded, launch
from tests.services.prometheus import Prometheus

FLIGHTS = Path(__file__).parent.parent.parent / "examples" / "flights"
PIPELINE, PRODUCER = str(FLIGHTS / "pipeline.yaml"), str(FLIGHTS / "producer.py")


def fluvial(home: Path, *words: str) -> Child:
    """A command of fluvial in a process of its own."""
    command = guarded([sys.executable, "-m", "fluvial", *words])
    return launch(words[0], command, home / f"{words[0]}.log", {"FLUVIAL_HOME": str(home)})


def test_every_panel_shows_what_a_real_worker_tells(
    prometheus: Callable[..., Prometheus], tmp_path: Path
) -> None:
    port = free_port()
    with ExitStack() as stack:
        worker = fluvial(tmp_path, "run", PIPELINE, f"--metrics-port={port}")
        stack.callback(worker.stop)
        stack.callback(fluvial(tmp_path, "produce", PIPELINE, "--from", PRODUCER).stop)
        assert_every_query_is_answered(prometheus, port, deadline_s=90)
    assert worker.process.returncode == 0, worker.tail()
