"""A metrics server whose shard moves on a little with every moment, as a worker's would."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, ProcessCollector

from monitors.metrics import Metrics, MetricsServer, OpenIncident
from tests.monitors.statuses import status_at

EVERY = 0.2


@contextmanager
def moving_worker() -> Iterator[int]:
    """Serve metrics that change until the end; gives the port."""
    registry, stop = CollectorRegistry(), threading.Event()
    ProcessCollector(registry=registry)
    metrics, server = Metrics(registry), MetricsServer(registry)
    metrics.build({"version": "0.1.0", "river": "0.26.1", "python": "3.11"})
    metrics.recovery("flights", 0, 1.5)
    move(metrics, 3)
    server.start()
    thread = threading.Thread(target=_move_on, args=(metrics, stop))
    thread.start()
    try:
        yield server.port
    finally:
        stop.set()
        thread.join()
        server.stop()


def move(metrics: Metrics, step: int) -> None:
    """Let the shard be at a step of its life."""
    metrics.publish(status_at(step))
    metrics.lag("flights", {("flights.events", 0): step % 7, ("flights.labels", 0): 0})
    metrics.desk("flights", {"firing": step // 10}, {"acknowledge": step // 5})
    if step > 10:
        metrics.incidents("flights", [OpenIncident(0, "loss", "0f1e2d3c4b5a")])
    metrics.batch("flights", 0, 100, 0.01)
    if step % 3 == 0:
        metrics.packed("flights", 0, 100_000 + step)
        metrics.snapshot("flights", 0, 0.1, 10_000 + step, time.time())


def _move_on(metrics: Metrics, stop: threading.Event) -> None:
    step = 3
    while not stop.wait(EVERY):
        step += 1
        move(metrics, step)
