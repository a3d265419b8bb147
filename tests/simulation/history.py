"""History: one seed from its beginning to the judgement."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from fluvial.runner import Runner
from fluvial.store import Store
from tests.simulation.oracle import judge
from tests.simulation.stage import staged
from tests.simulation.world import World


class Outcome(NamedTuple):
    """What became of a history: the promises it broke, and how often each fault was met."""

    seed: int
    broken: list[str]
    figures: Counter[str]


def run(seed: int, store: Store, note: Callable[[str], None] | None = None) -> Outcome:
    """Let a history happen. The same seed gives the same history, word for word."""
    world = World(seed, store, note or (lambda said: None))
    with staged(world):
        broken = _broken(world)
    return Outcome(seed, broken, figures(world))


def _broken(world: World) -> list[str]:
    try:
        world.live()
        if not world.finish():
            return [*world.watch.violations, f"not done in the end: {world.trouble()}"]
        (worker,) = world.workers
        for _ in range(3):
            world.timing.sleep(0.5)
            world.tick(worker)
        late = [
            one.index for one in worker.runner.owned.values() if one.since_snapshot >= world.every(worker)
        ]
        owned = dict(worker.runner.owned)
        world.tick(worker, _leave)
        return [f"shards {late} are not saved any more"] * bool(late) + list(judge(world, owned))
    except Exception:  # noqa: BLE001 - whatever ends a worker unexpectedly is what we are looking for
        return [*world.watch.violations, traceback.format_exc()]


def _leave(runner: Runner) -> None:
    runner.should_exit = True
    runner.run()


def figures(world: World) -> Counter[str]:
    """How often each thing happened, and each fault in each place."""
    return world.counts + world.faults.fired
