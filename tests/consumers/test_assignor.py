"""ShardAssignor: what the leader of a group says, and what members tell it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from consumers.assignor import ShardAssignor

EVEN = {"events": {0, 1, 2, 3}, "labels": {0, 1, 2, 3}}


class Cluster:
    def __init__(self, partitions: dict[str, set[int]]) -> None:
        self.partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return self.partitions.get(topic)


def member(name: str, assignor: ShardAssignor | None = None, user_data: bytes = b"") -> Any:
    said = assignor.metadata(["events", "labels"]) if assignor else None
    metadata = said or SimpleNamespace(topics=["events", "labels"], user_data=user_data)
    return SimpleNamespace(member_id=name, metadata=metadata)


def share(assignor: ShardAssignor, partitions: dict[str, set[int]], *members: Any) -> dict[str, set[Any]]:
    given = assignor.assign(Cluster(partitions), list(members))
    return {name: {(tp.topic, tp.partition) for tp in each.partitions()} for name, each in given.items()}


def after(assignment: Any, generation: int) -> ShardAssignor:
    """A member's assignor once it was given something."""
    assignor = ShardAssignor(one_model=False)
    assignor.on_assignment(assignment, generation)
    return assignor


def test_a_partition_of_every_topic_goes_to_the_same_member() -> None:
    given = share(ShardAssignor(one_model=False), EVEN, member("a"), member("b"))
    assert given["a"] | given["b"] == {(topic, p) for topic in EVEN for p in range(4)}
    for parts in given.values():
        assert len(parts) == 4
        assert {p for topic, p in parts if topic == "events"} == {
            p for topic, p in parts if topic == "labels"
        }


def test_one_model_gives_everything_to_one_even_where_counts_differ() -> None:
    uneven = {"events": {0, 1, 2}, "labels": {0}}
    assignor = ShardAssignor(one_model=True)
    given = share(assignor, uneven, member("b"), member("a"))
    assert given == {"a": {(topic, p) for topic, found in uneven.items() for p in found}, "b": set()}
    assert refusal(assignor, uneven) == ""


def test_topics_with_different_numbers_of_partitions_are_refused_and_named() -> None:
    assignor = ShardAssignor(one_model=False)
    uneven = {"events": {0, 1}, "labels": {0}}
    assert share(assignor, uneven, member("a")) == {"a": set()}
    assert "'events': 2" in refusal(assignor, uneven)
    assert refusal(assignor, EVEN) == ""


def refusal(leader: ShardAssignor, partitions: dict[str, set[int]]) -> str:
    """What a follower hears of the reason."""
    follower = ShardAssignor(one_model=False)
    for generation, found in enumerate((EVEN, partitions)):
        given = leader.assign(Cluster(found), [member("leader"), member("follower")])
        follower.on_assignment(given["follower"], generation)
    return follower.refused


def test_a_leader_that_does_not_know_the_topics_yet_assigns_nothing_and_says_so() -> None:
    for one_model in (True, False):
        assignor, known = ShardAssignor(one_model), {"events": {0, 1}}
        assert share(assignor, known, member("a")) == {"a": set()}
        assert "no topic labels" in refusal(assignor, known)


def test_shards_stay_where_they_are_when_a_member_joins() -> None:
    leader = ShardAssignor(one_model=False)
    first = leader.assign(Cluster(EVEN), [member("b"), member("c")])
    told = [member(name, after(first[name], 1)) for name in ("b", "c")]
    given = share(leader, EVEN, *told, member("a"))
    for name in ("b", "c"):
        kept = {(tp.topic, tp.partition) for tp in first[name].partitions()}
        assert given[name] <= kept
    assert sorted(len(parts) for parts in given.values()) == [2, 2, 4]


def test_a_zombie_s_claim_is_older_than_its_successor_s() -> None:
    leader = ShardAssignor(one_model=True)
    everything = leader.assign(Cluster(EVEN), [member("m")])["m"]
    zombie, successor = member("z", after(everything, 3)), member("a", after(everything, 5))
    assert share(leader, EVEN, zombie, successor)["a"] == {(topic, p) for topic in EVEN for p in range(4)}


def test_what_another_client_says_is_no_claim() -> None:
    for nonsense in (b"\xff\x00", b"[]", b'{"owned": 3}', b'{"owned": ["x"]}'):
        given = share(ShardAssignor(one_model=False), EVEN, member("a", user_data=nonsense), member("b"))
        assert [len(parts) for parts in given.values()] == [4, 4]


def test_the_mode_is_in_the_name_so_that_modes_do_not_mix() -> None:
    assert ShardAssignor(one_model=True).name != ShardAssignor(one_model=False).name
