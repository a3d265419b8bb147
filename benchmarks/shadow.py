"""Shadow: how long the table of a drift takes that is 20,000 events old, and what speed the shard keeps.

A worker plays flights from a backlog; in the middle of it a table is asked for. Its speed while the
table is computed is held against its speed right before and right after.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from examples.flights.producer import records
from fluvial.config import Pipeline, load
from fluvial.journal import Journal
from fluvial.opening import open_log, open_store
from fluvial.settings import Settings
from fluvial.shadow.asked import Asked
from fluvial.shadow.jobs import Jobs, enqueue
from fluvial.store import Store, journal_table
from fluvial.wiring import create_topics

OLD, WARM, BACKLOG = 20_000, 40_000, 330_000
AROUND = 6.0
"""Seconds before and after in which the speed without a table is measured."""

CANDIDATE = 'OneHot("carrier", "origin") | linear_model.LogisticRegression()'


def main() -> None:
    """Measure and print one JSON object."""
    file = Path(__file__).parents[1] / "examples" / "flights" / "pipeline.yaml"
    with tempfile.TemporaryDirectory() as home:
        print(json.dumps(measured(load(file), file, Path(home)), indent=2))


def measured(pipeline: Pipeline, file: Path, home: Path) -> dict[str, Any]:
    """Seconds of the table, and the shard's records per second before, during and after it."""
    here = Settings(home=home, log=f"embedded:{home / 'log.db'}", store=f"sqlite:///{home / 'store.db'}")
    with closing(open_log(here)) as log, closing(open_store(here)) as store:
        create_topics(pipeline, log)
        events, onset = 0, 0.0
        for stream, key, value, at in records(BACKLOG):
            events += stream == "events"
            if events == WARM and not onset:
                onset = at / 1000
            log.append(pipeline.topic(stream), value, key=key, timestamp=at, partition=0)
        log.flush()
        env = os.environ | {"FLUVIAL_HOME": str(home), "FLUVIAL_LOG": here.log, "FLUVIAL_STORE": here.store}
        command = [sys.executable, "-m", "fluvial", "run", str(file), "--metrics-port", "-1"]
        with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as worker:
            try:
                return _watched(pipeline, store, onset)
            finally:
                worker.terminate()


def _watched(pipeline: Pipeline, store: Store, onset: float) -> dict[str, Any]:
    name, column = pipeline.pipeline, journal_table.c
    _wait(lambda: _read(store, pipeline.topic("events")) >= WARM + OLD, "the drift is old enough")
    # up to now: a backlog is played so fast that the table would never be 20,000 events long
    until, _ = Journal(store, name).reached(0)
    asked, began = Asked(onset=onset, candidate=CANDIDATE, without=("UA",), until=until), time.time()
    with store.write() as db:
        enqueue(db, "table/bench/0", "table", name, 0, asked.as_json())
    jobs = Jobs(store)
    _wait(lambda: (job := jobs.named("table/bench/0")) and job.ended_at, "the table is there")
    job = jobs.named("table/bench/0")
    assert job is not None
    assert job.result is not None, job.failed
    ended = job.ended_at or 0.0
    _wait(lambda: time.time() > ended + AROUND, "time has passed")
    with store.read() as db:
        rows = db.execute(sa.select(column.at, column.ranges).order_by(column.batch)).all()
    spans = ((began - AROUND, began), (began, ended), (ended, ended + AROUND))
    before, during, after = (_rate(rows, since, until) for since, until in spans)
    if rows[-1].at < spans[-1][1] - 1:
        raise SystemExit("the backlog was played before the table was there: it says nothing")
    return {
        "seconds_from_asking": round(ended - began, 1),
        "seconds_computing": job.result["seconds"],
        "labels": job.result["n"],
        "variants": len(job.result["variants"]),
        "records_per_second": {"before": before, "during": during, "after": after},
        "speed_kept": round(2 * during / (before + after), 3),
    }


def _read(store: Store, topic: str) -> int:
    """Events that were read."""
    column = journal_table.c
    with store.read() as db:
        rows = db.execute(sa.select(column.ranges).order_by(column.batch.desc()).limit(20)).scalars().all()
    return max((end for row in rows for tp, (_, end, *_) in row.items() if tp.startswith(topic)), default=0)


def _rate(rows: Any, since: float, until: float) -> float:
    found = sum(count for at, ranges in rows if since <= at < until for _, _, count, _ in ranges.values())
    return round(float(found) / max(until - since, 1e-9), 1)


def _wait(check: Any, what: str) -> None:
    deadline = time.monotonic() + 600
    while not check():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited in vain until {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
