"""Notice: one thing that one channel tells people, as the store keeps it until it is sent."""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol, get_args

Kind = Literal["opened", "escalated", "worse", "regressed", "snooze_over", "resolved", "decided", "test"]
KINDS: tuple[Kind, ...] = get_args(Kind)

CALLS: tuple[Kind, ...] = ("opened", "escalated", "worse", "regressed", "snooze_over", "resolved")
"""What people are told of; ``decided`` is for the time axes of dashboards only."""


class NotSent(Exception):
    """Why a notice did not arrive; it is tried again."""


class Notice(NamedTuple):
    """Something to be told. ``key`` is the same however often it is found out; ``body`` is JSON."""

    number: int
    key: str
    channel: str
    pipeline: str
    kind: str
    subject: str
    body: Mapping[str, Any]
    at: float
    attempts: int

    @property
    def id(self) -> str:
        """By which whoever is told knows a repetition."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:32]


class Channel(Protocol):
    """A way to tell people something."""

    name: str
    kinds: tuple[Kind, ...]

    def send(self, notice: Notice) -> None:
        """Return when it has arrived, within seconds. Raises NotSent."""
