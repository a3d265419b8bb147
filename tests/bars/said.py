"""Said: what was announced over a stream, and the run that it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from monitors.alarm import Alarm, Direction, Phase
from tests.bars.streams import Stream


class Said(NamedTuple):
    """One announcement: after which observation, which way, where it stands in a change, of what."""

    at: int
    direction: Direction
    phase: Phase = "first"
    of: str = ""
    alarm: Alarm | None = None


class Run(NamedTuple):
    """What was said over one stream of ``n`` observations whose level changed at ``changes``."""

    said: list[Said]
    changes: tuple[int, ...]
    n: int

    def before(self) -> list[Said]:
        """The alarms before anything had changed. That such a one is over again is no further alarm."""
        return [one for one in self.said if one.at < self.changes[0] and one.phase != "recovered"]

    def delay(self, directions: Sequence[Direction], of: str = "") -> int | None:
        """From the first change to the first announcement that is right about it; None if there is none."""
        at = self.changes[0]
        right = (s.at - at for s in self.said if s.at >= at and s.direction in directions and s.of == of)
        return next(right, None)


class Hearer(Protocol):
    """What listens to one quantity and says now and then that it has changed."""

    def hear(self, value: float, time: float) -> Said | None:
        """Take one observation; what is said counts observations of its own, the player puts it right."""
        ...

    def rearm(self) -> None:
        """The learner was replaced."""
        ...


def listen(hearer: Hearer, stream: Stream) -> Run:
    """Play a stream to one who listens."""
    said, hear = [], hearer.hear
    for at, (value, time) in enumerate(zip(stream.values, stream.times, strict=True)):
        if (one := hear(value, time)) is not None:
            said.append(one._replace(at=at))
    return Run(said, stream.changes, len(stream.values))
