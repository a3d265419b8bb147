"""Clients: kafka-python's clients, all made here, and its errors in words a person can use."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka import TopicPartition as KafkaPartition
from kafka.admin import MemberToRemove
from kafka.cluster import ClusterMetadata
from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    KafkaError,
    KafkaTimeoutError,
    LogTruncationError,
    NoError,
    OffsetOutOfRangeError,
    RequestTimedOutError,
    RetriableError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedCodecError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient

from consumers.log import LogError, LogUnavailable, RangeLost, UnknownTopic, Unreadable
from consumers.record import TopicPartition

logger = structlog.get_logger()

_TOLD: tuple[tuple[type[Exception], type[LogError], str], ...] = (
    (OffsetOutOfRangeError, RangeLost, "the log no longer holds what was asked for"),
    (LogTruncationError, RangeLost, "the log was cut back behind what was read"),
    (UnknownTopicOrPartitionError, UnknownTopic, "the topic or partition does not exist"),
    (TopicAuthorizationFailedError, Unreadable, "access to a topic is denied; ask for the right to it"),
    (AuthorizationError, LogError, "access is denied; ask for the rights named"),
    (SaslAuthenticationFailedError, LogError, "the user or its secret is refused"),
    (UnsupportedSaslMechanismError, LogError, "it wants the password to be shown in another way"),
    (UnsupportedCodecError, Unreadable, "a batch is compressed in a way that cannot be read here"),
    (CorruptRecordError, Unreadable, "a batch fails its checksum; look at the broker's disk"),
    (RetriableError, LogUnavailable, "it does not answer"),
    (KafkaError, LogError, "it refuses"),
)

REFUSED = (SaslAuthenticationFailedError, UnsupportedSaslMechanismError)
"""The broker is there, and does not let us in."""

OUR_TIME = (RequestTimedOutError, KafkaTimeoutError)
"""Our patience ended: says nothing of why the attempts before it failed."""


class _Cluster(ClusterMetadata):  # type: ignore[misc]  # kafka-python has no types
    """What kafka-python knows of a cluster, kept up to date for as long as the client lives.

    Its own loop goes over sets that other threads add to. Where that fails the loop ends, nobody is
    told, and a new topic or a new leader is never heard of again.
    """

    async def _refresh_loop(self) -> None:
        while not self.closed:
            try:
                await super()._refresh_loop()
            except RuntimeError as error:
                logger.warning("what is known of the cluster is asked for again", why=str(error))
                self.request_update()


class _Net(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no types
    """kafka-python's network, which remembers why it reached nobody: else only its log tells."""

    def __init__(self, **config: object) -> None:
        super().__init__(**config)
        self.cluster.__class__ = _Cluster  # the manager makes it and leaves no choice
        self.failure: Exception | None = None
        connect = self._manager.get_connection

        def watched(*args: Any, **options: Any) -> Any:
            connection = connect(*args, **options)
            connection.close = self._noting(connection.close)
            connection.connection_lost = self._noting(connection.connection_lost)
            return connection

        self._manager.get_connection = watched

    def reached(self) -> None:
        """Remember no more: somebody answered."""
        del self._manager.get_connection

    def _noting(self, ended: Callable[..., None]) -> Callable[..., None]:
        def noted(error: Exception | None = None) -> None:
            if error is not None and _telling(error) >= _telling(self.failure):
                self.failure = error
            ended(error)

        return noted


def _telling(error: Exception | None) -> int:
    """How much a failed attempt says of why nobody is reached; one that says less is no news.

    After a refused password or certificate the broker hangs up, now and then before its refusal is
    read; and in the last of many attempts our own time runs out.
    """
    if error is None:
        return 0
    if isinstance(error, OUR_TIME) or isinstance(error.__context__, OUR_TIME):
        return 1  # kafka-python raises one that timed out again, as one that could not connect
    if isinstance(error, REFUSED):
        return 4
    return 3 if "CERTIFICATE" in str(error) else 2


