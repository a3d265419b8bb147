"""kill -9 in every phase, again and again: what is left is what a worker that nobody killed gives.

Half of the kills fall at random times, half at the nth passage of a point in the loop. Between two
lives more records come, and in some worlds somebody resets the model; every life has another batch
size and another hash seed.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from consumers.aligned import merge
from fluvial.place import partitions_of, ranks_of
from fluvial.shard import Shard
from tests.fluvial.world import World
from tests.recovery.forks import HASH_SEEDS, End, Servers, servers
from tests.recovery.life import Job, open_world
from tests.recovery.points import ELSEWHERE, PHASES, POINTS
from tests.recovery.site import Site
from tests.recovery.streams import KINDS, Stream

HELPING = 150
"""Events that come before each life."""

LONGEST_LIFE = 0.3
"""Seconds after which a random kill comes at the latest; most fall into recovery and the first batches."""

TRIES = 4
"""Lives per wanted kill after which a world gives up: a life can end before it is struck."""

DECIDED = ("linear", "tree")
"""Kinds in whose worlds the model is reset now and then."""

STORES = ("sqlite", "postgres")


class Survivor(NamedTuple):
    """What is left of one world after its kills; counts, and what did not agree in words."""

    name: str
    kills: Counter[str]
    lives: int
    events: int
    republished: int
    troubles: tuple[str, ...]


class Crashes(NamedTuple):
    """All worlds together. ``phases`` counts kills by phase, ``least`` is what each had to have."""

    kills: int
    lives: int
    phases: dict[str, int]
    least: int
    events: int
    republished: int
    troubles: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every phase was hit often enough and nothing was lost, doubled or different."""
        return not self.troubles and all(self.phases[phase] >= self.least for phase in PHASES)

    @property
    def figure(self) -> str:
        """The result in a line."""
        hit = ", ".join(f"{phase} {n}" for phase, n in self.phases.items())
        found = (
            "; ".join(self.troubles) or "0 lost, 0 learned twice, 0 contradictory, every digest as replayed"
        )
        return (
            f"{self.kills} kills ({hit}) over {self.events} events: {found}; "
            f"{self.republished} predictions published again, byte for byte"
        )


class Draw(NamedTuple):
    """What kills are drawn from.

    ``phases`` are aimed at in turn by the share ``aimed`` of all kills; ``decide`` is how often the
    model of a world with decisions is reset before a life; a life that lasts longer than
    ``patience`` seconds hangs.
    """

    kinds: Sequence[str] = tuple(KINDS)
    stores: Sequence[str] = STORES
    phases: Sequence[str] = PHASES
    aimed: float = 0.5
    decide: float = 0.2
    mutation: str = ""
    hash_seeds: Sequence[str] = HASH_SEEDS
    patience: float = 60.0
    seed: int = 7


EVERYTHING = Draw()


