"""doctor: looks at everything a worker needs and says what to do about what is wrong."""

import importlib
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, NamedTuple

import sqlalchemy as sa
import typer

from consumers.log import Log, LogError
from fluvial.commands.common import AsJson, print_json, print_table
from fluvial.config import Pipeline, load
from fluvial.engines import is_sqlite
from fluvial.errors import ConfigError, SnapshotError
from fluvial.opening import open_log, open_store
from fluvial.secrets import load_key
from fluvial.settings import Settings, settings
from fluvial.store import Store, StoreError
from fluvial.wiring import check_topics

CODECS = {"gzip": "zlib", "lz4": "lz4.frame", "snappy": "snappy", "zstd": "zstandard"}
_ASKED = {"synchronous": "PRAGMA synchronous", "fsync": "SHOW fsync"}

SKEW = 5.0
"""Seconds that this machine's clock may differ from the database server's."""

BUILT = 1_760_000_000
"""A moment in 2025 that no clock can honestly be before: this program did not exist."""

PATIENCE = 5.0
"""Seconds in which the log has to answer."""


class Finding(NamedTuple):
    """One thing looked at: ``ok``, what was seen, and what to do where it is not."""

    what: str
    ok: bool
    seen: str
    advice: str = ""


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file into the command line."""
    app.command("doctor")(doctor)


def doctor(
    pipeline_file: Annotated[Path | None, typer.Argument(help="Also check this pipeline's topics.")] = None,
    json: AsJson = False,
) -> None:
    """Check log, topics, codecs, CRC, store, clock and key; exit code 3 where something is wrong."""
    pipeline = load(pipeline_file) if pipeline_file else None
    found = list(examine(settings(), pipeline))
    if json:
        print_json([finding._asdict() for finding in found])
    else:
        rows = [("ok" if f.ok else "WRONG", f.what, f.seen, f.advice) for f in found]
        print_table(("", "what", "seen", "what to do"), rows)
    if not all(finding.ok for finding in found):
        raise typer.Exit(3)


def examine(here: Settings, pipeline: Pipeline | None) -> Iterator[Finding]:
    """Look at everything, one finding after the other; what is missing is made, as a worker would."""
    yield from codecs()
    yield crc()
    yield key(here.key_path)
    yield from token(here.token_path)
    yield from _log(here, pipeline)
    yield from _store(here)


def codecs(load_module: Callable[[str], object] = importlib.import_module) -> Iterator[Finding]:
    """Whether batches of every codec can be read: one that cannot be read stops a consumer for ever."""
    for codec, module in CODECS.items():
        try:
            load_module(module)
        except ImportError as error:
            yield Finding(
                f"codec {codec}", False, str(error), "install fluvial again: its dependencies bring it"
            )
        else:
            yield Finding(f"codec {codec}", True, f"{module} loads")


def crc(load_module: Callable[[str], object] = importlib.import_module) -> Finding:
    """Whether checksums are computed in C."""
    try:
        load_module("crc32c")
    except ImportError as error:
        return Finding(
            "crc32c", False, str(error), "install crc32c: without it reading is several times slower"
        )
    return Finding("crc32c", True, "in C")


def key(path: Path) -> Finding:
    """Whether the key that seals snapshots is there and private."""
    try:
        load_key(path)
    except SnapshotError as error:
        return Finding("key file", False, str(error), "give FLUVIAL_KEY_FILE a path this user can read")
    return _private("key file", path)


def token(path: Path) -> Iterator[Finding]:
    """Whether the console's token is private, where there is one already."""
    if path.exists():
        yield _private("token file", path)


def _private(what: str, path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Finding(what, False, f"{path} has mode {mode:o}: others can read it", f"chmod 600 {path}")
    return Finding(what, True, str(path))


def _log(here: Settings, pipeline: Pipeline | None) -> Iterator[Finding]:
    what = "Kafka" if here.bootstrap else "embedded log"
    try:
        with closing(open_log(here, PATIENCE)) as log:
            log.describe(["fluvial"])  # opening alone may not speak to a broker
            yield Finding(what, True, here.bootstrap or str(here.log_path))
            if pipeline is not None:
                yield topics(pipeline, log)
    except (LogError, OSError) as error:
        yield Finding(what, False, str(error), "start it, or correct FLUVIAL_LOG")


def topics(pipeline: Pipeline, log: Log) -> Finding:
    """Whether the pipeline's topics are there with the partitions its file names."""
    try:
        check_topics(pipeline, log)
    except LogError as error:
        return Finding("topics", False, str(error), "fluvial topics create PIPELINE")
    return Finding("topics", True, f"all of {pipeline.pipeline}")


def _store(here: Settings) -> Iterator[Finding]:
    try:
        with closing(open_store(here)) as store:
            yield Finding("store", True, str(store))
            yield clock(store)
            yield durability(store)
    except (StoreError, ConfigError) as error:
        yield Finding("store", False, str(error), "mend that, or correct FLUVIAL_STORE")


def clock(store: Store) -> Finding:
    """Whether this machine's clock is right, as far as the store can tell."""
    if is_sqlite(store.url):
        right = time.time() > BUILT
        seen = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        return Finding("clock", right, seen, "" if right else "set the clock, and keep it right with NTP")
    with store.read() as db:
        there = float(db.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    skew = abs(time.time() - there)
    advice = "" if skew <= SKEW else "keep both clocks right with NTP"
    return Finding("clock", skew <= SKEW, f"{skew:.1f} s off the store's", advice)


def durability(store: Store) -> Finding:
    """Whether a commit survives a power cut: published predictions must not outlive their journal row."""
    setting = "synchronous" if is_sqlite(store.url) else "fsync"
    with store.read() as db:
        seen = str(db.execute(sa.text(_ASKED[setting])).scalar_one())
    ok = seen in ("2", "on")
    return Finding("durable commits", ok, f"{setting}={seen}", "" if ok else "turn fsync on in the server")
