"""Spoilt snapshots: each is found, and a worker that starts on them ends up where it would have been.

Each function spoils ``n`` snapshots, as many at a time as a small pipeline keeps, drawn from ``seed``, and
after each time lets a real worker recover. Nothing is needed but a temporary folder.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from fluvial.config import Pipeline
from fluvial.envelope import opened
from fluvial.errors import SnapshotError
from fluvial.header import expected_of
from fluvial.snapshot import header_of, seal_packed, unseal
from fluvial.store import snapshot_table
from tests.fluvial.world import KEY, World, coins, embedded_world, tosses
from tests.recovery.canary import canary
from tests.recovery.hostile import attacks, forged, smuggled
from tests.recovery.likeness import difference

MODEL = 'Select("weight", "wear", "mint_rate") | forest.ARFClassifier(n_models=2, grace_period=20)'
EVENTS = 500
SMALL = {"learn": "per-partition", "partitions": 2, "batch": 50, "snapshot_every": 100}


class Row(NamedTuple):
    """Where a snapshot is kept."""

    shard: int
    batch: int


@dataclass
class Result:
    """How many snapshots were spoilt and how many of them found; how many recoveries, and how many exact."""

    spoilt: int = 0
    found: int = 0
    recoveries: int = 0
    exact: int = 0
    said: Counter[str] = field(default_factory=Counter)
    """The beginnings of the sentences with which they were refused."""
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing went unnoticed and nothing came out otherwise."""
        return self.spoilt == self.found and self.recoveries == self.exact > 0 and not self.problems


