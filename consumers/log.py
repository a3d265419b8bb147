"""Log: the port to an append-only, partitioned log.

Two real implementations stand behind it, :mod:`consumers.embedded` and
:mod:`consumers.kafka`; ``tests/consumers/log_contract.py`` runs the same promises over both.

Errors::

    LogError
     +-- LogUnavailable    nobody answers, or the log is locked or full: try again later
     +-- UnknownTopic      the topic does not exist: create it
     +-- DeliveryError     records were not accepted; none, some or all of them are in the log
     +-- RangeLost         the log no longer holds offsets that were asked for
     +-- Unreadable        the log holds records that cannot be read here
     +-- PartitionsAdded   a topic has grown by partitions that nobody reads

An error that concerns some partitions and not others says so: ``partitions`` are those concerned.
Where it is empty the error concerns all, or nobody knows. So one partition's trouble need not stop
the others: read on with a new tail that leaves these out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from consumers.record import Record, TopicPartition


class LogError(Exception):
    """What went wrong with a log, in a sentence that says what to do."""

    def __init__(self, said: str, partitions: Iterable[TopicPartition] = ()) -> None:
        super().__init__(said)
        self.partitions = frozenset(partitions)


class LogUnavailable(LogError):
    """Nobody answers, or the log is locked or full: nothing was lost, try again later."""


class UnknownTopic(LogError):
    """The topic does not exist."""


class DeliveryError(LogError):
    """Records handed to ``append`` were not accepted; some of the batch may be in the log."""


class RangeLost(LogError):
    """The log no longer holds offsets that were asked for (retention, truncation, a new topic)."""


class Unreadable(LogError):
    """The log holds records that cannot be read here: damaged, in an unknown codec, or not for us."""


class PartitionsAdded(LogError):
    """A topic has more partitions than when reading began; ``partitions`` are the new ones.

    Keys have moved to them, and nobody reads them.
    """

    def __init__(self, topic: str, before: int, now: int) -> None:
        self.topic, self.before, self.now = topic, before, now
        super().__init__(
            f"topic {topic} was given partitions while it was read: it had {before} and has {now} now",
            [TopicPartition(topic, index) for index in range(before, now)],
        )


class TopicInfo(NamedTuple):
    """A topic as it is: ``id`` changes when a topic of the same name is made anew."""

    id: str
    partitions: int


class Span(NamedTuple):
    """The offsets a partition holds: ``begin`` is the first kept, ``end`` the next to be written."""

    begin: int
    end: int


class Tail(Protocol):
    """Reads partitions forward from given positions and goes on as records arrive."""

    def poll(self, timeout: float) -> Mapping[TopicPartition, Sequence[Record]]:
        """Return records in offset order per partition, at most a bounded number of each.

        Waits up to ``timeout`` seconds while there are none. Offsets may have gaps (compaction,
        transaction markers) but never go back. A record that no client could parse is a record
        like any other: bytes are handed on as they are.

        Raises RangeLost when a position lies before the first kept offset or beyond the end, or
        its topic is gone, on this and every later call; Unreadable while what is next in a
        partition cannot be read (others may go on: in a new tail without it); PartitionsAdded once
        for each time that a topic grows; LogUnavailable when the log cannot be reached.
        """
        ...

    def want(self, partitions: Sequence[TopicPartition]) -> None:
        """Read only these partitions (a subset of those opened) until told otherwise.

        Positions of the others stay where they are. This is how a reader that must not run ahead
        in one topic holds it back.
        """
        ...

    def at_end(self, tp: TopicPartition) -> bool:
        """Whether everything that was in the partition at the last poll has been returned.

        All partitions of one tail are judged at one moment where the log can do so (embedded).
        """
        ...

    def close(self) -> None: ...


class Log(Protocol):
    """An append-only log of topics with numbered partitions."""

    def create(self, topic: str, partitions: int, *, compact: bool = False) -> bool:
        """Create a topic and return True, or return False where it exists already.

        Returns when the topic can be written to and read from. Raises LogError when it exists
        with another number of partitions.
        """
        ...

    def describe(self, topics: Sequence[str]) -> dict[str, TopicInfo]:
        """Return what exists of ``topics``; a missing topic is missing in the answer."""
        ...

    def spans(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Span]:
        """Return the offsets each partition holds now. Raises UnknownTopic."""
        ...

    def tail(self, positions: Mapping[TopicPartition, int]) -> Tail:
        """Return a reader that starts at ``positions`` (the next offset to read of each)."""
        ...

    def fetch(self, tp: TopicPartition, start: int, end: int) -> list[Record]:
        """Return every record with ``start <= offset < end``, in order.

        The range is half-open; where offsets are missing inside it (compaction, transaction
        markers) the rest is returned: the caller checks the count. Raises RangeLost when
        ``start`` lies before the first kept offset or ``end`` beyond the end of the partition.
        """
        ...

    def append(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        timestamp: int,
        partition: int | None = None,
    ) -> None:
        """Hand over one record; ``flush`` says whether it was accepted.

        Without ``partition`` the key decides, as Kafka's default partitioner does (murmur2), so
        that both logs put a key in the same place; without a key, partition 0 is taken.
        """
        ...

    def flush(self) -> None:
        """Return when every record handed over is durable; one call, one transaction if embedded.

        Raises DeliveryError when one was refused or LogUnavailable when nobody answers in time.
        After either, what was not accepted is forgotten: the caller appends again.
        """
        ...

    def close(self) -> None: ...


class Membership(Protocol):
    """Says which shards of a pipeline this worker may own at the moment.

    It is advice that avoids fights; what keeps two owners from both writing is the epoch in the
    store. A shard is named by its partition index; a one-model pipeline has the single shard 0.
    """

    def assigned(self) -> frozenset[int]:
        """The shards this worker should run now. Cheap: called before every batch."""
        ...

    @property
    def trouble(self) -> str:
        """Why not everything is given out, or nothing to this worker, in a sentence; empty where all is well.

        To stand by while others have all shards is no trouble.
        """
        ...

    def holder(self, shard: int) -> str | None:
        """Who holds the shard, as a person would name it, where that is known."""
        ...

    def tick(self, positions: Mapping[TopicPartition, int]) -> None:
        """Tell that the main loop is alive and how far it has read (for lag displays only)."""
        ...

    def close(self) -> None: ...
