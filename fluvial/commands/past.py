"""What the commands about the past share: where it lies, of which shards, and times as people read them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NamedTuple

import typer

from fluvial.commands.run import opened
from fluvial.config import Pipeline
from fluvial.errors import ConfigError
from fluvial.place import Place, place_of
from fluvial.reviews import NoSuchPipeline
from fluvial.secrets import load_key
from fluvial.settings import Settings, settings
from fluvial.store import Store

OneShard = Annotated[int | None, typer.Option("--shard", help="Only this shard; all of them without.")]
FirstShard = Annotated[int, typer.Option("--shard", help="The shard.")]


class Archive(NamedTuple):
    """A pipeline's past as this machine finds it."""

    place: Place
    store: Store
    shards: list[int]


@contextmanager
def archive(pipeline: Pipeline, shard: int | None = None) -> Iterator[Archive]:
    """The past of a pipeline, or of one shard. Raises ConfigError, NoSuchPipeline where nothing has run."""
    if shard is not None and not 0 <= shard < pipeline.shards:
        raise ConfigError(f"--shard {shard}: {pipeline.pipeline} has the shards 0 to {pipeline.shards - 1}")
    here = settings()
    with opened(here, 10.0) as (log, store):
        place = place_of(pipeline, log, store, key_if_any(here))
        shards = list(range(pipeline.shards)) if shard is None else [shard]
        if not any(place.journal.reached(one)[0] for one in shards):
            raise NoSuchPipeline(
                f"no batch of {pipeline.pipeline!r} is in {store}: it has not run there, or set FLUVIAL_STORE"
            )
        yield Archive(place, store, shards)


def key_if_any(here: Settings) -> bytes | None:
    """The key that opens snapshots, where there is one: who only looks makes none. Raises SnapshotError."""
    return load_key(here.key_path) if here.key_path.exists() else None


def definitions(place: Place) -> dict[str, str]:
    """What to call each definition that worked here: its name and since when it has been known."""
    known = place.journal.definitions()
    return {one.name: f"{one.name} (since {moment(one.at)} UTC)" for one in known}


def moment(seconds: float | None) -> str:
    """A moment in UTC, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)) if seconds else ""
