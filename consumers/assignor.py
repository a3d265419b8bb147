"""ShardAssignor: keeps partition p of every topic of a pipeline on one worker."""

import json
from typing import Any

from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription

from consumers.sharing import all_to_one, evenly, newest


class ShardAssignor(AbstractPartitionAssignor):  # type: ignore[misc]  # kafka-python has no types
    """Sticky by what members say they own; the mode is in the name, so that modes cannot mix.

    With ``one_model`` everything goes to one member and the others stand by. Otherwise partition p
    of every topic goes to one member; topics whose partition counts differ get nothing assigned.
    ``refused`` says why, to every member and not only to the leader.
    """

    version = 0
    name = ""

    def __init__(self, one_model: bool) -> None:
        self._one_model = one_model
        self.name = "fluvial-one-model-v1" if one_model else "fluvial-per-partition-v1"
        self._owned: list[int] = []
        self._generation = -1
        self.refused = ""

    def metadata(self, topics: Any) -> Any:
        """What this member tells the leader: its topics and what it owned since when."""
        said = json.dumps({"owned": self._owned, "generation": self._generation}).encode()
        return ConsumerProtocolSubscription(self.version, sorted(topics), said)

    def on_assignment(self, assignment: Any, generation: int) -> None:
        """Remember what the leader gave us, or why it gave nobody anything."""
        self._owned = sorted({tp.partition for tp in assignment.partitions()})
        self._generation = generation
        self.refused = (assignment.user_data or b"").decode(errors="replace")

    def assign(self, cluster: Any, members: Any) -> dict[str, Any]:
        """The leader's share-out. Empty while topics are unknown: a rejoin follows when they are."""
        topics = sorted({topic for member in members for topic in member.metadata.topics})
        partitions = {topic: cluster.partitions_for_topic(topic) or set() for topic in topics}
        names = sorted(member.member_id for member in members)
        if refused := self._misfit(partitions):
            return {name: self._given([], refused) for name in names}
        shards = sorted(set[int]().union(*partitions.values()))
        claims = newest({member.member_id: _claim(member.metadata.user_data) for member in members})
        owner = (all_to_one if self._one_model else evenly)(shards, names, claims)
        return {
            name: self._given([(t, [p for p in sorted(partitions[t]) if owner[p] == name]) for t in topics])
            for name in names
        }

    def _misfit(self, partitions: dict[str, set[int]]) -> str:
        counts = {topic: len(found) for topic, found in partitions.items()}
        if missing := [topic for topic, count in counts.items() if not count]:
            return f"the broker knows no topic {' and '.join(missing)} yet: do all topics exist?"
        if len(set(counts.values())) > 1 and not self._one_model:
            return f"the topics have different numbers of partitions: {counts}"
        return ""

    def _given(self, parts: list[tuple[str, list[int]]], refused: str = "") -> Any:
        given = [part for part in parts if part[1]]
        return ConsumerProtocolAssignment(self.version, given, refused.encode())


def _claim(user_data: bytes | None) -> tuple[list[int], int]:
    try:
        said = json.loads(user_data or b"{}")
        return [int(shard) for shard in said.get("owned", ())], int(said.get("generation", -1))
    except (ValueError, TypeError, AttributeError):
        return [], -1  # another client in the group, or another version: it has no claim
