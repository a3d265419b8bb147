"""Group: which worker should run which shard, and what each worker believes about it.

A worker hears of a change late or not at all, as a stalled one does: until then it is a zombie that
goes on with a shard that somebody else was given.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from consumers.record import TopicPartition


class Group:
    """The members of a pipeline. ``prompt`` is the chance that a member hears of a change at a tick."""

    def __init__(self, shards: int, rng: random.Random, prompt: float) -> None:
        self._shards, self._rng, self.prompt = range(shards), rng, prompt
        self.members: list[str] = []
        self.owner: dict[int, str | None] = dict.fromkeys(self._shards)
        self.view: dict[str, frozenset[int]] = {}

    def join(self, name: str) -> None:
        self.members.append(name)
        self.view[name] = frozenset()
        self.settle()

    def leave(self, name: str) -> None:
        """A member says goodbye, or is found to be gone."""
        if name in self.members:
            self.members.remove(name)
        self.view.pop(name, None)
        self.settle()

    def oust(self, name: str) -> None:
        """A member that said nothing for long is thrown out; it does not know, and the others do."""
        if name in self.members and len(self.members) > 1:
            self.members.remove(name)
            self.settle()
            for member in self.members:
                self.tell(member)

    def back(self, name: str) -> None:
        """A member that was thrown out comes back with what it believed."""
        if name in self.view and name not in self.members:
            self.members.append(name)
            self.settle()

    def settle(self) -> None:
        """Give the shards of who is gone to who is there."""
        for shard in self._shards:
            if self.owner[shard] not in self.members:
                self.owner[shard] = self._rng.choice(self.members) if self.members else None

    def shuffle(self) -> None:
        """Give the shards to whoever, wherever they are."""
        for shard in self._shards:
            self.owner[shard] = self._rng.choice(self.members) if self.members else None

    def tell(self, name: str) -> None:
        """Let a member know what is its own now; one that was thrown out hears nothing any more."""
        if name in self.members:
            self.view[name] = frozenset(s for s, member in self.owner.items() if member == name)

    def perhaps_tell(self, name: str) -> None:
        if self._rng.random() < self.prompt:
            self.tell(name)


class SimMembership:
    """One worker's membership of a group."""

    def __init__(self, group: Group, name: str) -> None:
        self._group, self._name = group, name
        group.join(name)

    @property
    def trouble(self) -> str:
        return ""

    def assigned(self) -> frozenset[int]:
        return self._group.view.get(self._name, frozenset())

    def holder(self, shard: int) -> str | None:
        return self._group.owner[shard]

    def tick(self, positions: Mapping[TopicPartition, int]) -> None:
        self._group.perhaps_tell(self._name)

    def close(self) -> None:
        self._group.leave(self._name)
