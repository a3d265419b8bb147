"""KafkaMembership: a consumer group says which shards this worker should run.

The group's consumer has a thread of its own and never fetches: heavy learning cannot cost the
worker its membership, and a partition that is never fetched cannot stall (kafka-python 3.0.12 can
lose a paused partition's records for ever). Listeners run on kafka-python's own thread, so they
only set flags. What no thread survives is one call of C code that keeps Python's lock for longer
than the session: then others take over, the epoch in the store refuses what this worker writes,
and it joins again.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from kafka import ConsumerRebalanceListener
from kafka.errors import (
    FencedInstanceIdError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    KafkaError,
)
from kafka.structs import OffsetAndMetadata

from consumers.assignor import ShardAssignor
from consumers.kafka_clients import Clients, foreign
from consumers.log import LogError
from consumers.record import TopicPartition

logger = structlog.get_logger()

REBALANCE = 30.0
"""Seconds in which every member has to answer when shards are shared out anew.

Members answer from threads of their own, so this need not be as long as a learner's longest step.
"""

NOTICE = 10.0
"""Seconds after which the group notices partitions that were added to a topic."""


class Seat(NamedTuple):
    """How a worker takes part in a group; times in seconds.

    Under a ``name`` of its own (letters, digits, ``.``, ``_``, ``-``) the worker's shards are kept
    for it while it restarts: nothing is shared out anew when it is back within ``session``. So a
    stop keeps the seat, unless it ``leaves``: then the others get its shards at once, as they do
    from a worker without a name.
    """

    name: str = ""
    leaves: bool = False
    session: float = 6.0  # of silence, after which the group gives the shards away
    stuck: float = 300.0  # without a tick of the main loop, after which the worker gives them back


class KafkaMembership(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Membership of one worker in a pipeline's consumer group.

    ``partitions`` is how many each topic should have: shards beyond are nobody's, and told of.
    ``options`` are those of KafkaLog.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        group: str,
        topics: Sequence[str],
        one_model: bool,
        partitions: int | None = None,
        seat: Seat | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self._group, self._topics, self._one_model = group, sorted(topics), one_model
        self._seat, self._partitions = seat or Seat(), partitions
        self._assignor = ShardAssignor(one_model)
        self._assigned: frozenset[int] = frozenset()
        self._trouble = self._surplus = ""
        self._fenced = False
        self._positions: Mapping[TopicPartition, int] = {}
        self._ticked = time.monotonic()
        self._closing = threading.Event()
        self._clients = Clients(bootstrap, options or {}, patience=10.0)
        self._consumer = self._make_consumer()
        self._consumer.subscribe(self._topics, listener=self)
        self._thread = threading.Thread(target=self._stay, name="kafka-membership", daemon=True)
        self._thread.start()

    def assigned(self) -> frozenset[int]:
        """The shards that the group gives this worker at the moment."""
        return self._assigned

    @property
    def trouble(self) -> str:
        """Why the group does not give out what it should; empty where all is well."""
        return self._trouble

    def holder(self, shard: int) -> str | None:
        """Not known: the group tells its members only what is theirs."""
        return None

    def tick(self, positions: Mapping[TopicPartition, int]) -> None:
        """Tell that the main loop is alive, and where it stands for lag displays."""
        self._ticked = time.monotonic()
        if positions:
            self._positions = positions

    def close(self) -> None:
        """Leave the group at once, or keep the seat warm, as ``Seat`` says."""
        self._closing.set()
        self._thread.join(10)
        member = self._consumer.group_metadata().member_id
        self._consumer.close(autocommit=False, timeout_ms=3_000)
        if self._seat.name and self._seat.leaves and member and not self._fenced:
            self._leave(member)

    def _make_consumer(self) -> Any:
        seat = self._seat
        consumer = self._clients.consumer(
            group_id=self._group,
            group_instance_id=seat.name or None,
            partition_assignment_strategy=[self._assignor],
            session_timeout_ms=int(seat.session * 1000),
            heartbeat_interval_ms=int(min(1.0, seat.session / 4) * 1000),
            max_poll_interval_ms=int(max(REBALANCE, seat.session) * 1000),
            metadata_max_age_ms=int(NOTICE * 1000),
        )
        # kafka-python takes note of a fenced heartbeat, sends no more of them, and tells nobody
        coordinator = consumer._coordinator
        handle = coordinator._handle_heartbeat_response

        def listen(response: Any, *rest: Any) -> Any:
            self._fenced |= response.error_code == FencedInstanceIdError.errno
            return handle(response, *rest)

        coordinator._handle_heartbeat_response = listen
        return consumer

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
        surplus = {p for p in found if self._partitions is not None and p >= self._partitions}
        self._surplus = f"there are partitions beyond the {self._partitions} in the file" if surplus else ""
        whole = {p for p, topics in found.items() if topics == set(self._topics)} - surplus
        self._assigned = frozenset({0} if whole else ()) if self._one_model else frozenset(whole)

    # -- the membership thread

    def _stay(self) -> None:
        try:
            self._poll_until_closed()
        finally:
            # whatever ended this thread, nobody tells us any more what is ours: a worker that went on
            # would take the epoch back and forth with the group's new choice
            self._assigned = frozenset()
            if not self._closing.is_set():
                self._say(self._farewell())

    def _poll_until_closed(self) -> None:
        while not self._closing.is_set() and not self._fenced:
            try:
                if self._is_stuck():
                    self._step_aside()
                self._consumer.poll(1_000)
                self._show_positions()
                self._say(self._assignor.refused or self._surplus)
                if self._assignor.refused:
                    self._consumer._client.cluster.request_update()  # somebody is about to mend it
            except FencedInstanceIdError:
                self._fenced = True
            except KafkaError as error:
                self._say(self._explain(error))
                self._closing.wait(0.5)

    def _is_stuck(self) -> bool:
        return time.monotonic() - self._ticked > self._seat.stuck

    def _step_aside(self) -> None:
        """Leave the group until the main loop moves again."""
        self._say(f"the worker has not moved for {self._seat.stuck:g} s: others get its shards")
        self._consumer.unsubscribe()  # a named member only falls silent: its session ends
        self._assigned = frozenset()
        while self._is_stuck() and not self._closing.is_set():
            self._closing.wait(0.1)
        self._consumer.subscribe(self._topics, listener=self)

    def _show_positions(self) -> None:
        """Commit offsets for lag displays only; nothing ever reads them back."""
        positions, self._positions = self._positions, {}
        ours = self._consumer.assignment()
        shown = {foreign(tp): OffsetAndMetadata(at, "", -1) for tp, at in positions.items()}
        shown = {tp: at for tp, at in shown.items() if tp in ours}
        if shown:
            self._consumer.commit_async(shown)

    # -- words

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            logger.error("membership", group=self._group, why=trouble)
        self._trouble = trouble

    def _explain(self, error: KafkaError) -> str:
        if isinstance(error, InconsistentGroupProtocolError):
            return (
                f"a worker in the group {self._group} shares shards out in another way: all workers of a"
                " pipeline need the same `learn` in their file and the same version of fluvial"
            )
        if isinstance(error, InvalidSessionTimeoutError):
            return (
                f"the broker allows no session of {self._seat.session:g} s: look at its"
                " group.min.session.timeout.ms and group.max.session.timeout.ms"
            )
        return str(self._clients.error(error))

    def _farewell(self) -> str:
        if self._fenced:
            return (
                f"another worker joined under the name {self._seat.name} and has its shards now:"
                " stop one of the two, or give it another name"
            )
        return "the thread that keeps the membership has ended: restart the worker"

    def _leave(self, member: str) -> None:
        """Give a named seat up; the consumer itself leaves it to the end of the session."""
        try:
            left = self._clients.leave(self._group, member, self._seat.name)
        except LogError as error:
            left = str(error)
        if left:
            logger.warning("the seat stays taken until its session ends", name=self._seat.name, why=left)
