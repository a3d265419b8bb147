"""What is timed: the bare loop, and a worker on either log."""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry
from river import metrics

from benchmarks.stream import encoded, events, pipeline
from consumers.log import Log
from consumers.record import TopicPartition
from fluvial import reviews
from fluvial.config import Pipeline
from fluvial.reporter import Reporter
from fluvial.runner import Runner
from fluvial.store import Store
from fluvial.wiring import create_topics, facts
from learners.expression import build
from monitors.metrics import Metrics

KEY = b"benchmark key that seals nothing"


class Speed(NamedTuple):
    """Events per second of wall time, and CPU microseconds per event."""

    rate: float
    cpu: float


class Alone:
    """A membership of one worker."""

    trouble = ""

    def assigned(self) -> frozenset[int]:
        return frozenset({0})

    def holder(self, shard: int) -> str | None:
        return None

    def tick(self, positions: Any) -> None:
        pass

    def close(self) -> None:
        pass


def bare(model: str, made: list[dict[str, object]]) -> Speed:
    """River alone over decoded events: predict, score, learn."""
    names = [name for name, spec in pipeline(model).fields.items() if spec.use == "feature"]
    decoded = [({name: event[name] for name in names}, event["bought"]) for event in made]
    learner, score = build(pipeline(model).model), metrics.LogLoss()
    wall, cpu = time.perf_counter(), time.process_time()
    for x, y in decoded:
        score.update(y, learner.predict_proba_one(x).get(True, 0.5))
        learner.learn_one(x, y)
    return _speed(len(made), wall, cpu)


def worker(model: str, values: list[bytes], log: Log, folder: Path) -> Speed:
    """A whole worker over events that wait in the log: from its start to the last delivery."""
    wanted = pipeline(model).model_copy(update={"pipeline": f"bench-{time.monotonic_ns()}"})
    create_topics(wanted, log)
    fill(log, wanted.topic("events"), values)
    store = Store(f"sqlite:///{folder / 'store.db'}")
    wall, cpu = time.perf_counter(), time.process_time()
    runner = make(wanted, log, store, len(values))
    runner.run()
    speed = _speed(len(values), wall, cpu)
    store.close()
    return speed


def make(wanted: Pipeline, log: Log, store: Store, n: int) -> Runner:
    """A worker that ends after ``n`` events."""
    reviews.register(store, wanted.pipeline, 1, facts(wanted))
    reporter = Reporter(wanted.pipeline, Metrics(CollectorRegistry()), store)
    end = TopicPartition(wanted.topic("events"), 0)
    runner = Runner(
        wanted, log, store, Alone(), reporter, worker="bench", key=KEY,
        drained=lambda: 0 in runner.owned and runner.owned[0].positions[end] >= n,
    )  # fmt: skip
    return runner


def fill(log: Log, topic: str, values: list[bytes]) -> None:
    """Put events into a topic, all dated alike."""
    for index, value in enumerate(values):
        log.append(topic, value, key=b"%d" % index, timestamp=1_700_000_000_000, partition=0)
        if index % 5000 == 4999:
            log.flush()
    log.flush()


def latency(
    model: str, log: Log, address: str, folder: Path, per_second: int, seconds: int = 10
) -> tuple[float, float]:
    """p50 and p99 in ms from produce to the prediction in its topic, at a steady rate.

    ``address`` is where the log is: a file or Kafka's bootstrap servers.

    The worker is a process of its own; this one produces and reads the predictions back.
    """
    wanted = pipeline(model).model_copy(update={"pipeline": f"bench-{time.monotonic_ns()}"})
    create_topics(wanted, log)
    command = [sys.executable, "-m", "benchmarks.paced", model, wanted.pipeline, address, str(folder)]
    process = subprocess.Popen(command)
    try:
        delays = _paced(log, wanted, encoded(events(per_second * seconds, seed=2)), per_second)
    finally:
        process.terminate()
        process.wait(30)
    cuts = statistics.quantiles(delays[per_second:], n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def _paced(log: Log, wanted: Pipeline, values: list[bytes], per_second: int) -> list[float]:
    topic, out = wanted.topic("events"), TopicPartition(wanted.topic("predictions"), 0)
    tail = log.tail({out: 0})
    sent: list[float] = []
    seen: list[float] = []
    _settle(log, wanted, tail, values[0], out)
    start, deadline = time.perf_counter(), time.perf_counter() + 4 * len(values) / per_second + 30
    while len(seen) < len(values) - 1 and time.perf_counter() < deadline:
        due = min(len(values) - 1, int((time.perf_counter() - start) * per_second) + 1)
        if due > len(sent):
            for value in values[1 + len(sent) : 1 + due]:
                log.append(topic, value, key=b"k", timestamp=int(time.time() * 1000), partition=0)
                sent.append(time.perf_counter())
            log.flush()
        got = tail.poll(0.001).get(out, [])
        seen += [time.perf_counter()] * len(got)
    tail.close()
    return [after - before for before, after in zip(sent, seen, strict=False)]


def _settle(log: Log, wanted: Pipeline, tail: Any, value: bytes, out: TopicPartition) -> None:
    log.append(wanted.topic("events"), value, key=b"k", timestamp=int(time.time() * 1000), partition=0)
    log.flush()
    deadline = time.perf_counter() + 60
    while not tail.poll(0.05).get(out):
        if time.perf_counter() > deadline:
            raise TimeoutError("the worker said nothing within 60 s")


def _speed(n: int, wall: float, cpu: float) -> Speed:
    return Speed(n / (time.perf_counter() - wall), (time.process_time() - cpu) / n * 1e6)
