"""Placement: in which partition of a topic a record goes."""

from consumers.log import UnknownTopic
from consumers.partitioner import partition_for


def placed(topic: str, partitions: int, key: bytes | None, asked: int | None) -> int:
    """The partition ``asked`` for, or that of the key. Raises UnknownTopic where there is none like it."""
    if asked is None:
        return partition_for(key, partitions)
    if not 0 <= asked < partitions:
        raise UnknownTopic(f"topic {topic} has {partitions} partitions and no partition {asked}")
    return asked