class Scene:
    """A pipeline of two shards that has run, its snapshots, and what it has come to."""

    def __init__(self, folder: Path, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._expected = [expected_of(pipeline, shard) for shard in range(pipeline.shards)]
        self.world: World = embedded_world(folder, pipeline)
        self.world.feed(tosses(EVENTS))
        self.world.run()
        self.rows = self._read()
        self.bodies: dict[Row, bytes] = {Row(row["shard"], row["batch"]): row["body"] for row in self.rows}
        self._end = self._outcome()
        self._states = self._newest()

    def _read(self) -> list[dict[str, Any]]:
        with self.world.store.read() as db:
            return [dict(row._mapping) for row in db.execute(sa.select(snapshot_table))]

    def put(self, bodies: Mapping[Row, bytes]) -> None:
        """Put the snapshots back as they were, but for these."""
        with self.world.store.write() as db:
            db.execute(sa.delete(snapshot_table))
            for row in self.rows:
                body = bodies.get(Row(row["shard"], row["batch"]), row["body"])
                db.execute(sa.insert(snapshot_table).values(row | {"body": body}))

    def open(self, row: Row, body: bytes) -> Any:
        """Open a snapshot as an owner does that finds it in this row. Raises SnapshotError."""
        return unseal(body, self._expected[row.shard], KEY, batch=row.batch)

    def recovered(self) -> str | None:
        """Let a worker start and end; what came out otherwise, or None."""
        self.world.run()
        end = self._outcome()
        if end != self._end:
            return f"{self._end} before and {end} after"
        return difference(self._states, self._newest())

    def _outcome(self) -> dict[str, Any]:
        shards = range(self.pipeline.shards)
        states = {shard: self.world.status(shard) for shard in shards}
        names = ("digest", "batch", "events", "labels", "predictions", "outcomes", "fates")
        return {
            "predictions": len(self.world.records("predictions")),
            **{f"shard {shard}": {name: repr(states[shard][name]) for name in names} for shard in shards},
        }

    def _newest(self) -> list[Any]:
        found = []
        for shard in range(self.pipeline.shards):
            batch = self.world.shelf.listing(shard)[0].batch
            body = self.world.shelf.body(shard, batch)
            assert body is not None
            found.append(self.open(Row(shard, batch), body))
        return found

    def close(self) -> None:
        """Close its files."""
        self.world.log.close()
        self.world.store.close()


@contextmanager
def scene(**changes: Any) -> Iterator[Scene]:
    """A scene in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        made = Scene(Path(folder), coins(**{"model": MODEL, **SMALL, **changes}))
        try:
            yield made
        finally:
            made.close()


def _spoil(n: int, place: Scene, spoil: Callable[[Row, bytes], bytes]) -> Result:
    """Spoil all snapshots and recover, until ``n`` are spoilt."""
    result = Result()
    while result.spoilt < n:
        spoilt = {row: spoil(row, body) for row, body in list(place.bodies.items())[: n - result.spoilt]}
        for row, body in spoilt.items():
            result.spoilt += 1
            try:
                place.open(row, body)
            except SnapshotError as refusal:
                result.found += 1
                result.said[" ".join(str(refusal).split()[:4])] += 1
            else:
                result.problems.append(f"{row} was opened although it was spoilt")
        place.put(spoilt)
        result.recoveries += 1
        otherwise = place.recovered()
        result.exact += otherwise is None
        if otherwise is not None:
            result.problems.append(otherwise)
        place.put({})
    return result


def bit_flips(n: int, seed: int) -> Result:
    """One bit of each is flipped."""
    draw = random.Random(seed)

    def flip(row: Row, body: bytes) -> bytes:
        changed = bytearray(body)
        changed[draw.randrange(len(body))] ^= 1 << draw.randrange(8)
        return bytes(changed)

    with scene() as place:
        return _spoil(n, place, flip)


def truncations(n: int, seed: int) -> Result:
    """Each is cut: at its end, as a full disk does it, or at its beginning."""
    draw = random.Random(seed)

    def cut(row: Row, body: bytes) -> bytes:
        at = draw.randrange(1, len(body))
        return draw.choice((body[:at], body[at:], body[:-1]))

    with scene() as place:
        return _spoil(n, place, cut)


def swaps(n: int, seed: int) -> Result:
    """Each is swapped for a sound one: of another row, shard, model or pipeline, or under another key."""
    draw = random.Random(seed)
    other_model = MODEL.replace("n_models=2", "n_models=3")
    with (
        scene() as place,
        scene(model=other_model) as model,
        scene(seed=2) as seeded,
        scene(pipeline="medals") as other,
    ):

        def swap(row: Row, body: bytes) -> bytes:
            rows = [found for found in place.bodies if found.shard == row.shard and found != row]
            return draw.choice(
                (
                    lambda: place.bodies[draw.choice(rows)],
                    lambda: _in_place_of(Row(1 - row.shard, row.batch), place),
                    lambda: _in_place_of(row, model),
                    lambda: _in_place_of(row, seeded),
                    lambda: _in_place_of(row, other),
                    lambda: seal_packed(opened(body, {}, KEY), header_of(body), draw.randbytes(32)),
                )
            )()

        return _spoil(n, place, swap)


def _in_place_of(row: Row, place: Scene) -> bytes:
    """A scene's snapshot of that row, or of the nearest one of the same shard."""
    rows = [found for found in place.bodies if found.shard == row.shard]
    return place.bodies[min(rows, key=lambda found: abs(found.batch - row.batch))]


def hostile(n: int, seed: int) -> Result:
    """Each is replaced by a pickle that does harm, under the right key and with the right header."""
    with scene() as place, tempfile.TemporaryDirectory() as folder:
        marker = Path(folder) / "it-ran"
        tries = list(attacks(marker).values())
        random.Random(seed).shuffle(tries)
        following = cycle(tries)

        def attack(row: Row, body: bytes) -> bytes:
            packed = smuggled(next(following), opened(body, {}, KEY))
            sealed = forged(packed, KEY, header_of(body))
            with canary() as seen, suppress(SnapshotError):
                place.open(row, sealed)
            ran.extend(seen)
            return sealed

        ran: list[str] = []
        result = _spoil(n, place, attack)
        result.problems += ran
        if marker.exists():
            result.problems.append("something was run")
        return result


DRAWS: Mapping[str, Callable[[int, int], Result]] = {
    "bit flips": bit_flips,
    "truncations": truncations,
    "swaps": swaps,
    "hostile pickles": hostile,
}
"""Everything that can be done to snapshots, by name: ``DRAWS[name](n, seed)``."""