def kill_often(site: Site, *, kills: int, least: int, draw: Draw = EVERYTHING, at_once: int = 2) -> Crashes:
    """Kill workers ``kills`` times, shared out over worlds of each kind of model and store."""
    places = [(kind, store) for kind in draw.kinds for store in draw.stores]
    share = [kills // len(places) + (n < kills % len(places)) for n in range(len(places))]
    turns = cycle(draw.phases)
    plans = [
        Plan(kind, site.store_url(store, folder), folder, n, [next(turns) for _ in range(round(n * draw.aimed))])
        for (kind, store), n in zip(places, share, strict=True)
        for folder in [site.folder(f"crash-{kind}-{store}")]
    ]  # fmt: skip
    with servers(draw.hash_seeds) as lent, ThreadPoolExecutor(at_once) as pool:
        done = [
            pool.submit(_Ordeal(plan, lent, draw, random.Random(f"{draw.seed} {n}")).go)
            for n, plan in enumerate(plans)
        ]
        return _together([one.result() for one in done], least)


def few_kills(site: Site) -> Crashes:
    """A short draw: every phase, two kinds of models, both stores."""
    return kill_often(
        site, kills=60, least=2, draw=Draw(kinds=("linear", "tree"), hash_seeds=("1", "random"))
    )


def _together(worlds: Sequence[Survivor], least: int) -> Crashes:
    hit = sum((world.kills for world in worlds), Counter[str]())
    return Crashes(
        kills=hit.total(),
        lives=sum(world.lives for world in worlds),
        phases={phase: hit[phase] for phase in (*PHASES, ELSEWHERE)},
        least=least,
        events=sum(world.events for world in worlds),
        republished=sum(world.republished for world in worlds),
        troubles=tuple(f"{world.name}: {trouble}" for world in worlds for trouble in world.troubles),
    )


class Plan(NamedTuple):
    """One world: how many kills it gets, and in which phases the aimed ones of them."""

    kind: str
    store: str
    folder: Path
    kills: int
    aims: list[str]

    @property
    def name(self) -> str:
        """For people."""
        return self.folder.name


class _Ordeal:
    """All lives of one world, in one thread."""

    def __init__(self, plan: Plan, lent: Servers, draw: Draw, rng: random.Random) -> None:
        self._plan, self._lent, self._draw, self._rng = plan, lent, draw, rng
        self._aims: list[str | None] = [*plan.aims, *[None] * (plan.kills - len(plan.aims))]
        self._rng.shuffle(self._aims)
        self._decide = draw.decide if plan.kind in DECIDED else 0.0
        self._stream, self._kills, self._lives = Stream(plan.kind), Counter[str](), 0
        self._troubles: list[str] = []

    def go(self) -> Survivor:
        """Live and die; then let a last worker finish, and compare."""
        world = open_world(self._job(100))
        with closing(world.store), closing(world.log):
            while self._aims and self._lives < TRIES * self._plan.kills:
                self._prepare(world)
                self._note(self._lent.run(self._struck(self._aims[-1])))
            world.feed(self._stream.take(HELPING))
            world.feed(self._stream.rest())
            patience = 10 * self._draw.patience  # all that is left is learned in this one life
            last = self._lent.run(self._job(100)._replace(restless=False, patience=patience))
            if last.code:
                self._troubles.append(f"the last life ended with code {last.code}")
            verdict = Verdict(world, decided=self._decide > 0)
            self._troubles += verdict.troubles(self._stream.events)
        if self._aims:
            never = ", ".join(sorted({aim or "anywhere" for aim in self._aims}))
            self._troubles.append(f"{len(self._aims)} kills never came: {never}")
        plan, found = self._plan, tuple(self._troubles)
        return Survivor(plan.name, self._kills, self._lives, self._stream.events, verdict.republished, found)

    def _prepare(self, world: World) -> None:
        world.feed(self._stream.take(HELPING))
        if self._rng.random() < self._decide:
            world.decide("reset")

    def _struck(self, phase: str | None) -> Job:
        rng, batch = self._rng, self._rng.choice((13, 40, 100))
        job = self._job(batch)._replace(seed=rng.randrange(1 << 30))
        if phase is None:
            return job._replace(after=rng.uniform(0.0, LONGEST_LIFE))
        point = rng.choice([n for n, point in enumerate(POINTS) if point.phase == phase])
        return job._replace(point=point, passage=rng.randint(1, POINTS[point].most))

    def _job(self, batch: int) -> Job:
        plan, draw = self._plan, self._draw
        return Job(
            str(plan.folder), plan.store, plan.kind, batch, mutation=draw.mutation, patience=draw.patience
        )

    def _note(self, end: End) -> None:
        self._lives += 1
        if end.killed:
            self._kills[end.phase] += 1
            self._aims.pop()
        elif end.code:
            self._troubles.append(f"life {self._lives} ended with code {end.code}")


class Verdict:
    """What the survivors of one world say."""

    def __init__(self, world: World, *, decided: bool) -> None:
        self._world, self._decided = world, decided
        self._said: dict[str, set[bytes]] = {}
        self._published = 0
        for record in world.records("predictions"):
            value = record.value or b""
            self._said.setdefault(json.loads(value)["id"], set()).add(value)
            self._published += 1

    @property
    def republished(self) -> int:
        """Predictions that came again, byte for byte."""
        return self._published - sum(len(variants) for variants in self._said.values())

    def troubles(self, fed: int) -> Iterator[str]:
        """What is not as it must be after ``fed`` events and their labels."""
        yield from self._differing(fed)
        for shard in range(self._world.pipeline.shards):
            try:
                yield from self._shard(shard)
            except Exception as error:  # noqa: BLE001 - a replay that fails is the finding
                yield f"shard {shard}: {type(error).__name__}: {error}"

    def _differing(self, fed: int) -> Iterator[str]:
        two = sum(len(variants) > 1 for variants in self._said.values())
        if two:
            yield f"{two} events with two different predictions"
        if len(self._said) != fed:
            yield f"{fed - len(self._said)} of {fed} events without a prediction"
        statuses = [self._world.status(shard) for shard in range(self._world.pipeline.shards)]
        counts = {
            "events": sum(status["events"] for status in statuses),
            "labels": sum(status["labels"] for status in statuses),
            "learned": sum(status["outcomes"]["learned"] for status in statuses),
            "used": sum(status["fates"]["used"] for status in statuses),
        }
        yield from (f"{n} {what} instead of {fed}" for what, n in counts.items() if n != fed)

    def _shard(self, shard: int) -> Iterator[str]:
        digest, verdict = self._world.status(shard)["digest"], self._world.verify(shard)
        if verdict.difference is not None:
            yield f"shard {shard}: {verdict.difference}"
        if verdict.digest != digest:
            yield f"shard {shard}: the digest is {digest[:12]}, its replay gives {verdict.digest[:12]}"
        if not self._decided and undisturbed(self._world, shard) != digest:
            yield f"shard {shard}: the digest is not that of a worker that nobody killed"


def undisturbed(world: World, shard: int) -> str:
    """The digest that the shard has after all records in their order: without a loop, batches or a journal."""
    partitions = partitions_of(world.pipeline, shard)
    spans = world.log.spans(partitions)
    records = {tp: world.log.fetch(tp, span.begin, span.end) for tp, span in spans.items()}
    fresh = Shard(world.pipeline, shard)
    for record in merge(records, ranks_of(world.pipeline)):
        fresh.step(record)
    return fresh.state.digest.hex()
