"""``python -m benchmarks [--events N] [--rounds R] [--write FILE]``: times and prints the table."""

import argparse
import contextlib
import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from benchmarks.contenders import Speed, bare, latency, worker
from benchmarks.stream import MODELS, encoded, events
from consumers.embedded import EmbeddedLog
from consumers.log import Log


@contextlib.contextmanager
def kafka_log() -> Iterator[tuple[Log, str] | None]:
    """A log on a real broker, or None where this machine cannot have one."""
    from consumers.kafka import KafkaLog  # noqa: PLC0415
    from tests.services.kafka import any_kafka  # noqa: PLC0415
    from tests.services.parts import UnavailableError  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            broker = stack.enter_context(any_kafka(folder))
        except UnavailableError as why:
            print(f"no Kafka: {why}")
            yield None
            return
        log = KafkaLog(broker.bootstrap)
        stack.callback(log.close)
        yield log, broker.bootstrap


def table(n: int, rounds: int, per_second: int) -> Iterator[str]:
    """The lines of the table, in Markdown."""
    yield "| model | contender | events/s | ratio to the bare loop | CPU µs per event | p50 ms | p99 ms |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    with kafka_log() as kafka, tempfile.TemporaryDirectory() as scratch:
        for model in MODELS:
            yield from _rows(model, n, rounds, per_second, kafka, Path(scratch))


def _rows(
    model: str, n: int, rounds: int, per_second: int, kafka: tuple[Log, str] | None, folder: Path
) -> Iterator[str]:
    made = events(n)
    values = encoded(made)
    runs: dict[str, list[Speed]] = {}
    for turn in range(rounds):  # interleaved: what else the machine does then falls on all alike
        here = folder / f"{model}-{turn}"
        here.mkdir()
        embedded = EmbeddedLog(here / "log.db")
        runs.setdefault("bare River loop", []).append(bare(model, made))
        runs.setdefault("fluvial, embedded log", []).append(worker(model, values, embedded, here))
        if kafka is not None:
            runs.setdefault("fluvial, Kafka", []).append(worker(model, values, kafka[0], here))
        embedded.close()
    base = runs["bare River loop"]
    for name, speeds in runs.items():
        ratio = statistics.median(s.rate / b.rate for s, b in zip(speeds, base, strict=True))
        rate, cpu = (statistics.median(values) for values in zip(*speeds, strict=True))
        delays = _delays(name, model, per_second, kafka, folder)
        yield f"| {model} | {name} | {rate:,.0f} | {ratio:.2f} | {cpu:.0f} | {delays} |"


def _delays(name: str, model: str, per_second: int, kafka: tuple[Log, str] | None, folder: Path) -> str:
    if name == "bare River loop":
        return "- | -"
    here = folder / f"{model}-{name.replace(', ', '-').replace(' ', '-')}"
    here.mkdir()
    if "Kafka" in name:
        assert kafka is not None
        p50, p99 = latency(model, kafka[0], kafka[1], here, per_second)
    else:
        log = EmbeddedLog(here / "log.db")
        p50, p99 = latency(model, log, str(here / "log.db"), here, per_second)
        log.close()
    return f"{p50:.0f} | {p99:.0f}"


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--per-second", type=int, default=500, help="rate of the latency runs")
    parser.add_argument("--write", type=Path, help="also write the table into this file")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    lines = []
    for line in table(asked.events, asked.rounds, asked.per_second):
        print(line, flush=True)
        lines.append(line)
    if asked.write:
        head = (
            "# Speed beside the bare River loop\n\nMade by `make bench`: medians of "
            f"{asked.rounds} interleaved rounds over {asked.events:,} events on {os.cpu_count()} cores; "
            f"latency from produce to prediction at {asked.per_second} events/s.\n\n"
        )
        asked.write.write_text(head + "\n".join(lines) + "\n")


main()
