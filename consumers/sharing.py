"""Sharing: which member of a group runs which shards; pure, so that it can be tried without a group."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple


class Claim(NamedTuple):
    """A member says that it ran a shard since a generation; the newest claim is believed.

    The claim of a zombie that comes back is older than its successor's.
    """

    generation: int
    member: str


def newest(claims: Mapping[str, tuple[Collection[int], int]]) -> dict[int, Claim]:
    """The newest claim to each shard; ``claims`` maps member to (shards it ran, its generation).

    >>> newest({"a": ([0, 1], 3), "b": ([1], 5)})[1].member
    'b'
    """
    found: dict[int, Claim] = {}
    for member, (shards, generation) in sorted(claims.items()):
        for shard in shards:
            claim = Claim(generation, member)
            found[shard] = max(found.get(shard, claim), claim)
    return found


def all_to_one(shards: Sequence[int], members: Sequence[str], claims: Mapping[int, Claim]) -> dict[int, str]:
    """Everything to the newest claimant who is still there, else to the first member by name."""
    alive = [claim for claim in claims.values() if claim.member in members]
    owner = max(alive).member if alive else min(members)
    return dict.fromkeys(shards, owner)


def evenly(shards: Sequence[int], members: Sequence[str], claims: Mapping[int, Claim]) -> dict[int, str]:
    """Each shard to who has it, as long as nobody gets more than a fair share; the rest to the idlest.

    >>> evenly([0, 1, 2], ["a", "b"], {0: Claim(1, "a"), 1: Claim(1, "a"), 2: Claim(1, "a")})
    {0: 'a', 1: 'a', 2: 'b'}
    """
    fair, over = divmod(len(shards), len(members))
    load = dict.fromkeys(sorted(members), 0)
    owner: dict[int, str] = {}
    for shard in shards:
        member = claims[shard].member if shard in claims else ""
        richer = sum(n > fair for n in load.values())
        if member in load and (load[member] < fair or (load[member] == fair and richer < over)):
            owner[shard] = member
            load[member] += 1
    for shard in shards:
        if shard not in owner:
            member = min(load, key=lambda name: (load[name], name))
            owner[shard] = member
            load[member] += 1
    return dict(sorted(owner.items()))
