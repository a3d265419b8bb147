"""People: what is decided in a history, and who gets a shard going again that stands still."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from fluvial import reviews
from fluvial.decision import WAKING
from fluvial.incidents import NoSuchIncident
from fluvial.signing import of_store, signed
from fluvial.store import decision_table, shard_table
from tests.simulation.memory import Draft
from tests.simulation.store import rows
from tests.simulation.stream import START

if TYPE_CHECKING:
    from tests.simulation.world import World


class People:
    """They see what the store says, and nothing else. ``broken`` while the model fails on poison.

    ``written`` are the reviews that went through the topic, by id, and whether they were signed.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._said = 0
        self._patience: dict[int, int] = {}
        self.broken = world.shape.poison
        self.written: dict[str, bool] = {}

    def decide(self) -> None:
        """Somebody decides about the course of learning, or about a shard that does not need it."""
        rng, shard = self._world.rng, self._world.rng.randrange(self._world.pipeline.shards)
        match rng.choice(("review", "review", "topic", "rollback", "rollback", "adopt", "adopt", "wake")):
            case "topic":
                self._write_to_the_topic()
            case "review":
                self._review(rng.choice(("pause", "resume", "reset", "keep_learning")))
            case "adopt":
                self._adopt(shard)
            case "rollback":
                kept = [kept.batch for kept in self._world.shelf.listing(shard)]
                self.tell(shard, "rollback", batch=rng.choice([*kept, *kept, 0, 3, 7, 99]))
            case "wake":
                self.tell(shard, rng.choice(WAKING))

    def _adopt(self, shard: int) -> None:
        """Another model, a source less or one more, or a part of the model made afresh."""
        rng = self._world.rng
        kept = [kept.batch for kept in self._world.shelf.listing(shard)]
        start = rng.choice([*kept, *kept, 0, 3, 7, 99])
        recipe = {"start": start, "first": start + rng.choice((0, 0, 2)), "fresh": rng.random() < 0.5}
        recipe |= {"last": rng.choice((None, None, start + 9)), "heeds_pauses": rng.random() < 0.5}
        match rng.choice(("adopt", "adopt", "exclude_source", "include_source", "reset_part")):
            case "adopt":
                self.tell(shard, "adopt", recipe=recipe)
            case "reset_part":
                self.tell(shard, "reset_part", part=rng.choice(("StandardScaler", "Nothing")))
            case action:
                self.tell(shard, action, source="a")

    def mend(self, *, surely: bool = False) -> None:
        """Somebody looks which shards stand still and does something about one."""
        query = sa.select(shard_table.c.shard).where(shard_table.c.halted.is_not(None))
        for (shard,) in rows(self._world.store, query):
            if any(one.action in WAKING for one in self._world.journal.pending(shard)):
                self._patience[shard] = self._patience.get(shard, 0) + 1
                if self._patience[shard] < 8:
                    continue
            self._patience[shard] = 0
            if surely or self._world.rng.random() < 0.7:
                self._wake(shard, surely=surely)

    def tell(self, shard: int, action: str, **args: Any) -> None:
        """A decision for one shard. Its number may be lower than that of one that was written before it."""
        world = self._world
        self._said += 1
        newest = rows(world.store, sa.select(sa.func.max(decision_table.c.id)))[0][0] or 0
        number = newest + world.rng.choice((1, 1, 3))
        if world.rng.random() < 0.5:  # sequences do not commit in their order
            taken = {one for (one,) in rows(world.store, sa.select(decision_table.c.id))}
            number = next(n for n in range(1, newest + 2) if n not in taken)
        row: dict[str, Any] = {"id": number, "pipeline": world.pipeline.pipeline, "shard": shard}
        row |= {"action": action, "review": f"r{self._said}", "args": args}
        world.count(f"decided: {action}")
        world.happens(f"somebody decides: {number} {action} {args or ''} for shard {shard}")
        with world.store.write() as db:
            db.execute(sa.insert(decision_table).values(row))

    def _wake(self, shard: int, *, surely: bool) -> None:
        rng = self._world.rng
        if self.broken and rng.random() < 0.6:
            self._world.count("the model is mended")
            self._world.happens("the model is mended")
            self.broken = False
            self.tell(shard, "resume_shard")
        else:
            self.tell(shard, "accept_gap" if surely or rng.random() < 0.7 else "resume_shard")

    def _write_to_the_topic(self) -> None:
        """A review comes through its topic, signed or not, and sometimes twice."""
        world = self._world
        self._said += 1
        name = f"topic-{self._said}"
        known = world.rng.random() < 0.7
        message: dict[str, Any] = {"id": name, "action": "reset", "who": "bob"}
        message["pipeline"] = world.pipeline.pipeline
        message |= {"nonce": f"nonce of {name}", "good_until": 1e10}  # the same in each run of a history
        sealed = signed(message, of_store(world.key if known else b"another"))
        draft = Draft(world.reviews, START, name.encode(), json.dumps(sealed).encode())
        world.broker.put([draft] * world.rng.choice((1, 1, 2)))
        self.written[name] = known
        world.count(
            "written to the topic: reset" if known else "written to the topic: nothing that is signed"
        )
        world.happens(f"{name} is written to the topic of reviews, {'signed' if known else 'not signed'}")

    def _review(self, action: Any) -> None:
        self._said += 1
        name = self._world.pipeline.pipeline
        request = reviews.Request(action=action, pipeline=name, who="ann", id=f"review-{self._said}")
        try:
            taken = reviews.review(self._world.store, request, "cli")
        except (reviews.ReviewError, NoSuchIncident):
            return
        self._world.count(f"decided: {action}")
        self._world.happens(f"somebody decides: {action}{' again' if taken.repeated else ''}")
