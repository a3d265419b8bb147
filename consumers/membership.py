"""EmbeddedMembership: one lock file per shard beside the log says who runs it on this machine."""

import fcntl
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from consumers.log import LogUnavailable
from consumers.record import TopicPartition

RETRY = 0.2
"""Seconds between two attempts to take a shard that somebody else holds."""


class EmbeddedMembership:
    """Gives a worker every shard that no other process on this machine holds.

    The lock is the kernel's (flock): a process that is killed gives it up at once. What the file
    says is only for people: the name of the holder.
    """

    def __init__(self, path: Path, pipeline: str, shards: int, worker: str) -> None:
        self._folder, self._pipeline, self._worker = Path(path).parent, pipeline, worker
        self._name = Path(path).name
        self._shards = range(shards)
        self._held: dict[int, int] = {}
        self._next = 0.0

    def assigned(self) -> frozenset[int]:
        """The shards whose lock is ours; tries, now and then, to take the rest."""
        now = time.monotonic()
        if len(self._held) < len(self._shards) and now >= self._next:
            self._next = now + RETRY
            for shard in self._shards:
                if shard not in self._held:
                    self._try(shard)
        return frozenset(self._held)

    @property
    def trouble(self) -> str:
        """None ever: the locks of this machine are given to whoever comes first."""
        return ""

    def holder(self, shard: int) -> str | None:
        """The name that the holder of a shard wrote into its file; None where nobody holds it."""
        if shard in self._held:
            return self._worker
        try:
            with self._file(shard).open() as file:
                return (file.read().strip() or None) if _is_locked(file.fileno()) else None
        except FileNotFoundError:
            return None

    def tick(self, positions: Mapping[TopicPartition, int]) -> None:
        """Nothing to do: a lock needs no heartbeat."""

    def close(self) -> None:
        """Give every shard back."""
        for shard in list(self._held):
            descriptor = self._held.pop(shard)
            _write(descriptor, "")
            os.close(descriptor)

    def _try(self, shard: int) -> None:
        try:
            descriptor = os.open(self._file(shard), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            where = self._file(shard)
            raise LogUnavailable(f"{where}: {error.strerror}; check its folder and the disk") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return
        self._held[shard] = descriptor
        _write(descriptor, self._worker)

    def _file(self, shard: int) -> Path:
        return self._folder / f"{self._name}.{self._pipeline}.{shard}.owner"


def _write(descriptor: int, name: str) -> None:
    """Put a name into a lock's file, for people; the lock holds where the disk does not take it."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, name.encode(), 0)


def _is_locked(descriptor: int) -> bool:
    """Whether somebody holds the file: a process that was killed leaves its name, but not its lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
