"""KafkaMembership: a consumer group says which shards this worker should run.

The group's consumer has a thread of its own and never fetches: heavy learning cannot cost the
worker its membership, and a partition that is never fetched cannot stall (kafka-python 3.0.12 can
lose a paused partition's records for ever). Listeners run on kafka-python's own thread, so they
only set flags.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from kafka import ConsumerRebalanceListener
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from consumers.assignor import ShardAssignor
from consumers.kafka_clients import Clients, foreign
from consumers.record import TopicPartition

logger = structlog.get_logger()

SESSION = 6.0
"""Seconds after which the group gives a silent member's shards away."""

STUCK = 30.0
"""Seconds without a tick of the main loop after which the worker stops claiming to be alive."""


class KafkaMembership(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Membership of one worker in a pipeline's consumer group.

    ``options`` are those of KafkaLog.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        group: str,
        topics: Sequence[str],
        one_model: bool,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self._topics, self._one_model = frozenset(topics), one_model
        self._assignor = ShardAssignor(one_model)
        self._assigned: frozenset[int] = frozenset()
        self._positions: Mapping[TopicPartition, int] = {}
        self._ticked = time.monotonic()
        self._closing = threading.Event()
        self._consumer = Clients(bootstrap, options or {}, patience=10.0).consumer(
            group_id=group,
            partition_assignment_strategy=[self._assignor],
            session_timeout_ms=int(SESSION * 1000),
            heartbeat_interval_ms=1_000,
            max_poll_interval_ms=int(STUCK * 1000),
        )
        self._consumer.subscribe(sorted(topics), listener=self)
        self._thread = threading.Thread(target=self._stay, name="kafka-membership", daemon=True)
        self._thread.start()

    def assigned(self) -> frozenset[int]:
        """The shards that the group gives this worker at the moment."""
        return self._assigned

    def holder(self, shard: int) -> str | None:
        """Not known: the group tells its members only what is theirs."""
        return None

    def tick(self, positions: Mapping[TopicPartition, int]) -> None:
        """Tell that the main loop is alive, and where it stands for lag displays."""
        self._ticked = time.monotonic()
        if positions:
            self._positions = positions

    def close(self) -> None:
        """Leave the group at once, so that another member takes over without waiting."""
        self._closing.set()
        self._thread.join(10)
        self._consumer.close(autocommit=False, timeout_ms=3_000)

    # -- called on kafka-python's thread: only flags

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing: what matters is what is assigned next; until then the epoch protects."""

    def on_partitions_lost(self, lost: Any) -> None:
        """The group gave everything away."""
        self._assigned = frozenset()

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Take note; a shard counts only when each of its topics came with it."""
        for tp in assigned:
            self._consumer.pause(tp)
            self._consumer.seek(tp, 0)  # never fetched, but a position is demanded of every partition
        found: dict[int, set[str]] = {}
        for tp in assigned:
            found.setdefault(tp.partition, set()).add(tp.topic)
        whole = {partition for partition, topics in found.items() if topics == self._topics}
        self._assigned = frozenset({0} if whole else ()) if self._one_model else frozenset(whole)

    # -- the membership thread

    def _stay(self) -> None:
        try:
            self._poll_until_closed()
        finally:
            # whatever ended this thread, nobody tells us any more what is ours: a worker that went on
            # would take the epoch back and forth with the group's new choice
            self._assigned = frozenset()

    def _poll_until_closed(self) -> None:
        said = ""
        while not self._closing.is_set():
            if time.monotonic() - self._ticked > STUCK:
                self._closing.wait(0.1)  # the main loop hangs: let the group give the shards away
                continue
            try:
                self._consumer.poll(1_000)
                self._show_positions()
            except KafkaError as error:
                logger.warning("membership", why=str(error))
                self._closing.wait(0.5)
            if self._assignor.uneven != said:
                said = self._assignor.uneven
                logger.error("no shard is given out", why=said)

    def _show_positions(self) -> None:
        """Commit offsets for lag displays only; nothing ever reads them back."""
        positions, self._positions = self._positions, {}
        ours = self._consumer.assignment()
        shown = {foreign(tp): OffsetAndMetadata(at, "", -1) for tp, at in positions.items()}
        shown = {tp: at for tp, at in shown.items() if tp in ours}
        if shown:
            self._consumer.commit_async(shown)
