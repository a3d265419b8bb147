"""A home in which a worker has run: for commands that look at its past."""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry

from fluvial.config import load
from fluvial.opening import open_log, open_store
from fluvial.owned import Owned
from fluvial.settings import settings
from fluvial.wiring import create_topics, make_runner
from tests.fluvial.world import COINS, tosses

Toss = tuple[str, str, bytes, int]


def ran(folder: Path, records: int | Iterable[Toss] = 600, *, text: str = COINS, extra: str = "") -> str:
    """Let a worker learn tosses in the home that the environment names; returns the pipeline file."""
    file = folder / "pipeline.yaml"
    file.write_text(text + extra)
    pipeline, here = load(file), settings()
    log, store = open_log(here), open_store(here)
    create_topics(pipeline, log)
    for stream, key, value, at in tosses(records) if isinstance(records, int) else records:
        log.append(pipeline.topic(stream), value, key=key.encode(), timestamp=at)
    log.flush()

    def at_end(owned: Owned) -> bool:
        spans = log.spans(owned.partitions)
        return all(owned.positions[tp] == span.end for tp, span in spans.items())

    def drained() -> bool:
        idle = not any(runner._journal.pending(shard) for shard in runner.owned)
        return len(runner.owned) == pipeline.shards and idle and all(map(at_end, runner.owned.values()))

    runner, _ = make_runner(pipeline, here, log, store, CollectorRegistry(), drained=drained)
    runner.run()
    store.close()
    log.close()
    return str(file)