class Clients:
    """Makes clients of one cluster.

    ``options`` are kafka-python's own (security, compression_type, client_id); each client gets
    those it knows. ``patience`` is how long to wait for an answer, in seconds.
    """

    def __init__(self, bootstrap: str, options: Mapping[str, object], patience: float) -> None:
        self.bootstrap, self.patience = bootstrap, patience
        known = set[str]().union(
            *(kind.DEFAULT_CONFIG for kind in (KafkaConsumer, KafkaProducer, KafkaAdminClient))
        )
        if strange := sorted(options.keys() - known):
            raise LogError(f"kafka-python has no option {', '.join(strange)}")
        self._options = {
            "bootstrap_servers": bootstrap,
            "bootstrap_timeout_ms": int(patience * 1000),
            "request_timeout_ms": int(patience * 500),
            "reconnect_backoff_max_ms": 1_000,
            "metadata_max_age_ms": 30_000,
            "metrics_enabled": False,
            "allow_auto_create_topics": False,
            **options,
        }

    def admin(self) -> Any:
        return self._make(KafkaAdminClient)

    def consumer(self, **settings: object) -> Any:
        """A consumer that never commits by itself and never goes to another offset by itself."""
        return self._make(
            KafkaConsumer,
            auto_offset_reset="none",
            enable_auto_commit=False,
            isolation_level="read_committed",
            **settings,
        )

    def producer(self) -> Any:
        """A producer that waits for every replica and gives up within ``patience``."""
        return self._make(
            KafkaProducer,
            acks="all",
            batch_size=262_144,
            linger_ms=200,  # flush ends it early
            max_block_ms=int(self.patience * 1000),
            delivery_timeout_ms=int(self.patience * 1000),
        )

    def leave(self, group: str, member: str, name: str) -> str:
        """Take the static member ``name`` out of a group; returns what stood against it, or nothing."""
        admin = self.admin()
        try:
            with self.explained():
                going = MemberToRemove(member_id=member, group_instance_id=name, reason="it stops")
                answers = admin.remove_group_members(group, [going])
        finally:
            admin.close()
        return ", ".join(error.__name__ for error in answers.values() if error is not NoError)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn kafka-python's errors into this package's."""
        try:
            yield
        except KafkaError as error:
            raise self.error(error) from error

    def error(self, error: Exception) -> LogError:
        kind, words = next((kind, words) for of, kind, words in _TOLD if isinstance(error, of))
        return kind(f"Kafka at {self.bootstrap}: {words} ({error})", _concerned(error))

    def _make(self, kind: Any, **settings: object) -> Any:
        options = {name: value for name, value in self._options.items() if name in kind.DEFAULT_CONFIG}
        nets: list[_Net] = []

        def net(**config: object) -> _Net:
            nets.append(_Net(**config))
            return nets[0]

        made = None
        try:
            made = kind(**{**options, **settings}, kafka_client=net)
        except KafkaError as error:
            raise self._unmade(error, nets[0].failure if nets else None) from error
        finally:
            # a client that finds no broker leaves its thread and its sockets behind
            for each in nets:
                each.close() if made is None else each.reached()
        return made

    def _unmade(self, error: KafkaError, cause: Exception | None) -> LogError:
        """Why there is no client: whether nobody answers, or somebody who does not let us in."""
        if isinstance(cause, REFUSED):
            return self.error(cause)
        told = self.error(error)
        return type(told)(f"{told}{_hint(str(cause))}") if cause else told


def _hint(cause: str) -> str:
    """What a failed connection lets one suspect."""
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        return f"; its certificate is not trusted here: {cause}"
    if "ALERT" in cause and "CERTIFICATE" in cause:
        return f"; it wants a certificate that it trusts: {cause}"
    if any(sign in cause for sign in ("socket disconnected", "Handshake failed", "Invalid frame")):
        # A broker can hang up before it has said why: then a wrong password looks like this as well.
        return (
            f"; perhaps the two do not mean the same security, or the user or its secret is refused: {cause}"
        )
    return f": {cause}"


def _concerned(error: Exception) -> list[TopicPartition]:
    """The partitions that an error is about, where kafka-python tells."""
    told: Any = ()
    if isinstance(error, OffsetOutOfRangeError) and error.args:
        told = error.args[0]
    elif isinstance(error, LogTruncationError):
        told = error.divergent_offsets
    return [TopicPartition(*tp) for tp in told] if isinstance(told, dict) else []


def foreign(tp: TopicPartition) -> Any:
    """The partition as kafka-python wants it: it checks the class."""
    return KafkaPartition(*tp)
