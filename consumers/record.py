"""Record: one entry of a log, as bytes. Nothing here knows Kafka."""

from typing import NamedTuple


class TopicPartition(NamedTuple):
    """The address of one ordered sequence of records."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"

    @classmethod
    def parse(cls, text: str) -> "TopicPartition":
        """The inverse of ``str``.

        >>> TopicPartition.parse("flights.events:3")
        TopicPartition(topic='flights.events', partition=3)
        """
        topic, _, partition = text.rpartition(":")
        return cls(topic, int(partition))


class Record(NamedTuple):
    """One entry of a log: its address, its bytes and the producer's time.

    ``timestamp`` is in milliseconds since 1970 UTC. ``value`` is None for a tombstone.
    A tuple and not a dataclass because hundreds of thousands are made each minute.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
