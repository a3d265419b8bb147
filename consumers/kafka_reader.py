"""Reader: one kafka-python consumer that reads assigned partitions and is never in a group."""

import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from snappy import UncompressError
from zstandard import ZstdError

from consumers.kafka_clients import Clients, foreign
from consumers.log import Unreadable
from consumers.record import Record, TopicPartition

UNPACKING = (
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    UncompressError,
    ZstdError,
    struct.error,
    zlib.error,
)
"""What kafka-python lets through when a batch holds something else than it says."""


class Reader:
    """Reads the partitions it is assigned, as raw bytes.

    After an error a reader is not to be used again: in kafka-python the generator of a batch that
    could not be read is at its end then, and the next poll would never return. Nor is it ever
    paused: a partition that was paused while its records were being handed out can stay silent.
    """

    def __init__(self, clients: Clients, *, at_most: int, wait_ms: int) -> None:
        self._clients = clients
        self._consumer = clients.consumer(max_poll_records=at_most, fetch_max_wait_ms=wait_ms)
        self._assigned: dict[TopicPartition, Any] = {}

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from now on; those that are read already go on where they are."""
        fresh = positions.keys() - self._assigned.keys()
        self._assigned = {tp: foreign(tp) for tp in positions}
        self._consumer.assign(list(self._assigned.values()))
        for tp in fresh:
            self.seek(tp, positions[tp])

    def assigned(self) -> frozenset[TopicPartition]:
        return frozenset(self._assigned)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._consumer.seek(self._assigned[tp], offset)

    def poll(self, timeout: float) -> dict[TopicPartition, list[Record]]:
        try:
            with self._clients.explained():
                found = self._consumer.poll(int(timeout * 1000))
        except UNPACKING as error:
            raise Unreadable(f"a batch cannot be unpacked ({type(error).__name__}: {error})") from error
        return {TopicPartition(*tp): [_record(raw) for raw in raws] for tp, raws in found.items()}

    def position(self, tp: TopicPartition) -> int:
        """The next offset to be read, behind gaps and markers that were passed."""
        with self._clients.explained():
            position: int = self._consumer.position(self._assigned[tp], timeout_ms=0)
        return position

    def end(self, tp: TopicPartition) -> int | None:
        """The end of the partition when last heard of; costs nothing."""
        end: int | None = self._consumer.highwater(self._assigned[tp])
        return end

    def ask_ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The ends as of now; costs a request."""
        with self._clients.explained():
            ends = self._consumer.end_offsets([self._assigned[tp] for tp in partitions])
        return {TopicPartition(*tp): end for tp, end in ends.items()}

    def close(self) -> None:
        self._consumer.close(autocommit=False, timeout_ms=1_000)


def _record(raw: Any) -> Record:
    headers = tuple(raw.headers) if raw.headers else ()
    return Record(raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, headers)
